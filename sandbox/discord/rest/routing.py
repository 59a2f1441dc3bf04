"""What the REST modules share: tokens, ids in paths, bodies and errors.

Uploads are written to disk while they arrive, so large files need no memory.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web

from sandbox.discord import errors
from sandbox.discord.entities import Channel, Guild, Message
from sandbox.discord.errors import DiscordError, FormErrors
from sandbox.discord.files import MIB, Upload
from sandbox.discord.form_fields import FormFields, parse_snowflake
from sandbox.discord.ratelimits import API_PREFIX
from sandbox.discord.world import DiscordWorld
from sandbox.error_responses import json_response
from sandbox.request_log import LOG_JSON, Handler

_MAX_JSON_BYTES = 8 * MIB
_CHUNK_BYTES = 256 * 1024


@dataclass(slots=True)
class RequestBody:
    """A request's JSON and the files that came with it, by the number in ``files[n]``."""

    json: Any
    uploads: dict[int, Upload] = field(default_factory=dict)

    def fields(self) -> FormFields:
        """Return the fields of the JSON object. Raises DiscordError 50035 for other JSON."""
        fields = FormFields(self.json, FormErrors())
        fields.errors.raise_if_any()
        return fields


@dataclass(frozen=True, slots=True)
class RouteFactory:
    """Builds routes whose handlers may raise DiscordError."""

    world: DiscordWorld

    def build_route(
        self, method: str, path: str, handler: Handler, *, requires_bot_token: bool = True
    ) -> web.RouteDef:
        """Return a route below the API's prefix."""

        async def handle_request(request: web.Request) -> web.StreamResponse:
            try:
                if requires_bot_token:
                    self._require_token(request)
                return await handler(request)
            except DiscordError as error:
                return json_response(error.to_json(), error.status)

        return web.route(method, API_PREFIX + path, handle_request)

    def find_guild(self, request: web.Request) -> Guild:
        """Return the guild in the path. Raises DiscordError 10004 or 50001."""
        return self.world.require_guild(read_path_id(request, "guild_id"))

    def find_channel(self, request: web.Request) -> Channel:
        """Return the channel in the path. Raises DiscordError 10003 or 50001."""
        return self.world.require_channel(read_path_id(request, "channel_id"))

    def find_message(self, request: web.Request) -> tuple[Channel, Message]:
        """Return the channel and message in the path. Raises DiscordError 10003, 10008 or 50001."""
        channel = self.find_channel(request)
        message_id = read_path_id(request, "message_id")
        return channel, self.world.require_message(channel.id, message_id)

    def _require_token(self, request: web.Request) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bot" or not self.world.check_token(token):
            raise errors.invalid_bot_token()

    @asynccontextmanager
    async def read_body(
        self, request: web.Request, guild_id: int | None, *, limit_bytes: int | None = None
    ) -> AsyncIterator[RequestBody]:
        """Yield the request's body, and remove files afterwards that no message uses.

        ``guild_id`` determines the file limit unless an interaction has its own. Raises
        DiscordError 40005, 50109 or 50035.
        """
        body = RequestBody(None)
        try:
            if request.content_type == "multipart/form-data":
                limit = limit_bytes or self.world.file_limit_bytes(guild_id)
                await self._read_multipart(request, body, limit)
            else:
                body.json = await _read_json(request)
            request[LOG_JSON] = body.json
            yield body
        finally:
            self.world.files.discard_uploads(list(body.uploads.values()))

    async def _read_multipart(self, request: web.Request, body: RequestBody, limit: int) -> None:
        try:
            await self._parse_multipart(request, body, limit)
        except (ValueError, RuntimeError, AssertionError, web.HTTPBadRequest) as error:
            # These are what aiohttp's reader raises for a malformed body.
            raise errors.invalid_field(
                (), "CONTENT_TYPE_INVALID", "The multipart body is malformed."
            ) from error

    async def _parse_multipart(self, request: web.Request, body: RequestBody, limit: int) -> None:
        over = False
        number = 0
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, MultipartReader):
                raise errors.invalid_field((), "CONTENT_TYPE_INVALID", "Nested multipart")
            if part.name == "payload_json":
                body.json = _parse_json(await _read_text(part))
                request[LOG_JSON] = body.json
            elif part.filename is not None:
                index = _file_number(part.name, number)
                number += 1
                over |= await self._receive_part(part, body, index, limit)
        if body.json is None:
            body.json = {}
        # Refuse after the last byte, because a client that still sends would see a broken pipe.
        if over:
            raise errors.file_too_large()

    async def _receive_part(
        self, part: BodyPartReader, body: RequestBody, index: int, limit: int
    ) -> bool:
        """Write a part to disk and return whether it is too large. The rest is then discarded."""
        upload = Upload(self.world.files.new_upload_path(), part.filename or "unknown", 0)
        if index in body.uploads:
            raise errors.invalid_field(
                (f"files[{index}]",), "DUPLICATE_FILE", "The same file twice"
            )
        body.uploads[index] = upload
        with await asyncio.to_thread(upload.path.open, "wb") as file:
            while chunk := await part.read_chunk(_CHUNK_BYTES):
                upload.size += len(chunk)
                if upload.size <= limit:
                    await asyncio.to_thread(file.write, chunk)
        return upload.size > limit


def empty_response() -> web.Response:
    """Return a response with status 204."""
    return web.Response(status=204)


def read_path_id(request: web.Request, name: str) -> int:
    """Return an id from the path. Raises DiscordError 50035."""
    text = request.match_info[name]
    parsed = parse_snowflake(text)
    if parsed is None:
        raise errors.invalid_field(
            (name,), "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.'
        )
    return parsed


def query_fields(request: web.Request) -> FormFields:
    """Return the query string as fields."""
    return FormFields(dict(request.query), FormErrors())


def query_flag(request: web.Request, name: str) -> bool:
    """Return a boolean in the query string."""
    return request.query.get(name, "").lower() in {"1", "true"}


async def _read_json(request: web.Request) -> Any:
    text = await request.text()
    if not text:
        return {}
    if request.content_type != "application/json":
        raise errors.invalid_field(
            (),
            "CONTENT_TYPE_INVALID",
            'Expected "Content-Type" header to be one of {"application/json", '
            '"multipart/form-data"}.',
        )
    return _parse_json(text)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise DiscordError(400, 50109, "The request body contains invalid JSON.") from None


async def _read_text(part: BodyPartReader) -> str:
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        data += chunk
        if len(data) > _MAX_JSON_BYTES:
            raise errors.file_too_large()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise DiscordError(400, 50109, "The request body contains invalid JSON.") from None


def _file_number(name: str | None, position: int) -> int:
    """``files[3]`` → 3; the old name ``file`` counts by position."""
    if name and name.startswith("files[") and name.endswith("]") and name[6:-1].isdecimal():
        return int(name[6:-1])
    return position
