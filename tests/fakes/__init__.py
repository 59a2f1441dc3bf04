"""Google, Discord and time as the ports describe them, in memory, with faults by script."""
