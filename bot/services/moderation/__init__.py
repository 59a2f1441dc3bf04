"""Word lists, and members who may make no clips."""
