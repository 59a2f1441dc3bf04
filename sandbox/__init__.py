"""A Discord and a Google on loopback, as strict as the real ones, for the demo and the tests.

Imports nothing of the bot, discord.py or google-genai, so it cannot share their mistakes.
"""
