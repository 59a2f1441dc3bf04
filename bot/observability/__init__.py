"""Logs, metrics and the heartbeat file. May import the domain."""
