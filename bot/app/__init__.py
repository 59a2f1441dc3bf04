"""Builds every part of the bot from the settings, and starts and stops them.

May import every package except `cli`. Only this package and `cli` read the settings.
"""
