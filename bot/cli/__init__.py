"""The command `clapper`, one module per subcommand. May import every room.

A subcommand's docstring is its help: a summary (the one in `clapper --help`), what it does to a bot
that runs, examples, exit status. `run_subcommand(arguments)` returns the exit status or raises
`CommandFailed` or `SettingsError`; `add_arguments(parser)` is only there where it takes any.
"""
