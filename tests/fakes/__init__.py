"""In-memory fakes of Google, Discord and time, with scripted faults. Each implements its port."""
