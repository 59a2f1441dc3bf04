"""Shared by all tests: the sandbox and the bot as processes, their clients, and waiting."""
