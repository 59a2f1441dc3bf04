"""A temporary PostgreSQL server that tests may crash."""

import asyncio
import os
import pwd
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import asyncpg

from tests.harness.process import find_free_port

_INSTALLED = Path("/usr/lib/postgresql")


class PostgresNotInstalled(Exception):
    """PostgreSQL's server programs are not installed."""


def find_programs() -> Path:
    """Return the folder of the newest PostgreSQL's programs. Raises `PostgresNotInstalled`."""
    pg_ctl = shutil.which("pg_ctl")
    if pg_ctl is not None:
        return Path(pg_ctl).resolve().parent  # a link may be alone in its folder
    versions = sorted(_INSTALLED.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    if not versions:
        raise PostgresNotInstalled("no pg_ctl on this machine (Debian: apt-get install postgresql)")
    return versions[-1].parent


class PostgresCluster:
    """A PostgreSQL server on a free loopback port, in a temporary folder.

    ``durable`` is whether commits outlive a crash, and whether they take the time for it. With a
    ``primary`` it begins as a standby, a copy that follows that server.
    """

    def __init__(self, *, durable: bool, primary: "PostgresCluster | None" = None) -> None:
        self._durable = durable
        self._primary = primary
        self._is_running = False
        self._programs = find_programs()
        self._home = Path(tempfile.mkdtemp(prefix="clapper-pg-"))
        self._port = find_free_port()
        # PostgreSQL refuses to run as root; Debian's package creates a user for it
        self._user = "postgres" if os.geteuid() == 0 else None

    async def __aenter__(self) -> Self:
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self._home, account.pw_uid, account.pw_gid)
        data = str(self._home / "data")
        if self._primary is None:
            await self._run_program(
                "initdb", "-D", data, "-U", "clapper", "-A", "trust", "--no-sync"
            )
        else:
            source = f"host=127.0.0.1 port={self._primary.port} user=clapper"
            await self._run_program(
                "pg_basebackup",
                *("-D", data, "-d", source, "--write-recovery-conf", "--checkpoint=fast"),
            )
        await self._run_pg_ctl("start")
        self._is_running = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_running:
            await self.crash()
        await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)

    @property
    def port(self) -> int:
        """The TCP port."""
        return self._port

    async def crash(self) -> None:
        """Stop at once, as in a power failure (mode ``immediate``)."""
        await self._run_pg_ctl("stop")
        self._is_running = False

    async def promote(self) -> None:
        """Make a standby accept writes, and wait until it does."""
        await self._run_pg_ctl("promote")

    async def crash_and_restart(self) -> None:
        """Stop at once, as in a power failure (mode ``immediate``), and start again."""
        await self._run_pg_ctl("restart")

    async def create_database(self) -> str:
        """Create a database and return its URL for the bot."""
        name = f"chaos_{uuid4().hex[:8]}"
        await self.run_statement(f'CREATE DATABASE "{name}"')
        return self._build_url(name).replace("postgresql://", "postgresql+asyncpg://")

    async def run_statement(self, statement: str) -> list[asyncpg.Record]:
        """Run one statement on the database ``postgres`` and return its rows."""
        connection = await asyncpg.connect(self._build_url("postgres"))
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement)
            return rows
        finally:
            await connection.close()

    def _build_url(self, database: str) -> str:
        return f"postgresql://clapper@127.0.0.1:{self._port}/{database}"

    async def _run_pg_ctl(self, action: str) -> None:
        options = f"-p {self._port} -k {self._home} -c listen_addresses=127.0.0.1"
        if not self._durable:
            options += " -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
        await self._run_program(
            "pg_ctl",
            *("-D", str(self._home / "data"), "-l", str(self._home / "log")),
            *("-m", "immediate", "-o", options, "-w", "-t", "600", action),
        )

    async def _run_program(self, program: str, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            str(self._programs / program),
            *arguments,
            user=self._user,
            cwd=self._home,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if await process.wait() != 0:
            raise RuntimeError(f"{program} failed with {process.returncode}")
