"""``make demo``: the real bot makes, extends and showcases a clip without any accounts.

The demo starts the bot as a program and only uses the control API. So it shows what a member of a
server would see.
"""
