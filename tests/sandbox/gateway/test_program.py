"""``python -m sandbox`` as a program: its ready line, environment and exit."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from google import genai
from google.genai import types

from tests.harness.process import ProcessEnded
from tests.harness.sandbox import SandboxProcess
from tests.harness.websocket import open_gateway

pytestmark = pytest.mark.usefixtures("without_fork_server")


async def test_it_prints_the_ready_line_and_ends_on_sigterm(tmp_path: Path) -> None:
    async with SandboxProcess(tmp_path) as sandbox:
        environment = sandbox.environment_for_bot
        assert {
            "DISCORD_TOKEN",
            "DISCORD_API_URL",
            "DISCORD_GATEWAY_URL",
            "GEMINI_API_KEY",
            "GEMINI_API_URL",
            "VERTEX_API_URL",
        } <= environment.keys()
        # with a project, the account's other route would be configured as well
        assert "GOOGLE_CLOUD_PROJECT" not in environment
        assert "GEMINI_API_KEY" not in sandbox.environment_vertex
        assert sandbox.environment_vertex["DISCORD_TOKEN"] == environment["DISCORD_TOKEN"]
        assert (await sandbox.control.health())["internal_errors"] == 0
        names = [guild["name"] for guild in (await sandbox.control.world())["guilds"]]
        assert names == ["Test Server"]
        polling = asyncio.create_task(sandbox.control.requests(wait=30))
        async with open_gateway(environment["DISCORD_GATEWAY_URL"]) as client:
            await client.identify(environment["DISCORD_TOKEN"], intents=1)
            assert await sandbox.terminate() == 0, "open waits for requests do not delay the exit"
            assert await client.read_close_code() == 1001
        await asyncio.gather(polling, return_exceptions=True)
        assert "Traceback" not in sandbox.read_log()


async def test_it_ends_in_time_while_clips_are_being_rendered(tmp_path: Path) -> None:
    async with SandboxProcess(tmp_path) as sandbox:
        environment = sandbox.environment_for_bot
        model = "v1beta/models/veo-3.1-generate-preview:predictLongRunning"
        headers = {"x-goog-api-key": environment["GEMINI_API_KEY"]}
        async with aiohttp.ClientSession(headers=headers) as http:
            for number in range(4):
                body = {"instances": [{"prompt": f"wave {number}"}]}
                url = f"{environment['GEMINI_API_URL']}/{model}"
                async with http.post(url, json=body) as response:
                    assert response.status == 200, await response.text()
        assert await sandbox.terminate() == 0
        assert "Traceback" not in sandbox.read_log()


async def test_a_port_in_use_is_reported_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        sandbox = SandboxProcess(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(ProcessEnded, match="cannot start"):
            await sandbox.start()
        assert await sandbox.wait_ended() == 1
        assert "Traceback" not in sandbox.read_log()


async def test_over_tls_googles_client_takes_the_addresses_of_videos(tmp_path: Path) -> None:
    async with SandboxProcess(tmp_path, options=("--tls", "--veo", "gone")) as sandbox:
        environment = sandbox.environment_for_bot
        assert environment["DISCORD_GATEWAY_URL"].startswith("wss://127.0.0.1:")
        await sandbox.control.google(seconds=0, processing_s=0, look="plain")

        def make_clip() -> tuple[bytes | None, list[str | None]]:
            context = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
            options = types.HttpOptions(
                base_url=environment["GEMINI_API_URL"], client_args={"verify": context}
            )
            client = genai.Client(api_key=environment["GEMINI_API_KEY"], http_options=options)
            interactions: Any = client.interactions
            try:
                names = [model.name for model in client.models.list()]
                made = interactions.create(
                    model="gemini-omni-1.2-flash",
                    input="a ball",
                    response_format={"type": "video", "duration": "3s", "delivery": "uri"},
                )
                return client.files.download(file=made.output_video.uri), names
            finally:
                client.close()

        data, names = await asyncio.to_thread(make_clip)
        assert data is not None
        assert data[4:8] == b"ftyp"
        assert "models/gemini-omni-1.2-flash" in names
        assert not [name for name in names if name and "veo" in name]
