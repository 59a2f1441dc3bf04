"""``python -m demo.play`` runs the sandbox and the real bot, for a person in a browser."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.text import Text

from demo.bot_settings import find_free_port, local_bot_settings
from demo.control_client import ControlClient, DemoFailed
from demo.run_folder import claim_folder
from demo.runner import DemoRunner
from demo.scenario import GENERATION_S, name_server, wait_for_bot

_LOOK_INTERVAL_S = 0.5


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo.play",
        description="Use the real bot in a browser, against a local Discord and Google.",
    )
    parser.add_argument("--port", type=int, default=0, help="of the page (default: a free one)")
    parser.add_argument(
        "--dir", type=Path, default=Path("var/play"), help="directory for all files"
    )
    return parser.parse_args()


async def _play(folder: Path, console: Console, port: int) -> None:
    runner = DemoRunner(folder, local_bot_settings(folder, find_free_port()), port=port)
    async with runner, aiohttp.ClientSession() as session:
        control = ControlClient(runner.control_url, session)
        await control.put("google", {"seconds": GENERATION_S})
        await name_server(control)
        await wait_for_bot(control, runner.check_processes)
        console.print(Text("The bot is online. Open this page:", style="bold"))
        console.out(f"\n  {runner.page_url}\n", highlight=False)
        console.print(
            "Type / in a channel, reply to a clip, or be somebody else. Nothing costs anything.\n"
            f"Logs are in {folder}. Everything ends with Ctrl-C.",
            highlight=False,
        )
        while True:
            runner.check_processes()
            await asyncio.sleep(_LOOK_INTERVAL_S)


def main() -> int:
    """Return the exit status: 1 if it could not start or something ended, 0 after Ctrl-C."""
    arguments = _parse_arguments()
    console = Console()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with claim_folder(arguments.dir):
            asyncio.run(_play(arguments.dir, console, arguments.port))
    except DemoFailed as error:
        console.print(Text(f"It ended: {error}. The logs are in {arguments.dir}.", style="red"))
        return 1
    except KeyboardInterrupt:
        console.print(Text("Ended.", style="dim"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
