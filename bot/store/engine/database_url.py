"""Reads ``DATABASE_URL``: what is malformed in it is refused before anything is opened.

SQLAlchemy and the drivers report it in several ways, and some of it only at the first connection.
"""

import re
from collections.abc import Mapping
from typing import Final

from sqlalchemy import URL
from sqlalchemy.exc import ArgumentError

from bot.store.engine.postgres_servers import parse_url

_FORMS: Final[Mapping[str, str]] = {
    "sqlite": "sqlite+aiosqlite:///PATH",
    "postgresql": (
        "postgresql+asyncpg://USER:PASSWORD@HOST:PORT/NAME, with HOST:PORT,HOST:PORT for several"
        " servers (in a password, write @ as %40 and % as %25)"
    ),
}
_DRIVERS: Final[Mapping[str, str]] = {"sqlite": "aiosqlite", "postgresql": "asyncpg"}
_LARGEST_PORT: Final = 65_535
_NOT_IN_HOSTS: Final = re.compile(r"[\s\x00-\x1f@?#]")
_PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "sqlite": frozenset(
        ("timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements")
    ),
    "postgresql": frozenset(
        (
            *("host", "port", "user", "password", "database", "passfile"),
            *("service", "servicefile", "ssl", "target_session_attrs", "krbsrvname", "gsslib"),
            "prepared_statement_cache_size",
            # accepted without effect, because the bot has its own values for them
            *("timeout", "command_timeout", "server_settings"),
        )
    ),
}
"""What the drivers take as text; they refuse others only at the first connection."""
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "ssl": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": (
        *("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    ),
}


def read_database_url(text: str) -> URL:
    """Return the URL with the driver that is used, and PostgreSQL's servers in its query.

    Raises `ValueError` with one line that says what the URL must look like, without a password.
    """
    backend = re.split(r"[+:]", text, maxsplit=1)[0]
    if backend not in _FORMS:
        raise ValueError("it must begin with sqlite+aiosqlite:// or postgresql+asyncpg://")
    must_look_like = f"it must look like {_FORMS[backend]}"
    try:
        url = parse_url(text).set(drivername=f"{backend}+{_DRIVERS[backend]}")
        # PostgreSQL's own name, which hosts write
        if backend == "postgresql" and "sslmode" in url.query and "ssl" not in url.query:
            mode = {"ssl": url.query["sslmode"]}
            url = url.difference_update_query(["sslmode"]).update_query_dict(mode)
        if backend == "postgresql" or "uri" not in url.query:  # a file: URI may have others
            _check_parameters(url, _PARAMETERS[backend])
        _, options = url.get_dialect()().create_connect_args(url)
    except _MalformedPart:
        raise
    except (ArgumentError, ValueError) as error:
        raise ValueError(must_look_like) from error
    if backend == "sqlite":
        if not url.database or url.database == ":memory:" or "\0" in url.database:
            raise ValueError(must_look_like)
        return url
    if any(_NOT_IN_HOSTS.search(host) for host in _list_values(options.get("host"))):
        raise ValueError(must_look_like)
    ports = [*_list_values(options.get("port")), *_list_values(url.port)]
    if any(not 0 < int(port) <= _LARGEST_PORT for port in ports):
        raise ValueError(f"a port must be between 1 and {_LARGEST_PORT}")
    return url


class _MalformedPart(ValueError):
    """Its message may be shown."""


def _check_parameters(url: URL, known: frozenset[str]) -> None:
    for name, value in url.query.items():
        if name not in known:
            shown = f" {name}" if name.isidentifier() else ""  # else it may be part of a password
            raise _MalformedPart(f"unknown parameter{shown}: use {', '.join(sorted(known))}")
        choices = _CHOICES.get(name)
        if choices is not None and value not in choices:
            raise _MalformedPart(f"its parameter {name} must be one of {', '.join(choices)}")


def _list_values(value: object) -> list[str]:
    if value is None:
        return []
    return list(map(str, value)) if isinstance(value, list | tuple) else [str(value)]
