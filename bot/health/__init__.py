"""The old name of `clapper health`, kept for one release."""
