"""The WebSocket of one person's client: the world, messages, typing, and the bot's requests.

``world`` frames carry all that is not a message, and are sent when something in it has changed.
``requests`` frames carry what Discord and Google have received, first when it arrives and again
when it is answered.
"""

import asyncio
import json
from typing import Final

from aiohttp import WSCloseCode, web

from sandbox.discord.changes import Change, MessageChanged, TypingStarted
from sandbox.discord.entities import Json, User
from sandbox.discord.gateway import Gateway
from sandbox.discord.permissions import Permission
from sandbox.discord.world import DiscordWorld
from sandbox.play import views
from sandbox.request_log import LoggedRequest, RequestLog

_LOOK_INTERVAL_S: Final = 0.25
_FIRST_REQUESTS: Final = 100
_PING_INTERVAL_S: Final = 20.0


class PlaySockets:
    """All open WebSockets."""

    def __init__(self, world: DiscordWorld, gateway: Gateway, request_log: RequestLog) -> None:
        self._world = world
        self._gateway = gateway
        self._request_log = request_log
        self._open: set[web.WebSocketResponse] = set()

    async def serve(self, request: web.Request, person: User) -> web.WebSocketResponse:
        """Send a person's frames until the page or the sandbox closes the connection."""
        socket = web.WebSocketResponse(heartbeat=_PING_INTERVAL_S)
        await socket.prepare(request)
        self._open.add(socket)
        frames = PersonFrames(self._world, self._gateway, self._request_log, person)
        try:
            await frames.send_to(socket)
        finally:
            self._open.discard(socket)
        return socket

    async def close(self) -> None:
        """Close all of them."""
        for socket in tuple(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY)


class PersonFrames:
    """What one person's client is told."""

    def __init__(
        self, world: DiscordWorld, gateway: Gateway, request_log: RequestLog, person: User
    ) -> None:
        self._world = world
        self._gateway = gateway
        self._request_log = request_log
        self._person = person
        self._changes: asyncio.Queue[Change] = asyncio.Queue()
        self._last_world = ""
        self._unanswered: list[LoggedRequest] = []
        self._last_request = 0

    async def send_to(self, socket: web.WebSocketResponse) -> None:
        """Send frames until the connection ends. The first is the world."""
        self._world.changes.subscribe(self._changes.put_nowait)
        sending = [
            asyncio.create_task(self._send_changes(socket)),
            asyncio.create_task(self._send_world(socket)),
        ]
        reading = asyncio.create_task(_read_until_closed(socket))
        try:
            await asyncio.wait([*sending, reading], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._world.changes.unsubscribe(self._changes.put_nowait)
            for task in (*sending, reading):
                task.cancel()
            results = await asyncio.gather(*sending, reading, return_exceptions=True)
        for result in results:
            # a client that is gone while a frame is sent to it is no fault
            if isinstance(result, Exception) and not isinstance(result, ConnectionError):
                raise result

    async def _send_changes(self, socket: web.WebSocketResponse) -> None:
        while True:
            frame = self._describe_change(await self._changes.get())
            if frame is not None:
                await socket.send_str(json.dumps(frame))

    async def _send_world(self, socket: web.WebSocketResponse) -> None:
        log = self._request_log
        first = log.entries_after(0)[-_FIRST_REQUESTS:]
        self._last_request = first[0].number - 1 if first else 0
        while True:
            connected = any(session.is_connected for session in self._gateway.sessions)
            view = views.view_world(self._world, self._person, is_bot_online=connected)
            text = json.dumps(view)
            if text != self._last_world:
                self._last_world = text
                await socket.send_str(json.dumps({"type": "world", "world": view}))
            if requests := self._list_new_requests():
                await socket.send_str(json.dumps({"type": "requests", "requests": requests}))
            await asyncio.sleep(_LOOK_INTERVAL_S)

    def _describe_change(self, change: Change) -> Json | None:
        """Return the frame of a change, or None if this person does not see it."""
        match change:
            case MessageChanged(message) if views.can_see(self._world, self._person, message):
                if message.deleted_at is not None:
                    ids = {"id": str(message.id), "channel_id": str(message.channel_id)}
                    return {"type": "deleted", **ids}
                view = views.view_message(self._world, self._person, message)
                return {"type": "message", "message": view}
            case TypingStarted(channel_id, user_id):
                channel = self._world.channels.get(channel_id)
                if channel is None or Permission.VIEW_CHANNEL not in self._world.permissions_of(
                    self._person.id, channel
                ):
                    return None
                ids = {"channel_id": str(channel_id), "user_id": str(user_id)}
                return {"type": "typing", **ids}
        return None

    def _list_new_requests(self) -> list[Json]:
        arrived = self._request_log.entries_after(self._last_request)
        if arrived:
            self._last_request = arrived[-1].number
        answered = [entry for entry in self._unanswered if _is_over(entry)]
        self._unanswered = [entry for entry in (*self._unanswered, *arrived) if not _is_over(entry)]
        return [entry.to_json(bodies=False) for entry in (*answered, *arrived)]


def _is_over(entry: LoggedRequest) -> bool:
    return entry.status is not None or entry.dropped is not None


async def _read_until_closed(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass  # the page has nothing to say here: it acts by requests
