"""``make demo``: the real bot makes, extends and showcases a clip, without any account.

The demo starts the bot as a program and acts only through the control API, so what it shows is what
a member of a server would see.
"""
