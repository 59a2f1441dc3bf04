"""Composition: builds every part from the settings, starts and stops them. May import every room
but `cli`; with `cli`, the only one that reads the settings."""
