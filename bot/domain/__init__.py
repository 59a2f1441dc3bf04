"""What requests, jobs, clips, limits, ledger entries and showcase posts are, and their rules.

Imports the standard library and itself only, so that every rule that decides over money can be
read and tested alone.
"""
