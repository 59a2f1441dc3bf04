"""The old name of `clapper models`, kept for one release."""
