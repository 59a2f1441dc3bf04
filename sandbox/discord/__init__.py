"""A local Discord: its world, rules, REST API, gateway, CDN and control API.

The state (``world`` and related modules) is separate from the protocols (``rest``, ``gateway``),
which learn of changes by events. Imports nothing of ``sandbox.google``.
"""
