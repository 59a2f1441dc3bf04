"""Several PostgreSQL servers in one URL: a connection goes to the one that accepts writes.

asyncpg can choose among servers too, but with one timeout for all of them. So a first server that
does not answer at all, as after a power cut, would use up the time of the promoted one.
"""

import re
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, make_url

if TYPE_CHECKING:
    import asyncpg

_DEFAULT_PORT: Final = "5432"
_SEVERAL_SERVERS: Final = re.compile(
    r"(?P<start>postgresql[^:/]*://(?:[^@]*@)?+)(?P<servers>[^/?@]*,[^/?@]*)(?P<rest>.*)"
)
"""A password may hold commas, so what is before an ``@`` is never read as servers (``?+``)."""


def parse_url(url: str) -> URL:
    """Return the URL, in which PostgreSQL may have several servers: ``HOST:PORT,HOST:PORT``.

    Raises `ValueError` or SQLAlchemy's `ArgumentError` for a malformed one.
    """
    match = _SEVERAL_SERVERS.fullmatch(url)
    if match is None:
        return make_url(url)
    hosts, ports = [], []
    for server in match["servers"].split(","):
        host, _, port = server.partition(":")
        if not host or not (port or _DEFAULT_PORT).isdecimal():
            raise ValueError("servers must look like HOST:PORT,HOST:PORT")
        hosts.append(host)
        ports.append(port or _DEFAULT_PORT)
    servers = {"host": ",".join(hosts), "port": ",".join(ports)}
    return make_url(match["start"] + match["rest"]).update_query_dict(servers)


def has_several_servers(url: URL) -> bool:
    """Whether `parse_url` found more than one server."""
    return "," in str(url.query.get("host", ""))


class WritableServerConnector:
    """Connects to whichever server accepts writes, beginning with the one that did last."""

    def __init__(self) -> None:
        self._latest = 0

    async def connect(
        self, *, host: list[str], port: list[int], **options: Any
    ) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection; each server has asyncpg's ``timeout`` for itself.

        Raises `ConnectionError` if no server accepts writes.
        """
        import asyncpg  # here, because an operator who uses SQLite does not need it

        is_elsewhere = (
            *(OSError, TimeoutError),
            asyncpg.CannotConnectNowError,  # it starts or stops
            asyncpg.TargetServerAttributeNotMatched,  # it is a standby
        )
        cause: BaseException | None = None
        for attempt in range(len(host)):
            index = (self._latest + attempt) % len(host)
            try:
                connection = await asyncpg.connect(
                    host=host[index],
                    port=port[index],
                    **{"target_session_attrs": "read-write", **options},
                )
            except is_elsewhere as error:
                cause = error
            else:
                self._latest = index
                return connection
        raise ConnectionError(f"none of {len(host)} servers accepts writes: {cause}") from cause
