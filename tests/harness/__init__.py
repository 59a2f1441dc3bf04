"""What tests share: the sandbox and the bot as processes, their clients, and waiting."""
