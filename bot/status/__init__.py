"""The old name of `clapper status`, kept for one release."""
