"""The showcase: permissions, posts, digests, the gallery and the audit log."""
