"""Gemini Omni through the Interactions API, with an API key and in a Google Cloud project.

A few plain requests of our own (docs/decisions/0020); what both routes share is in
`bot.google.omni.interactions`.
"""
