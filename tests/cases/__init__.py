"""Reported faults, each named by its row, and the tests that hold them."""
