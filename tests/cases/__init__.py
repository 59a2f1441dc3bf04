"""Reported faults by row, and the tests that cover them."""
