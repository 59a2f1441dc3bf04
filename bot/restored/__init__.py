"""What to do once between a restored backup and the start of the bot, from the terminal."""
