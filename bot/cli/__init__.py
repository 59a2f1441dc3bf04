"""The command `clapper`: one module per subcommand. May import every room.

A subcommand's module has `add_arguments(parser)` and `run_subcommand(arguments)`, which returns the
exit status or raises `CommandFailed`.
"""
