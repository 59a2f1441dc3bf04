"""The old name of `clapper pause` and `clapper resume`, kept for one release."""
