"""The whole control API as methods: people, fate, and looking at what came of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from tests.harness.people import Json, People
from tests.harness.waiting import DEFAULT_TIMEOUT_S, eventually

T = TypeVar("T")


class InteractionFailed(Exception):
    """Nobody answered the interaction in time: the person saw that the application is silent."""


def has_answer(seen: Json) -> bool:
    """Whether an interaction was answered with more than that the bot is thinking."""
    return any(message["content"] or message["components"] for message in seen["messages"])


class Control(People):
    """Client of one sandbox's control API: people, fate, and what came of it."""

    # Seeing.

    async def world(self) -> Json:
        """The application, guilds with channels, roles and members."""
        world: Json = await self.call("GET", "world")
        return world

    async def interaction(self, interaction: str) -> Json:
        """``{state, acknowledged_ms, messages, modal?, choices?}``."""
        seen: Json = await self.call("GET", f"interactions/{interaction}")
        return seen

    async def messages(
        self, channel: str, *, seen_by: str | None = None, deleted: bool = False
    ) -> list[Json]:
        """A channel's messages as Discord would show them, oldest first.

        ``seen_by`` adds what only that person sees, ``deleted`` what nobody sees any more.
        """
        query = _drop_unset(user=seen_by, deleted="1" if deleted else None)
        messages: list[Json] = await self.call("GET", f"channels/{channel}/messages", query=query)
        return messages

    async def requests(
        self,
        *,
        after: int = 0,
        server: str | None = None,
        method: str | None = None,
        path: str | None = None,
        bodies: bool = False,
        wait: float = 0,
    ) -> list[Json]:
        """Every HTTP request the bot made, oldest first; ``path`` is a regular expression."""
        query = _drop_unset(
            after=str(after),
            server=server,
            method=method,
            path=path,
            bodies="1" if bodies else None,
            wait=str(wait) if wait else None,
        )
        requests: list[Json] = await self.call("GET", "requests", query=query)
        return requests

    async def sessions(self) -> Json:
        """The gateway's sessions and how clients came back."""
        sessions: Json = await self.call("GET", "sessions")
        return sessions

    async def count_connections(self) -> int:
        """How many gateway connections are identified."""
        connected: int = (await self.sessions())["connected"]
        return connected

    async def health(self) -> Json:
        """Bugs of the sandbox, unknown routes, rate limits hit."""
        health: Json = await self.call("GET", "health")
        return health

    async def commands(self) -> list[Json]:
        """The commands the bot has registered."""
        commands: list[Json] = await self.call("GET", "commands")
        return commands

    # Acting as fate.

    async def fault(self, server: str, **order: Any) -> Json:
        """Orders a fault: ``method, path, times, status, body, headers, delay_s, drop``."""
        fault: Json = await self.call("POST", "faults", {"server": server, **order})
        return fault

    async def faults(self) -> list[Json]:
        """The faults in force, with how often each has struck."""
        faults: list[Json] = await self.call("GET", "faults")
        return faults

    async def clear_faults(self) -> None:
        """Takes back every fault."""
        await self.call("DELETE", "faults")

    async def google(self, **settings: Any) -> Json:
        """``seconds, outcome, reason, retired_models, file_lifetime_s``."""
        answer: Json = await self.call("PUT", "google", settings)
        return answer

    @asynccontextmanager
    async def hold_google(self, *, outcome: str = "done", **settings: Any) -> AsyncIterator[None]:
        """Has Google end nothing within the body, and everything with ``outcome`` right after it.

        So "while Google works" needs no guess of how long a busy machine takes for the body.
        """
        await self.google(**settings, outcome="never")
        yield
        await self.google(outcome=outcome)
        for each in (await self.call("GET", "google"))["submits"]:
            if each["outcome"] == "never" and not each["finished"]:
                name = each["operation"].rsplit("/", 1)[1]
                body = {"outcome": outcome, "ready": True}
                await self.call("POST", f"google/operations/{name}", body)

    async def gateway(self, action: str, **more: Any) -> int:
        """disconnect, reconnect, invalid_session, down or up; connections struck."""
        answer: Json = await self.call("POST", "gateway", {"action": action, **more})
        struck: int = answer["connections"]
        return struck

    async def advance(self, seconds: float) -> None:
        """Moves the sandbox's clock."""
        await self.call("POST", "clock", {"advance_s": seconds})

    async def scale_ratelimits(self, scale: float | None) -> None:
        """Multiplies Discord's limits; None switches them off."""
        await self.call("PUT", "ratelimits", {"scale": scale})

    # Waiting for what comes of it.

    async def wait_until(
        self,
        predicate: Callable[[], Awaitable[T]],
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        what: str = "",
    ) -> T:
        """Asks again until the predicate answers something true. Raises NotInTime."""
        return await eventually(predicate, timeout=timeout, interval=0.05, what=what)

    async def wait_interaction(
        self,
        interaction: str,
        predicate: Callable[[Json], object] | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> Json:
        """The interaction once it was acknowledged (and the predicate holds).

        Raises NotInTime, and InteractionFailed at once when nobody acknowledged it in time.
        """

        async def is_answered() -> Json | None:
            seen = await self.interaction(interaction)
            if seen["acknowledged_ms"] is None:
                if seen["state"] == "failed":
                    raise InteractionFailed(f"{seen['command']}: nobody answered")
                return None
            return seen if predicate is None or predicate(seen) else None

        what = f"an answer to interaction {interaction}"
        seen = await self.wait_until(is_answered, timeout=timeout, what=what)
        assert seen is not None
        return seen

    async def wait_message(
        self,
        channel: str,
        predicate: Callable[[Json], object],
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> Json:
        """The oldest message for which the predicate holds, as soon as there is one."""

        async def find_message() -> Json | None:
            return next((each for each in await self.messages(channel) if predicate(each)), None)

        message = await self.wait_until(
            find_message, timeout=timeout, what=f"a message in {channel}"
        )
        assert message is not None
        return message

    async def wait_request(
        self, path: str, *, after: int = 0, timeout: float = DEFAULT_TIMEOUT_S, **match: Any
    ) -> Json:
        """The first request to a path (regular expression), as soon as it *arrives*."""

        async def find_request() -> list[Json]:
            return await self.requests(path=path, after=after, **match)

        return (await self.wait_until(find_request, timeout=timeout, what=f"a request to {path}"))[
            0
        ]

    async def download(self, url: str) -> bytes:
        """The bytes of an attachment."""
        async with self._http.get(url) as response:
            response.raise_for_status()
            return await response.read()


def _drop_unset(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
