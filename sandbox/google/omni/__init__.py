"""Gemini Omni through the Interactions API, as far as a bot that makes videos meets it.

Nothing here is shared with Veo but files, the renderer and the settings: the wire, the errors and
the rules are other ones.
"""
