"""Local replacements for Discord and Google, as strict as the real ones, for demo and tests.

The package imports nothing of the bot, discord.py or google-genai, so it does not repeat their
mistakes.
"""
