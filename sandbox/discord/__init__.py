"""A Discord on loopback: its world, rules, REST API, gateway, CDN and control API.

State (``world`` and its neighbours) is apart from the wire (``rest``, ``gateway``); events join
them. Imports nothing of ``sandbox.google``.
"""
