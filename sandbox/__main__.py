"""``clapper-sandbox`` starts the sandbox and prints a line of JSON with its addresses.

In a checkout it is ``python -m sandbox``. Nothing else is written to stdout. Logs go to stderr.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sandbox.google.renderer import RenderWorkers
from sandbox.google.settings import GoogleSettings, VeoByKey
from sandbox.server import SandboxServer


def _describe_version() -> str:
    try:
        return f"clapper-sandbox {version('clapper-sandbox')}"
    except PackageNotFoundError:
        return "clapper-sandbox of a checkout"


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="clapper-sandbox", description="A Discord and a Google on loopback."
    )
    parser.add_argument("--version", action="version", version=_describe_version())
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument(
        "--dir", type=Path, help="directory for its files (default: a temporary one)"
    )
    parser.add_argument(
        "--clips", type=Path, help="cache of rendered clips, may be shared (default: in DIR)"
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        help="serve https, by a certificate that the ready line's SSL_CERT_FILE vouches for",
    )
    parser.add_argument(
        "--veo",
        choices=[state.value for state in VeoByKey],
        default=VeoByKey.SERVED.value,
        help="whether the API key reaches Veo: as on a gateway, or gone as at Google today",
    )
    parser.add_argument(
        "--manifests",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="sign clips (C2PA) as Google does, by certificates that the ready line's c2pa_root"
        " vouches for",
    )
    parser.add_argument(
        "--seed",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="start with the server Test Server and its people",
    )
    return parser.parse_args()


async def _run_sandbox(arguments: argparse.Namespace, render_workers: RenderWorkers | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    sandbox = await SandboxServer.start(
        port=arguments.port,
        directory=arguments.dir,
        clip_cache=arguments.clips,
        with_default_world=arguments.seed,
        with_tls=arguments.tls,
        google_settings=GoogleSettings(veo=VeoByKey(arguments.veo)),
        with_manifests=arguments.manifests,
        render_workers=render_workers,
    )
    try:
        ready = {
            "control": f"{sandbox.base}/control",
            "env": sandbox.bot_environment(),
            "env_vertex": sandbox.google.vertex_environment(),
        }
        if sandbox.google.manifest_root is not None:
            ready["c2pa_root"] = str(sandbox.google.manifest_root)
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await sandbox.close()


def main() -> int:
    """Run until SIGTERM and return the exit status, which is 1 if it cannot start."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    arguments = _parse_arguments()
    render_workers = RenderWorkers.fork_early()
    try:
        asyncio.run(_run_sandbox(arguments, render_workers))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"the sandbox cannot start: {error}\n")
        return 1
    finally:
        if render_workers is not None:
            render_workers.close()  # also if it could not start
    return 0


if __name__ == "__main__":
    sys.exit(main())
