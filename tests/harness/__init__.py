"""What the tests share: the sandbox and the bot as processes, clients for both, and waiting."""
