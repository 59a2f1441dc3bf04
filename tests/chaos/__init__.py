"""Chaos tests: processes are killed, paused and disconnected, and no job may be lost or repeated.

Each scenario drives real bots against the sandbox as members would, injects its failures, waits
until all jobs have ended, and then compares three independent records: the bot's database, the
submits that the sandbox's Google received, and the clips in the sandbox's Discord.
"""
