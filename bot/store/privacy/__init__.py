"""Exports of what is stored about a member, and the erasure of members and servers.

May import `bot.domain` and the rest of `bot.store`.
"""
