"""How a subcommand ends when it could not do its work: one line on stderr and a status."""

from typing import Final

EXIT_FAILED: Final = 1
EXIT_BAD_SETTING: Final = 2


class CommandFailed(Exception):
    """The subcommand cannot go on; the message is one line for the operator."""

    def __init__(self, message: str, exit_status: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_status = exit_status
