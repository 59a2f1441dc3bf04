"""`make demo`: a stranger watches the real bot make a clip and extend it, without any account.

The demo knows the bot only as a program to start, and acts only through the sandbox's control API,
as any other person with a keyboard would: what it shows is what a member of a server would see.
"""
