"""Discord, as a bot sees it: the world, its rules, and the wires that reach it."""
