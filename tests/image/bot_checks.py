"""What is looked at while the bot runs in the image, on one volume from check to check."""

import asyncio
import io
import json
import re
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
import av
from PIL import Image, ImageDraw

from bot.store.engine.schema import find_newest_revision
from tests.e2e.stage import (
    QUICK_GOOGLE,
    SHORT_CLIP,
    TIMEOUT_S,
    Json,
    clip_number_of,
    clips_of,
    video_of,
)
from tests.harness.bot import NO_LIMITS, START_TIMEOUT_S
from tests.harness.certificates import make_certificate
from tests.harness.manifest_verifier import verify_file
from tests.harness.process import ROOT, ProcessEnded, find_free_port
from tests.harness.sandbox import SandboxProcess
from tests.harness.texts import quote_text
from tests.harness.waiting import eventually, stretch_timeout
from tests.image.document_commands import read_container_commands
from tests.image.engines import CommandResult, Container, Engine, ImageSettings

STOP_TIMEOUT_S: Final = 10.0
"""Within which SIGTERM ends the bot, as the documents promise."""
OLD_REVISION: Final = "0006"
"""The oldest tables that are known from a released database (tests/contract/test_upgrade.py)."""
LARGE_BYTES: Final = 24_000_000
"""More than Discord takes without boosts, so that the clip is re-encoded."""

OPERATIONS: Final = ROOT / "docs" / "operations.md"

_REVISION: Final = "SELECT version_num FROM alembic_version"
_DATABASE: Final = "/data/clapper.db"
_DOWNGRADE: Final = """
import asyncio, sys
from alembic import command
from bot.store.engine.database import open_database
from bot.store.engine.schema import build_alembic_config

async def downgrade():
    database = open_database("sqlite+aiosqlite:////data/clapper.db")
    await database.write(lambda connection: connection.run_sync(
        lambda sync: command.downgrade(build_alembic_config(sync), sys.argv[1])))
    await database.close()

asyncio.run(downgrade())
"""
_SELECT: Final = """
import json, sqlite3, sys
with sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True) as database:
    print(json.dumps(database.execute(sys.argv[2]).fetchall()))
"""


class ImageStage:
    """A sandbox on this machine, and bots that run in the image, one after the other."""

    def __init__(
        self, engine: Engine, settings: ImageSettings, sandbox: SandboxProcess, folder: Path
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._sandbox = sandbox
        self._control = sandbox.control
        self._folder = folder
        self._log = folder / "bot.log"
        self._port = find_free_port()
        self._certificate = make_certificate(folder / "certificate", "Studio Test")
        self._volume = ""
        self._backup = b""
        self._saved_videos: set[str] = set()
        self._room = ""
        self._bot: Container | None = None

    async def close(self) -> None:
        """Remove the container."""
        if self._bot is not None:
            await self._bot.close()

    # -- the checks, in their order

    async def check_start(self) -> str:
        """Start it on an empty volume, as compose.yaml does."""
        await self._control.google(**QUICK_GOOGLE)
        guild = (await self._control.world())["guilds"][0]
        channel = await self._control.add_channel(guild["id"], "image")
        self._room = channel["id"]
        self._volume = await self._engine.create_volume()
        await self._install_certificate()
        before = await self._engine.run(self._settings.health_command, volume=self._volume)
        assert before.status == 1, f"healthy before its start: {before.output}"
        started_at = time.monotonic()
        await self._start_bot()
        return f"connected after {time.monotonic() - started_at:.1f} s"

    async def check_read_only(self) -> str:
        """Check that not even root can write outside the volume and /tmp."""
        for folder in ("/opt/clapper", "/etc", "/var/tmp"):
            result = await self._execute("touch", f"{folder}/probe", as_root=True)
            assert result.status != 0, f"{folder} can be written"
            assert "Read-only file system" in result.output, result.output
        for folder in ("/data", "/tmp"):
            result = await self._execute("sh", "-c", f"touch {folder}/probe && rm {folder}/probe")
            assert result.status == 0, f"{folder} cannot be written: {result.output}"
        return "only /data and /tmp can be written"

    async def check_health(self) -> str:
        """Run the command of HEALTHCHECK, and ask the web server."""

        async def is_healthy() -> bool:
            return (await self._execute(*self._settings.health_command)).status == 0

        await eventually(is_healthy, what="the command of HEALTHCHECK answering 0")
        url = f"http://127.0.0.1:{self._port}/healthz"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200, answer.status
        return f"{' '.join(self._settings.health_command)} and /healthz"

    async def check_health_status(self) -> str:
        """Wait until the engine itself calls the container healthy."""

        async def is_healthy() -> bool:
            assert self._bot is not None
            status = await self._engine.read_health(self._bot)
            assert status == "healthy", status
            return True

        await eventually(is_healthy, interval=1, what="the engine's health status")
        return "healthy"

    async def check_clip(self) -> str:
        """Make a clip of a picture: the image is decoded in a process of its own."""
        picture = await asyncio.to_thread(_paint, self._folder / "picture.png")
        options = {"prompt": "it turns", **SHORT_CLIP}
        interaction = await self._control.command(
            "Ada", self._room, "video generate", options, attachments={"image": picture}
        )
        await self._wait_for_answer(interaction, quote_text("ask.accepted"))
        message = await self._wait_for_clip(1)
        return await self._describe_video(message)

    async def check_large_clip(self) -> str:
        """Make a clip that Discord would refuse: it is re-encoded and signed in other processes."""
        await self._control.google(**QUICK_GOOGLE, min_bytes=LARGE_BYTES)
        await self._request("a large heron")
        message = await self._wait_for_clip(2)
        await self._control.google(**QUICK_GOOGLE, min_bytes=0)
        content = await self._download(message)
        assert len(content) < LARGE_BYTES, f"{len(content)} bytes were posted"
        posted = self._folder / "posted.mp4"
        posted.write_bytes(content)
        assert self._sandbox.manifest_root is not None
        manifest = verify_file(posted, [self._certificate.root, self._sandbox.manifest_root])
        assert manifest.parent is not None, "Google's manifest is lost"
        return f"{await self._describe_video(message)}, signed by {manifest.signer}"

    async def check_programs(self) -> str:
        """Run the other programs beside the bot, as ``docker compose exec bot clapper …`` does."""
        doctor = await self._execute("clapper", "doctor", "--json")
        checks = json.loads(doctor.stdout)["checks"]
        failed = [each for each in checks if each["status"] == "failed"]
        assert not failed, failed
        [signing] = [each for each in checks if each["check"] == "C2PA key"]
        assert signing["message"].startswith("signs"), signing
        for command in (*("status --once", "pause --show", "settle", "ledger verify", "models"),):
            result = await self._execute("clapper", *command.split())
            assert result.status == 0, f"clapper {command}: {result.output}"
        return f"doctor with {len(checks)} checks, status, pause, settle, ledger, models"

    async def check_backup(self) -> str:
        """Run the commands that docs/operations.md gives for a backup of the volume."""
        for command in read_container_commands(OPERATIONS, "docker backup"):
            result = await self._execute(*command.words)
            assert result.status == 0, result.output
            if command.redirection == ">":
                self._backup = result.stdout
        with tarfile.open(fileobj=io.BytesIO(self._backup)) as archive:
            names = archive.getnames()
        assert "backup.db" in names, names
        self._saved_videos = {name for name in names if name.endswith(".mp4")}
        assert len(self._saved_videos) >= 2, names
        return f"{len(names)} files, {len(self._saved_videos)} of them videos, while the bot ran"

    async def check_restore(self) -> str:
        """Run the commands for a restore, into an empty volume."""
        volume = await self._engine.create_volume()
        for command in read_container_commands(OPERATIONS, "docker restore"):
            result = await self._engine.run(
                command.words,
                volume=volume,
                environment=self._build_environment(),
                stdin=self._backup if command.redirection == "<" else None,
            )
            assert result.status == 0, f"{command.words}: {result.output}"
        assert await self._select_in(volume, "SELECT count(*) FROM clips") == [[2]]
        find = ["find", "/data/clips", "-name", "*.mp4", "-printf", "clips/%P\\n"]
        found = await self._engine.run(find, volume=volume)
        assert set(found.text.split()) == self._saved_videos, found.output
        return f"{len(self._backup):,} bytes, put into an empty volume"

    async def check_stop(self) -> str:
        """Stop it while Google makes a clip; its next start delivers that, once."""
        assert self._bot is not None
        async with self._control.hold_google():
            await self._request("a clip across a restart")

            async def has_operation() -> bool:
                rows = await self._select("SELECT count(*) FROM jobs WHERE state = 'polling'")
                return rows == [[1]]

            await eventually(has_operation, what="Google making the clip")
            started_at = time.monotonic()
            status = await self._bot.stop(timeout=stretch_timeout(STOP_TIMEOUT_S))
            stopped_s = time.monotonic() - started_at
            assert status == 0, f"exit status {status}: {self._bot.read_log()[-2000:]}"
            await self._bot.close()
            await self._start_bot()
        await self._wait_for_clip(3)
        await self._wait_for_end_of_jobs()
        google = await self._control.call("GET", "google")
        sent = [each for each in google["submits"] if "across a restart" in each["prompt"]]
        assert len(sent) == 1, f"{len(sent)} submits"
        posted = clips_of(await self._control.messages(self._room))
        assert len(posted) == 3, f"{len(posted)} clips posted"
        return f"status 0 after {stopped_s:.1f} s; the running clip was delivered once afterwards"

    async def check_upgrade(self) -> str:
        """Start it on a volume with tables of an old revision; the clips are still there."""
        assert self._bot is not None
        status = await self._bot.stop(timeout=stretch_timeout(STOP_TIMEOUT_S))
        assert status == 0, f"exit status {status}"
        await self._bot.close()
        result = await self._engine.run(
            ["python", "-c", _DOWNGRADE, OLD_REVISION], volume=self._volume
        )
        assert result.status == 0, result.output
        assert await self._select_in(self._volume, _REVISION) == [[OLD_REVISION]]
        await self._start_bot()
        revision = await self._select(_REVISION)
        assert revision == [[find_newest_revision()]], revision
        assert await self._select("SELECT count(*) FROM clips") == [[3]]
        first = clips_of(await self._control.messages(self._room))[0]
        options = {"clip": clip_number_of(first)}
        await self._control.command("Ada", self._room, "video get", options)
        again = await self._wait_for_clip(4)
        assert await self._download(again) == await self._download(first), "another file"
        verified = await self._execute("clapper", "ledger", "verify")
        assert verified.status == 0, verified.output
        return f"from {OLD_REVISION} to {find_newest_revision()}, 3 clips, posted again unchanged"

    async def check_log(self) -> str:
        """Look for errors in the log of all starts."""
        lines = self._log.read_text(errors="replace").splitlines()
        wrong = [line for line in lines if re.search(r'"level": ?"(error|critical)"', line)]
        wrong += [line for line in lines if "Traceback" in line or "Read-only file" in line]
        assert not wrong, "\n".join(wrong[:5])
        health = await self._control.health()
        assert health["internal_errors"] == 0, health
        return f"{len(lines)} lines, no error"

    # -- steps

    async def _install_certificate(self) -> None:
        """Run the commands that docs/operations.md gives to put a certificate into the volume."""
        installing = read_container_commands(OPERATIONS, "docker certificate")[:2]
        for command, file in zip(
            installing, (self._certificate.chain, self._certificate.key), strict=True
        ):
            result = await self._engine.run(
                command.words, volume=self._volume, stdin=file.read_bytes()
            )
            assert result.status == 0, result.output

    async def _start_bot(self) -> None:
        before = len(self._log.read_bytes()) if self._log.exists() else 0
        environment = self._build_environment()
        self._bot = bot = await self._engine.start(self._volume, environment, self._log)

        async def is_ready() -> bool:
            if not bot.is_running:
                log = self._log.read_bytes()[before:].decode(errors="replace")
                raise ProcessEnded(f"the bot has ended:\n{log[-3000:]}")
            connected = await self._control.count_connections()
            return connected == 1 and bool(await self._control.commands())

        await eventually(is_ready, timeout=START_TIMEOUT_S, interval=0.1, what="the bot's start")

    def _build_environment(self) -> Mapping[str, str]:
        return {
            **self._sandbox.environment_for_bot,
            **NO_LIMITS,
            "WEB_HOST": "127.0.0.1",
            "WEB_PORT": str(self._port),
            "POLL_INTERVAL_S": "0.3",
            "REPLY_UNDO_S": "0",
            "PAID_CALLS": "forbid",
            "C2PA_CERTIFICATE": "/data/c2pa-chain.pem",
            "C2PA_KEY": "/data/c2pa-key.pem",
        }

    async def _execute(self, *command: str, as_root: bool = False) -> CommandResult:
        assert self._bot is not None
        return await self._bot.execute(command, as_root=as_root)

    async def _select(self, query: str, path: str = _DATABASE) -> list[list[object]]:
        result = await self._execute("python", "-c", _SELECT, path, query)
        assert result.status == 0, result.output
        rows: list[list[object]] = json.loads(result.stdout)
        return rows

    async def _select_in(self, volume: str, query: str) -> list[list[object]]:
        command = ["python", "-c", _SELECT, _DATABASE, query]
        result = await self._engine.run(command, volume=volume)
        assert result.status == 0, result.output
        rows: list[list[object]] = json.loads(result.stdout)
        return rows

    async def _request(self, prompt: str) -> None:
        options = {"prompt": prompt, **SHORT_CLIP}
        interaction = await self._control.command("Ada", self._room, "video generate", options)
        await self._wait_for_answer(interaction, quote_text("ask.accepted"))

    async def _wait_for_answer(self, interaction: str, words: str) -> None:
        await self._control.wait_interaction(
            interaction,
            lambda state: any(words in str(message) for message in state["messages"]),
            timeout=TIMEOUT_S,
        )

    async def _wait_for_clip(self, number: int) -> Json:
        async def find_clip() -> Json | None:
            clips = clips_of(await self._control.messages(self._room))
            return clips[number - 1] if len(clips) >= number else None

        clip = await eventually(
            find_clip, timeout=TIMEOUT_S, interval=0.2, what=f"clip {number} being posted"
        )
        assert clip is not None
        return clip

    async def _wait_for_end_of_jobs(self) -> None:
        query = "SELECT count(*) FROM jobs WHERE state NOT IN ('done', 'failed', 'cancelled')"

        async def is_idle() -> bool:
            return await self._select(query) == [[0]]

        await eventually(is_idle, interval=0.5, what="the jobs having ended")

    async def _download(self, message: Json) -> bytes:
        video = video_of(message)
        assert video is not None, message
        return await self._control.download(video["url"])

    async def _describe_video(self, message: Json) -> str:
        content = await self._download(message)
        with av.open(io.BytesIO(content), "r") as container:
            stream = container.streams.video[0]
            assert container.duration is not None
            seconds = container.duration / av.time_base
            return f"{seconds:.1f} s, {stream.width}×{stream.height}, {len(content):,} bytes"


def _paint(path: Path) -> Path:
    image = Image.new("RGB", (1280, 720), (120, 160, 200))
    ImageDraw.Draw(image).ellipse((540, 260, 740, 460), fill=(220, 30, 30))
    image.save(path)
    return path
