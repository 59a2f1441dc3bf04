"""Sends requests to the sandbox's Discord as the bot and as people."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from sandbox.clock import SandboxClock
from sandbox.discord import lookup
from sandbox.discord.entities import Channel, Message, User
from sandbox.discord.events import ALL_INTENTS, GatewayEvent, Intents
from sandbox.discord.interaction import Interaction
from sandbox.discord.world import DiscordWorld

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HttpResult:
    """A response, with the assertions that tests of refusals share."""

    status: int
    json: Any

    def ok(self) -> Any:
        """The body of a successful response."""
        assert self.status < 300, self.json
        return self.json

    def assert_error(self, status: int, code: int) -> None:
        """Asserts Discord's HTTP status and error code."""
        assert (self.status, self.json["code"]) == (status, code), self.json

    def assert_field_error(self, path: str, code: str) -> None:
        """Asserts a form error under a dotted path, ``""`` being the body itself."""
        self.assert_error(400, 50035)
        node = self.json["errors"]
        for step in path.split(".") if path else []:
            assert step in node, (step, self.json)
            node = node[step]
        assert code in [error["code"] for error in node["_errors"]], self.json

    def assert_refused(self, status: int, words: str) -> None:
        """Asserts a refusal of the control API that says why."""
        assert self.status == status, self.json
        assert words in self.json["message"], self.json


@dataclass(slots=True)
class DiscordHarness:
    """The sandbox's guilds and users, and methods that act on them over HTTP."""

    world: DiscordWorld
    clock: SandboxClock
    http: aiohttp.ClientSession
    directory: Path
    events: list[tuple[str, Json]] = field(default_factory=list)

    def collect_events(self, intents: Intents = ALL_INTENTS) -> None:
        """Collects events as a session with these intents gets them."""

        def receive(event: GatewayEvent) -> None:
            if not event.intents or event.intents & intents:
                self.events.append((event.name, event.payload(intents)))

        self.world.hub.subscribe(receive)

    def events_named(self, name: str) -> list[Json]:
        """The payloads of one kind of event so far."""
        return [payload for kind, payload in self.events if kind == name]

    def channel(self, name: str) -> Channel:
        return lookup.find_channel(self.world, name)

    def user(self, name: str) -> User:
        return lookup.find_user(self.world, name)

    def message(self, shown: Json) -> Message:
        return lookup.find_message(self.world, shown["id"])

    async def bot(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        files: Mapping[str, bytes] | None = None,
        token: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> HttpResult:
        """A request of the bot, multipart when it brings files."""
        data = None
        if files is not None:
            data = aiohttp.FormData(quote_fields=False)
            data.add_field("payload_json", json.dumps(body or {}), content_type="application/json")
            for number, (name, content) in enumerate(files.items()):
                data.add_field(f"files[{number}]", io.BytesIO(content), filename=name)
        return await self._call(
            method,
            f"/api/v10{path}",
            json=body if files is None else None,
            data=data,
            params=query,
            headers={"Authorization": f"Bot {token or self.world.token}"},
        )

    async def control(self, method: str, path: str, body: Any = None) -> HttpResult:
        """A request to the control API."""
        return await self._call(method, f"/control{path}", json=body)

    async def _call(self, method: str, path: str, **options: Any) -> HttpResult:
        url = self.world.public_base + path
        async with self.http.request(method, url, **options) as response:
            text = await response.text()
            if text:
                assert response.headers["Content-Type"] == "application/json"
            return HttpResult(response.status, json.loads(text) if text else None)

    async def send(self, body: Json, *, where: str = "general", **options: Any) -> HttpResult:
        """The bot posts."""
        return await self.bot(
            "POST", f"/channels/{self.channel(where).id}/messages", body, **options
        )

    async def edit(self, shown: Json, body: Json, **options: Any) -> HttpResult:
        """The bot edits its message."""
        path = f"/channels/{shown['channel_id']}/messages/{shown['id']}"
        return await self.bot("PATCH", path, body, **options)

    async def register(self, *commands: Json) -> None:
        """Replaces the bot's global commands."""
        path = f"/applications/{self.world.app.id}/commands"
        (await self.bot("PUT", path, list(commands))).ok()

    async def command(self, name: str, user: str = "Cem", **body: Any) -> Interaction:
        """A person uses a command, by default in #general."""
        asked = {"user": user, "channel": "#general", "command": name, **body}
        return self.interaction((await self.control("POST", "/commands", asked)).ok())

    def interaction(self, answer: Json) -> Interaction:
        return self.world.interactions[int(answer["interaction"]["id"])]

    async def respond(
        self, interaction: Interaction, kind: int, data: Any = None, **options: Any
    ) -> HttpResult:
        """The bot's first answer."""
        body: Json = {"type": kind} if data is None else {"type": kind, "data": data}
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        return await self.bot("POST", path, body, query={"with_response": "true"}, **options)

    async def call_webhook(
        self,
        method: str,
        interaction: Interaction,
        body: Any = None,
        *,
        tail: str = "",
        **options: Any,
    ) -> HttpResult:
        """The interaction's webhook: follow-ups and the original response."""
        path = f"/webhooks/{self.world.app.id}/{interaction.token}{tail}"
        return await self.bot(method, path, body, **options)

    async def state(self, interaction: Interaction) -> Json:
        """What the control API says about an interaction."""
        shown: Json = (await self.control("GET", f"/interactions/{interaction.id}")).ok()
        return shown

    async def post_message(self, content: str, user: str = "Cem", **body: Any) -> Json:
        """A person posts, by default in #general."""
        asked = {"user": user, "channel": "#general", "content": content, **body}
        shown: Json = (await self.control("POST", "/messages", asked)).ok()["message"]
        return shown

    async def deny(self, where: str, *permissions: str) -> None:
        """Takes permissions from the bot in a channel."""
        body = {"member": "Clapper", "deny": list(permissions)}
        (await self.control("PUT", f"/channels/{self.channel(where).id}/overwrites", body)).ok()

    def create_image(self, name: str = "picture.png", size: tuple[int, int] = (32, 18)) -> str:
        """A real image on disk, to attach."""
        path = self.directory / name
        Image.new("RGB", size, (200, 30, 30)).save(path)
        return str(path)


PING: Json = {"name": "ping", "description": "Answers"}
"""The smallest command."""


def button(custom_id: str = "go", **more: Any) -> Json:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": custom_id, **more}


def row(*components: Json) -> Json:
    return {"type": 1, "components": list(components)}


def text(content: str) -> Json:
    return {"type": 10, "content": content}


V2 = 1 << 15
EPHEMERAL = 1 << 6
