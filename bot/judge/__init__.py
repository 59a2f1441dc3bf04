"""The old name of `clapper settle`, kept for one release."""
