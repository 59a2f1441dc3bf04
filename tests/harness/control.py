"""The sandbox's control API as methods: acting as people, faults, and reading results."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sandbox.discord.interaction import ACKNOWLEDGE_TIMEOUT_S
from tests.harness.people import Json, People, drop_unset
from tests.harness.waiting import DEFAULT_TIMEOUT_S, eventually

T = TypeVar("T")


class InteractionFailed(Exception):
    """The bot did not acknowledge the interaction in time."""


def has_answer(state: Json) -> bool:
    """Whether an interaction has an answer other than "thinking"."""
    return any(message["content"] or message["components"] for message in state["messages"])


class Control(People):
    """Client of one sandbox's control API (docs/sandbox.md)."""

    acknowledge_limit_ms: float = 1000 * ACKNOWLEDGE_TIMEOUT_S
    """How long people wait for a bot's first response."""

    # Reading.

    async def world(self) -> Json:
        """Return the application, and guilds with channels, roles and members."""
        world: Json = await self.call("GET", "world")
        return world

    async def interaction(self, interaction: str) -> Json:
        """Return ``{state, acknowledged_ms, messages, modal?, choices?}``."""
        state: Json = await self.call("GET", f"interactions/{interaction}")
        return state

    async def messages(
        self, channel: str, *, seen_by: str | None = None, deleted: bool = False
    ) -> list[Json]:
        """Return a channel's messages, oldest first.

        ``seen_by`` adds those that only this user sees, ``deleted`` the deleted ones.
        """
        query = drop_unset(user=seen_by, deleted="1" if deleted else None)
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
        """Return the bot's HTTP requests, oldest first; ``path`` is a regular expression."""
        query = drop_unset(
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
        """Return the gateway's sessions and how clients reconnected."""
        sessions: Json = await self.call("GET", "sessions")
        return sessions

    async def count_connections(self) -> int:
        """Return the number of identified gateway connections."""
        connected: int = (await self.sessions())["connected"]
        return connected

    async def health(self) -> Json:
        """Return the sandbox's internal errors, unknown routes and rate limits hit."""
        health: Json = await self.call("GET", "health")
        return health

    async def commands(self) -> list[Json]:
        """Return the commands that the bot has registered."""
        commands: list[Json] = await self.call("GET", "commands")
        return commands

    # Faults and time.

    async def fault(self, server: str, **order: Any) -> Json:
        """Order a fault: ``method, path, times, status, body, headers, delay_s, drop``."""
        fault: Json = await self.call("POST", "faults", {"server": server, **order})
        return fault

    async def faults(self) -> list[Json]:
        """Return the active faults, with how often each was applied."""
        faults: list[Json] = await self.call("GET", "faults")
        return faults

    async def clear_faults(self) -> None:
        """Remove all faults."""
        await self.call("DELETE", "faults")

    async def google(self, **settings: Any) -> Json:
        """Change Google: ``seconds, outcome, reason, retired_models, file_lifetime_s``."""
        answer: Json = await self.call("PUT", "google", settings)
        return answer

    @asynccontextmanager
    async def hold_google(self, *, outcome: str = "done", **settings: Any) -> AsyncIterator[None]:
        """Let no operation end within the body; afterwards all end with ``outcome`` at once.

        So tests need not guess how long the body takes on a busy machine.
        """
        await self.google(**settings, outcome="never")
        yield
        await self.google(outcome=outcome)
        for submit in (await self.call("GET", "google"))["submits"]:
            if submit["outcome"] == "never" and not submit["finished"]:
                name = submit["operation"].rpartition("/")[2]
                body = {"outcome": outcome, "ready": True}
                await self.call("POST", f"google/operations/{name}", body)

    async def gateway(self, action: str, **more: Any) -> int:
        """Disconnect, reconnect, invalid_session, down or up; return the affected connections."""
        answer: Json = await self.call("POST", "gateway", {"action": action, **more})
        affected: int = answer["connections"]
        return affected

    async def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        await self.call("POST", "clock", {"advance_s": seconds})

    async def scale_ratelimits(self, scale: float | None) -> None:
        """Multiply Discord's rate limits; `None` switches them off."""
        await self.call("PUT", "ratelimits", {"scale": scale})

    # Waiting.

    async def wait_until(
        self,
        predicate: Callable[[], Awaitable[T]],
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        what: str = "",
    ) -> T:
        """Wait until the predicate returns something true, and return that. Raises `NotInTime`."""
        return await eventually(predicate, timeout=timeout, interval=0.05, what=what)

    async def wait_interaction(
        self,
        interaction: str,
        predicate: Callable[[Json], object] | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> Json:
        """Return the interaction once it is acknowledged and the predicate holds.

        Raises `NotInTime`, and `InteractionFailed` when it was not acknowledged in time.
        """

        async def is_answered() -> Json | None:
            state = await self.interaction(interaction)
            if state["acknowledged_ms"] is None:
                if state["state"] == "failed":
                    raise InteractionFailed(f"{state['command']}: not acknowledged")
                return None
            return state if predicate is None or predicate(state) else None

        what = f"an answer to interaction {interaction}"
        state = await self.wait_until(is_answered, timeout=timeout, what=what)
        assert state is not None
        return state

    async def wait_message(
        self,
        channel: str,
        predicate: Callable[[Json], object],
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> Json:
        """Return the oldest message for which the predicate holds, once there is one."""

        async def find_message() -> Json | None:
            return next(filter(predicate, await self.messages(channel)), None)

        message = await self.wait_until(
            find_message, timeout=timeout, what=f"a message in {channel}"
        )
        assert message is not None
        return message

    async def wait_request(
        self, path: str, *, after: int = 0, timeout: float = DEFAULT_TIMEOUT_S, **match: Any
    ) -> Json:
        """Return the first request to a path (regular expression), as soon as it arrives."""

        async def find_request() -> list[Json]:
            return await self.requests(path=path, after=after, **match)

        what = f"a request to {path}"
        return (await self.wait_until(find_request, timeout=timeout, what=what))[0]

    async def download(self, url: str) -> bytes:
        """Return the bytes of an attachment."""
        async with self._http.get(url) as response:
            response.raise_for_status()
            return await response.read()
