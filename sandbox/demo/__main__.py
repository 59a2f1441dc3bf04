"""``python -m sandbox.demo``: start the sandbox and the bot, play, leave the clips, end with 0."""

import argparse
import asyncio
import fcntl
import json
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from sandbox.demo.control_client import ControlClient, DemoFailed
from sandbox.demo.runner import DemoRunner
from sandbox.demo.scenario import (
    GENERATION_S,
    PERSON,
    DemoContext,
    DemoScenario,
    SavedClip,
    wait_for_bot,
    write_summary,
)
from sandbox.demo.showcase_step import ShowcaseStep
from sandbox.demo.terminal import Terminal

_SHOWN_LOG_LINES = 25


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.demo",
        description="Watch the real bot make, extend and show a clip, against a local Discord and"
        " Google.",
    )
    parser.add_argument("--keep", action="store_true", help="stay up afterwards, to play on")
    parser.add_argument("--dir", type=Path, default=Path("var/demo"), help="where everything goes")
    return parser.parse_args()


async def _run_demo(folder: Path, console: Console, *, keep: bool) -> None:
    began = time.monotonic()
    port = _find_free_port()
    stage = DemoRunner(
        folder,
        {
            "DATA_DIR": str((folder / "bot").resolve()),
            "POLL_INTERVAL_S": "1",
            "PAID_CALLS": "forbid",
            "LOG_FORMAT": "console",
            "LOG_LEVEL": "INFO",
            "WEB_PORT": str(port),
        },
    )
    try:
        async with stage, aiohttp.ClientSession() as session:
            control = ControlClient(stage.control_url, session)
            place = await wait_for_bot(control, stage.check_processes)
            screen = Terminal(console, place.names)
            screen.print_line(f"The bot is online after {time.monotonic() - began:.1f} s.\n")
            clips = await DemoScenario(control, screen, folder, stage.check_processes).run(place)
            exhibition = ShowcaseStep(
                control, screen, f"http://127.0.0.1:{port}", stage.check_processes
            )
            page = await exhibition.showcase_clip(
                user=place.user_id,
                person=PERSON,
                channel=place.showcase_channel_id,
                bot=place.bot_id,
                clip=clips[-1].message,
                facts=clips[-1].facts,
                stills=clips[-1].stills,
            )
            seen = await control.get("requests?bodies=1")
            (folder / "requests.json").write_text(json.dumps(seen, indent=1))
            elapsed = time.monotonic() - began
            write_summary(folder / "summary.json", clips, page, elapsed)
            _print_summary(screen, folder, clips, page, elapsed, keep=keep)
            if keep:
                await _wait_for_interrupt(console, stage, place, clips)
    except Exception as error:
        for name, lines in stage.read_logs(_SHOWN_LOG_LINES).items():
            console.print(Panel(Text(lines or "(empty)"), title=f"{name}.log", border_style="red"))
        if isinstance(error, DemoFailed):
            raise
        raise DemoFailed(f"{type(error).__name__}: {error}") from error


def _find_free_port() -> int:
    """Return a port for the web server, so that the gallery's address is known beforehand."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _print_summary(
    screen: Terminal, folder: Path, clips: list[SavedClip], page: str, elapsed: float, *, keep: bool
) -> None:
    screen.console.rule(style="grey37")
    remarks = ("from a prompt and a picture", "begins with the first clip")
    screen.print_summary(
        [(clip.path.name, clip.facts, remark) for clip, remark in zip(clips, remarks, strict=True)]
    )
    screen.print_line(f"In the gallery: {page}", "bold green")
    if not keep:
        screen.print_line("It was open until now; with make demo KEEP=1 it stays open.")
    screen.print_line(
        f"{elapsed:.0f} s in all. The bot was the real one; Discord and Google were the sandbox's"
        f" (which takes {GENERATION_S} s for a clip), so nothing was paid."
    )
    screen.print_line(
        f"What is left in {folder}: the clips, summary.json, every request the bot made"
        " (requests.json), the logs."
    )


async def _wait_for_interrupt(
    console: Console, stage: DemoRunner, place: DemoContext, clips: list[SavedClip]
) -> None:
    control, clip = stage.control_url, clips[-1].message["id"]
    ask = 'curl -s -H "content-type: application/json"'
    reply = (
        f'{{"user": "{place.user_id}", "channel": "{place.channel_id}", "reply_to": "{clip}",'
        ' "content": "Morning comes"}'
    )
    ways = {
        "who and what there is": f"curl -s {control}/world",
        "reply to the clip again": f"{ask} {control}/messages -d '{reply}'",
        "see the channel": f"curl -s {control}/channels/{place.channel_id}/messages",
        "let Google refuse the next one": (
            f'{ask} -X PUT {control}/google -d \'{{"outcome": "filtered"}}\''
        ),
    }
    console.rule("play on", style="green")
    for what, command in ways.items():
        console.print(Text(what, style="bold"))
        console.out("  " + command, highlight=False)
    console.print("\nEverything stays up until Ctrl-C. More ways: docs/sandbox.md", style="green")
    while True:
        stage.check_processes()
        await asyncio.sleep(0.5)


@contextmanager
def _exclusive_directory(folder: Path) -> Iterator[None]:
    """Empty ``folder`` and keep it for this run. Raises `DemoFailed` where that cannot be."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_suffix(".lock").open("w")
    except OSError as error:
        raise DemoFailed(f"{folder} cannot be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoFailed(f"another demo is running in {folder}") from error
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        yield


def main() -> int:
    """Return 0 when the play ran to its end, 1 when it failed, 130 when it was interrupted."""
    arguments = _parse_arguments()
    console = Console()
    folder: Path = arguments.dir
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _exclusive_directory(folder):
            asyncio.run(_run_demo(folder, console, keep=arguments.keep))
    except DemoFailed as error:
        console.print(Text(f"The demo failed: {error}.", style="bold red"))
        return 1
    except KeyboardInterrupt:
        console.print(Text("Ended.", style="dim"))
        return 0 if arguments.keep and (folder / "summary.json").exists() else 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
