"""Gemini Omni through the Interactions API, with an API key or in a Google Cloud project.

It uses plain HTTP requests instead of an SDK (docs/decisions/0020). The code that both routes share
is in `bot.google.omni.interactions`.
"""
