"""Google, Discord and time in memory, with faults by script; each implements its port."""
