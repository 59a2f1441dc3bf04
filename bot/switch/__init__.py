"""The operator's switch over the whole bot, from the terminal."""
