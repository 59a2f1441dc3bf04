"""Several PostgreSQL servers in one ``DATABASE_URL``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import make_url, select

from bot.domain.errors import DatabaseUnavailable
from bot.store.engine.database import open_database
from bot.store.engine.postgres_servers import WritableServerConnector, parse_url
from tests.contract.conftest import POSTGRES_URL
from tests.harness.process import find_free_port
from tests.harness.waiting import stretch_timeout

SERVER = make_url(POSTGRES_URL)
HOST, PORT = SERVER.host or "127.0.0.1", SERVER.port or 5432
ACCOUNT = {"user": SERVER.username, "password": SERVER.password, "database": SERVER.database}


@pytest.fixture(autouse=True)
async def require_server() -> None:
    """Skip the test where there is no server."""
    try:
        connection = await asyncpg.connect(host=HOST, port=PORT, **ACCOUNT, timeout=60)
    except (OSError, asyncpg.PostgresError) as error:
        pytest.skip(f"no PostgreSQL for the tests at TEST_POSTGRES_URL: {error}")
    await connection.close()


class SilentServer:
    """Accepts connections and never answers, as a host without power behind a proxy."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = 0


@asynccontextmanager
async def run_silent_server() -> AsyncIterator[SilentServer]:
    silent = SilentServer(find_free_port())
    released = asyncio.Event()

    async def ignore(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.connections += 1
        await released.wait()
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", silent.port)
    try:
        yield silent
    finally:
        released.set()
        server.close()


def name_servers(*ports: int) -> str:
    """Return the URL of the tests' database with these ports in the place of its own."""
    servers = ",".join(f"{HOST}:{port}" for port in ports)
    url = SERVER.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
    return url.replace(f"{HOST}:{PORT}" if SERVER.port else HOST, servers, 1)


@pytest.mark.postgresql
async def test_a_server_that_is_gone_is_passed_over() -> None:
    database = open_database(name_servers(find_free_port(), PORT))
    try:
        assert await database.read_scalar(select(1)) == 1
    finally:
        await database.close()


@pytest.mark.postgresql
async def test_a_silent_server_uses_up_only_its_own_time_and_comes_last_then() -> None:
    connector, timeout_s = WritableServerConnector(), stretch_timeout(2)
    async with run_silent_server() as silent:
        for _ in range(2):
            connection = await connector.connect(
                host=["127.0.0.1", HOST], port=[silent.port, PORT], timeout=timeout_s, **ACCOUNT
            )
            assert await connection.fetchval("SELECT 1") == 1
            await connection.close()
        assert silent.connections == 1


@pytest.mark.postgresql
async def test_a_server_that_only_reads_is_not_used() -> None:
    """A standby says so; a session that may only read says the same."""
    with pytest.raises(ConnectionError, match="none of 2 servers accepts writes"):
        await WritableServerConnector().connect(
            host=[HOST, HOST],
            port=[PORT, PORT],
            timeout=60,
            server_settings={"default_transaction_read_only": "on"},
            **ACCOUNT,
        )


@pytest.mark.postgresql
async def test_no_server_at_all_is_waited_for() -> None:
    database = open_database(name_servers(find_free_port(), find_free_port()))
    try:
        with pytest.raises(DatabaseUnavailable, match="accepts writes"):
            await database.read_scalar(select(1))
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("postgresql+asyncpg://me:a,b@one:1,two:2/db", "one,two", "1,2"),
        ("postgresql+asyncpg://one,two/db?ssl=require", "one,two", "5432,5432"),
        ("postgresql+asyncpg://me:a,b@one/db", None, None),
        ("postgresql+asyncpg://me:a,b/c@one/db", None, None),
    ],
)
def test_servers_in_a_url(text: str, host: str | None, port: str | None) -> None:
    url = parse_url(text)
    assert (url.query.get("host"), url.query.get("port")) == (host, port)
    assert url.database == "db"
    again = parse_url(url.render_as_string(hide_password=False))  # for the process that migrates
    assert again == url
