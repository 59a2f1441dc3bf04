"""The showcase: who may add a clip, posts, digests, the gallery, the audit log."""
