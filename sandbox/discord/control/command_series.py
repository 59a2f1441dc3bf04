"""Lets people use one command many times at a fixed rate, for measurements under load.

One call covers the whole series, because a call for each use would cost as much as the use itself
and share the sandbox's processor. Uses come at their time whether earlier ones were acknowledged or
not, as they do from people who do not know of each other.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.discord import lookup, person_interactions
from sandbox.discord.control.requests import ControlBody, build_route, read_control_body
from sandbox.discord.entities import Channel, Json, User
from sandbox.discord.errors import ActionRefused
from sandbox.discord.interaction import ACKNOWLEDGE_TIMEOUT_S, Interaction
from sandbox.discord.world import DiscordWorld
from sandbox.error_responses import json_response

_MAXIMUM_USES = 100_000
_LOOK_INTERVAL_S = 0.05


@dataclass(slots=True, kw_only=True)
class CommandSeries:
    """``count`` uses of a command, ``per_second`` of them a second, by ``people`` in turns."""

    world: DiscordWorld
    people: list[User]
    channel: Channel
    command: str
    options: Mapping[str, Any]
    count: int
    per_second: float
    _interactions: list[Interaction] = field(init=False, default_factory=list)
    _lateness_s: list[float] = field(init=False, default_factory=list)

    async def run(self) -> None:
        """Use the command at each time, then wait until all are acknowledged or too late."""
        clock = self.world.clock
        started_at = clock.monotonic()
        for number in range(self.count):
            due_at = started_at + number / self.per_second
            if (wait_s := due_at - clock.monotonic()) > 0:
                await clock.sleep(wait_s)
            else:
                await asyncio.sleep(0)  # otherwise uses that are due would keep answers unread
            self._lateness_s.append(max(clock.monotonic() - due_at, 0.0))
            self._interactions.append(
                await person_interactions.use_command(
                    self.world,
                    self.people[number % len(self.people)],
                    self.channel,
                    self.command,
                    self.options,
                )
            )
        ends_at = clock.monotonic() + ACKNOWLEDGE_TIMEOUT_S
        while clock.monotonic() < ends_at and any(
            interaction.acknowledged_at is None for interaction in self._interactions
        ):
            await clock.sleep(_LOOK_INTERVAL_S)

    def to_json(self) -> Json:
        """Return the milliseconds to each acknowledgement, and to each use after it was due."""
        return {
            "acknowledged_ms": [
                None
                if interaction.acknowledged_at is None
                else round((interaction.acknowledged_at - interaction.created_at) * 1000, 3)
                for interaction in self._interactions
            ],
            "late_ms": [round(late_s * 1000, 3) for late_s in self._lateness_s],
        }


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    def read_series(body: ControlBody) -> CommandSeries:
        people = [
            lookup.find_user(world, lookup.read_ref(user, "users"))
            for user in body.list_value("users")
        ]
        if not people or any(person.bot for person in people):
            raise ActionRefused("users must be people")
        count = body.integer_value("count", 0)
        if not 1 <= count <= _MAXIMUM_USES:
            raise ActionRefused(f"count must be from 1 to {_MAXIMUM_USES}")
        per_second = body.integer_value("per_second", 0)
        if per_second < 1:
            raise ActionRefused("per_second must be at least 1")
        return CommandSeries(
            world=world,
            people=people,
            channel=lookup.find_channel(world, body.reference("channel"), acting=people[0]),
            command=body.text_value("command"),
            options=body.object_value("options"),
            count=count,
            per_second=per_second,
        )

    async def use_command_repeatedly(request: web.Request) -> web.Response:
        series = read_series(await read_control_body(request))
        await series.run()
        return json_response(series.to_json())

    return [build_route("POST", "/command-series", use_command_repeatedly)]
