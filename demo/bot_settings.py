"""The settings with which the demo and ``make play`` run the bot."""

import socket
from pathlib import Path


def local_bot_settings(folder: Path, port: int) -> dict[str, str]:
    """Return the settings of a bot whose data is below ``folder``, with its gallery at ``port``."""
    return {
        "DATA_DIR": str((folder / "bot").resolve()),
        "POLL_INTERVAL_S": "1",
        "PAID_CALLS": "forbid",
        "LOG_FORMAT": "console",
        "LOG_LEVEL": "INFO",
        "WEB_PORT": str(port),
    }


def find_free_port() -> int:
    """Return a free port for the bot's web server, so that the gallery's address is known early."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
