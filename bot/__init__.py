"""Clapper: a Discord bot that makes, extends and shares Veo videos."""

__version__ = "0.1.0"
