"""The command `clapper`, one module per subcommand. May import every room.

A subcommand's docstring is its help. `run_subcommand(arguments)` returns the exit status or raises
`CommandFailed` or `SettingsError`; `add_arguments(parser)` is only there where it takes any.
"""
