"""``python -m tests.image``: builds the image, runs the bot in it, and writes ``var/image.json``.

It uses the first of Docker, podman and buildah (as root) that works on this machine. The status
is 1 if a check failed, and 2 if there is no engine.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from tests.harness.process import ROOT
from tests.harness.sandbox import SandboxProcess
from tests.image.bot_checks import ImageStage
from tests.image.buildah_engine import BuildahEngine
from tests.image.docker_engine import DockerEngine
from tests.image.engines import Engine, ImageSettings, is_usable
from tests.image.image_checks import check_settings, check_size, check_tools, check_user
from tests.image.results import CheckRecorder, CheckResult, CheckStatus

ENGINES = ("docker", "podman", "buildah")
_REPORT = ROOT / "var" / "image.json"
_NOT_STARTED = "a check before it failed"
_MARKS = {
    CheckStatus.OK: "green",
    CheckStatus.FAILED: "bold red",
    CheckStatus.NOT_CHECKED: "yellow",
}
_console = Console(width=max(120, Console().width), highlight=False)


async def find_engine(names: list[str]) -> Engine | None:
    """Return the first engine that works here."""
    for name in names:
        if name == "buildah":
            if os.geteuid() == 0 and await is_usable(name):
                return BuildahEngine()
        elif await is_usable(name):
            return DockerEngine(name, ROOT)
    return None


async def run_checks(engine: Engine, recorder: CheckRecorder, *, builds: bool) -> None:
    """Make all checks."""

    async def build() -> str:
        await engine.build(ROOT, from_dockerfile=builds)
        return "from the Dockerfile" if builds else "built before"

    try:
        if not await recorder.check("build", build):
            return
        settings = await engine.read_settings()
        await _check_image(engine, settings, recorder)
        with tempfile.TemporaryDirectory(prefix="clapper-image-test-") as folder:
            async with SandboxProcess(Path(folder) / "sandbox") as sandbox:
                stage = ImageStage(engine, settings, sandbox, Path(folder))
                try:
                    await _check_bot(engine, stage, recorder)
                finally:
                    await stage.close()
    finally:
        await engine.close()


async def _check_image(engine: Engine, settings: ImageSettings, recorder: CheckRecorder) -> None:
    async def look_at_settings() -> str:
        return check_settings(settings)

    await recorder.check("settings of the image", look_at_settings)
    await recorder.check("size", lambda: check_size(engine))
    await recorder.check("user", lambda: check_user(engine, settings))
    await recorder.check("contents", lambda: check_tools(engine))


async def _check_bot(engine: Engine, stage: ImageStage, recorder: CheckRecorder) -> None:
    """Make the checks that need the bot; those after a failed one would say nothing."""
    checks = {
        "start": stage.check_start,
        "read-only file system": stage.check_read_only,
        "health": stage.check_health,
        "health status": stage.check_health_status,
        "clip of a picture": stage.check_clip,
        "re-encoded clip": stage.check_large_clip,
        "programs": stage.check_programs,
        "backup": stage.check_backup,
        "restore": stage.check_restore,
        "stop": stage.check_stop,
        "upgrade": stage.check_upgrade,
        "log": stage.check_log,
    }
    goes_on = True
    for name, look in checks.items():
        if not goes_on:
            recorder.skip(name, _NOT_STARTED)
        else:
            goes_on = await recorder.check(name, look, omission=engine.omissions.get(name))
    if reason := engine.omissions.get("limits"):
        recorder.skip("limits", reason)


def show_result(result: CheckResult) -> None:
    """Print a check."""
    color = _MARKS[result.status]
    status = f"[{color}]{result.status:<11}[/]"
    _console.print(f"{status} {result.check}: {escape(result.detail)} ({result.seconds} s)")


async def run_program(arguments: argparse.Namespace) -> int:
    """Choose the engine and make the checks; return the exit status."""
    engine = await find_engine([arguments.engine] if arguments.engine else list(ENGINES))
    if engine is None:
        _console.print("No engine works here: install Docker, podman, or buildah (as root).")
        return 2
    _console.print(f"with {engine.name}")
    recorder = CheckRecorder(_REPORT, show_result)
    await run_checks(engine, recorder, builds=not arguments.built)
    return 1 if recorder.has_failed else 0


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, help="by default the first that works")
    parser.add_argument("--built", action="store_true", help="check what the last run built")
    return asyncio.run(run_program(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
