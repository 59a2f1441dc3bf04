"""Chaos tests: real processes are killed, paused and cut off, and nothing may be lost or doubled.

Each scenario drives real bots against the sandbox as members would, injects its failures, waits
until all jobs have ended, and then compares three independent records: the bot's database, the
submits that the sandbox's Google received, and the clips in the sandbox's Discord.
"""
