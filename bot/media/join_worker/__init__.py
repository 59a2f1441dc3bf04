"""A program that joins videos, or reads one, in a separate process.

It may import PyAV and Pillow, but nothing else of the bot. The bot starts it by its path and never
imports it.
"""
