"""The examples of `sandbox/examples`, each with its own library, as programs.

Libraries that are not in the lock of the tests have one of their own. They are installed at the
first use; without a registry, or without Node, there is a reason to skip.
"""

import asyncio
import hashlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.harness.process import ROOT

EXAMPLES = ROOT / "sandbox" / "examples"
_UV = ROOT / ".venv" / "bin" / "uv"
# Without a registry nobody waits for it.
_FEW_RETRIES = {"UV_HTTP_RETRIES": "0", "npm_config_fetch_retries": "0"}


class LibraryMissing(Exception):
    """The example's library cannot be installed here. The message says why."""


async def prepare_discord_py() -> list[str | Path]:
    """Return the command that starts the bot of discord.py, which the product needs anyway."""
    return [sys.executable, EXAMPLES / "discord_py_bot.py"]


async def prepare_hikari() -> list[str | Path]:
    """Return the command that starts the bot of hikari. Raises LibraryMissing."""
    script = EXAMPLES / "hikari_bot.py"
    options = ("--script", str(script), "--python", sys.executable)
    await _run_quietly(_UV, "sync", "--frozen", "--quiet", *options)
    python = await _run_quietly(_UV, "python", "find", "--script", str(script))
    return [python.strip(), script]


async def prepare_discord_js() -> list[str | Path]:
    """Return the command that starts the bot of discord.js. Raises LibraryMissing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise LibraryMissing("node and npm are not installed")
    source = EXAMPLES / "discord_js"
    lock = (source / "package-lock.json").read_bytes()
    folder = ROOT / "var" / "examples" / f"discord_js-{hashlib.sha256(lock).hexdigest()[:12]}"
    shutil.copytree(source, folder, dirs_exist_ok=True)
    if not (folder / "node_modules" / ".package-lock.json").is_file():
        quiet = ("--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
        await _run_quietly(npm, "ci", *quiet, folder=folder)
    return [node, folder / "bot.js"]


@asynccontextmanager
async def run_example(
    command: list[str | Path], settings: dict[str, str], ready: Awaitable[None]
) -> AsyncIterator[None]:
    """Run a bot with ``settings`` while the body does, which begins when the bot is ready."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(*command, env=kept | settings)
    ended = asyncio.create_task(process.wait())
    try:
        waiting = asyncio.ensure_future(ready)
        await asyncio.wait((ended, waiting), return_when=asyncio.FIRST_COMPLETED)
        assert not ended.done(), f"the bot ended with {process.returncode}"
        await waiting
        yield
        assert not ended.done(), f"the bot ended with {process.returncode}"
    finally:
        waiting.cancel()
        if not ended.done():
            process.kill()
        await ended


async def _run_quietly(program: str | Path, *words: str, folder: Path | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        program,
        *words,
        cwd=folder,
        env=os.environ | _FEW_RETRIES,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, errors = await process.communicate()
    if process.returncode != 0:
        raise LibraryMissing((errors or printed).decode(errors="replace").strip()[-300:])
    return printed.decode()
