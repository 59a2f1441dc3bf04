"""Killing, stopping and cutting off real processes, and counting afterwards.

Each scenario drives real bots against the sandbox as members would, does its worst, lets everything
come to rest, and then compares three sets of books: the bot's database, the submits that the
sandbox's Google saw, and the clips that members see in the sandbox's Discord.
"""
