"""The old name of `clapper after-restore`, kept for one release."""
