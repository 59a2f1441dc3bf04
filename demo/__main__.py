"""``python -m demo`` runs the demo and keeps its clips. It exits with 0 if it passed."""

import argparse
import asyncio
import json
import signal
import sys
import time
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from demo.bot_settings import find_free_port, local_bot_settings
from demo.control_client import ControlClient, DemoFailed
from demo.run_folder import claim_folder
from demo.runner import DemoRunner
from demo.scenario import (
    GENERATION_S,
    PERSON,
    DemoScenario,
    DemoSetting,
    SavedClip,
    name_server,
    wait_for_bot,
    write_summary,
)
from demo.showcase_step import ShowcaseStep
from demo.terminal import Terminal

_SHOWN_LOG_LINES = 25


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Watch the real bot make, extend, edit and show a clip, against a local Discord"
        " and Google.",
    )
    parser.add_argument("--keep", action="store_true", help="stay up afterwards, to continue")
    parser.add_argument(
        "--dir", type=Path, default=Path("var/demo"), help="directory for all files"
    )
    return parser.parse_args()


async def _run_demo(folder: Path, console: Console, *, keep: bool) -> None:
    started_at = time.monotonic()
    port = find_free_port()
    runner = DemoRunner(
        folder,
        local_bot_settings(folder, port),
    )
    try:
        async with runner, aiohttp.ClientSession() as session:
            control = ControlClient(runner.control_url, session)
            await name_server(control)
            setting = await wait_for_bot(control, runner.check_processes)
            terminal = Terminal(console, setting.names)
            terminal.print_line(f"The bot is online after {time.monotonic() - started_at:.1f} s.\n")
            clips = await DemoScenario(control, terminal, folder, runner.check_processes).run(
                setting
            )
            showcase_step = ShowcaseStep(
                control, terminal, f"http://127.0.0.1:{port}", runner.check_processes
            )
            gallery_page = await showcase_step.showcase_clip(
                user=setting.user_id,
                person=PERSON,
                channel=setting.showcase_channel_id,
                bot=setting.bot_id,
                clip=clips[-1].message,
                properties=clips[-1].properties,
                stills=clips[-1].stills,
            )
            requests = await control.get("requests?bodies=1")
            (folder / "requests.json").write_text(json.dumps(requests, indent=1))
            elapsed = time.monotonic() - started_at
            write_summary(folder / "summary.json", clips, gallery_page, elapsed)
            _print_summary(terminal, folder, clips, gallery_page, elapsed, keep=keep)
            if keep:
                await _wait_for_interrupt(console, runner, setting, clips)
    except Exception as error:
        for name, lines in runner.read_logs(_SHOWN_LOG_LINES).items():
            console.print(Panel(Text(lines or "(empty)"), title=f"{name}.log", border_style="red"))
        if isinstance(error, DemoFailed):
            raise
        raise DemoFailed(f"{type(error).__name__}: {error}") from error


def _print_summary(
    terminal: Terminal,
    folder: Path,
    clips: list[SavedClip],
    gallery_page: str,
    elapsed: float,
    *,
    keep: bool,
) -> None:
    terminal.console.rule(style="grey37")
    remarks = (
        "from a prompt and a picture",
        "begins with the first clip",
        "the second clip by night",
    )
    terminal.print_summary(
        [
            (clip.path.name, clip.properties, remark)
            for clip, remark in zip(clips, remarks, strict=True)
        ]
    )
    terminal.print_line(f"In the gallery: {gallery_page}", "bold green")
    if not keep:
        terminal.print_line("It was open until now; with make demo KEEP=1 it stays open.")
    terminal.print_line(
        f"{elapsed:.0f} s in total. The bot was real; Discord and Google were the sandbox"
        f" (which takes {GENERATION_S} s for a clip), so nothing was charged."
    )
    terminal.print_line(
        f"Saved in {folder}: the clips, summary.json, every request of the bot (requests.json),"
        " the logs."
    )


async def _wait_for_interrupt(
    console: Console, runner: DemoRunner, setting: DemoSetting, clips: list[SavedClip]
) -> None:
    base, message_id = runner.control_url, clips[-1].message["id"]
    curl = 'curl -s -H "content-type: application/json"'

    def reply(words: str) -> str:
        body = {
            "user": setting.user_id,
            "channel": setting.channel_id,
            "reply_to": message_id,
            "content": words,
        }
        return f"{curl} {base}/messages -d '{json.dumps(body)}'"

    examples = {
        "list guilds, channels and members": f"curl -s {base}/world",
        "extend the clip by a reply": reply("Morning comes and the birds begin to sing"),
        "edit it by a reply": reply("Make it golden and warm"),
        "read the channel": f"curl -s {base}/channels/{setting.channel_id}/messages",
        "let Google filter the next clip": (
            f'{curl} -X PUT {base}/google -d \'{{"outcome": "filtered"}}\''
        ),
    }
    console.rule("try it", style="green")
    console.print(Text("be Ada, or anybody else, in a browser", style="bold"))
    console.out(f"  {runner.page_url}", highlight=False)
    for description, command in examples.items():
        console.print(Text(description, style="bold"))
        console.out("  " + command, highlight=False)
    console.print("\nEverything stays up until Ctrl-C. More: docs/sandbox.md", style="green")
    while True:
        runner.check_processes()
        await asyncio.sleep(0.5)


def main() -> int:
    """Return the exit status: 0 if the demo passed, 1 if it failed, 130 if it was interrupted."""
    arguments = _parse_arguments()
    console = Console()
    folder: Path = arguments.dir
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with claim_folder(folder):
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
