"""What an operator configures: the settings, and the catalog of models.

Imported by `bot.app` and `bot.cli` only; imports the domain, pydantic and nothing else.
"""
