"""The showcase: who may add a clip, posts, digests, the gallery, the audit log.

Imports `bot.domain` only.
"""
