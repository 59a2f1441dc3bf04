"""An answer's body is read up to a limit, however much a server sends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientPayloadError, ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer

from bot.transfer.response_body import read_limited_body

MAX_BYTES = 200_000


async def send_body(request: web.Request) -> web.Response:
    return web.Response(body=b"x" * int(request.query["length"]))


async def send_without_end(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:  # until the client closes the connection
        await response.write(b"x" * MAX_BYTES)


async def close_early(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_length = 2
    await response.prepare(request)
    await response.write(b"x")
    assert request.transport is not None
    request.transport.close()
    return response


@asynccontextmanager
async def open_answer(path: str) -> AsyncIterator[ClientResponse]:
    application = web.Application()
    for handler in (send_body, send_without_end, close_early):
        application.router.add_get(f"/{handler.__name__}", handler)
    async with (
        TestServer(application) as server,
        ClientSession() as session,
        session.get(server.make_url(path)) as response,
    ):
        yield response


@pytest.mark.parametrize("length", [0, 1, MAX_BYTES])
async def test_a_body_within_the_limit_is_whole(length: int) -> None:
    async with open_answer(f"/send_body?length={length}") as response:
        assert await read_limited_body(response, max_bytes=MAX_BYTES) == b"x" * length


async def test_a_longer_body_is_cut_off() -> None:
    async with open_answer(f"/send_body?length={MAX_BYTES + 1}") as response:
        assert await read_limited_body(response, max_bytes=MAX_BYTES) == b"x" * MAX_BYTES


async def test_a_body_without_an_end_is_not_waited_for() -> None:
    async with open_answer("/send_without_end") as response:
        assert await read_limited_body(response, max_bytes=MAX_BYTES) == b"x" * MAX_BYTES


async def test_a_body_that_ends_early_is_an_error() -> None:
    async with open_answer("/close_early") as response:
        with pytest.raises(ClientPayloadError):
            await read_limited_body(response, max_bytes=MAX_BYTES)
