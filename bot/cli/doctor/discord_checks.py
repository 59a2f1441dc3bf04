"""What Discord says about the token, the application and the gateway."""

import asyncio
from collections.abc import Sequence
from typing import Final

import aiohttp
import discord
from yarl import URL

from bot.cli.doctor.application_checks import judge_application
from bot.cli.doctor.findings import CheckStatus, Finding
from bot.cli.doctor.http_requests import (
    HttpAnswer,
    NoAnswer,
    describe_error,
    judge_clock,
    open_session,
    read_object,
    request_page,
)
from bot.config.settings import Settings
from bot.discord.session_starts import RESERVED_STARTS
from bot.domain.ports import Clock

_USER_AGENT: Final = f"DiscordBot (https://github.com/Rapptz/discord.py, {discord.__version__})"
"""Discord may refuse programs that do not name themselves in this form; the bot is named so too.

https://docs.discord.com/developers/reference#user-agent
"""
_HELLO_OPCODE: Final = 10
_HELLO_LIMIT_S: Final = 10.0
_LOW_SHARE_OF_STARTS: Final = 0.1
_NETWORK_CURE: Final = "check the network and https://discordstatus.com"


async def check_discord(settings: Settings, clock: Clock) -> Sequence[Finding]:
    """Ask Discord about the application, and open a connection to its gateway without a session.

    Only an IDENTIFY counts as a session start, and none is sent.
    """
    api_url = (settings.discord_api_url or discord.http.Route.BASE).rstrip("/")
    headers = {
        "Authorization": f"Bot {settings.discord_token.get_secret_value()}",
        "User-Agent": _USER_AGENT,
    }
    async with open_session() as session:
        try:
            answer = await request_page(
                session, f"{api_url}/applications/@me", clock, headers=headers
            )
        except NoAnswer as error:
            cure = _NETWORK_CURE if settings.discord_api_url is None else "check DISCORD_API_URL"
            return [Finding("token", CheckStatus.FAILED, f"Discord does not answer: {error}", cure)]
        clock_finding = judge_clock("Discord", answer)
        application = read_object(answer)
        if answer.status != 200 or application is None:
            return [_describe_refusal(answer), clock_finding]
        name, number = application.get("name"), application.get("id")
        return [
            Finding("token", CheckStatus.OK, f"Discord accepts it: {name}, application {number}"),
            *judge_application(application, settings),
            *await _check_gateway(session, settings, clock, headers, api_url),
            clock_finding,
        ]


def _describe_refusal(answer: HttpAnswer) -> Finding:
    if answer.status == 401:
        return Finding(
            "token",
            CheckStatus.FAILED,
            "Discord refuses DISCORD_TOKEN",
            "copy the token again from the developer portal (your application, Bot, Reset Token)",
            "401",
        )
    if answer.status == 429:
        return Finding(
            "token",
            CheckStatus.FAILED,
            "Discord accepts no requests from this address for now",
            "stop whatever sends so many requests, and wait: more requests make the wait longer",
            "429",
        )
    return Finding(
        "token",
        CheckStatus.FAILED,
        "Discord answers with an error",
        _NETWORK_CURE,
        str(answer.status),
    )


async def _check_gateway(
    session: aiohttp.ClientSession,
    settings: Settings,
    clock: Clock,
    headers: dict[str, str],
    api_url: str,
) -> Sequence[Finding]:
    try:
        answer = await request_page(session, f"{api_url}/gateway/bot", clock, headers=headers)
    except NoAnswer as error:
        return [Finding("gateway", CheckStatus.FAILED, f"not checked: {error}", _NETWORK_CURE)]
    described = read_object(answer)
    match described:
        case {
            "url": str(url),
            "shards": int(shard_count),
            "session_start_limit": {
                "total": int(total),
                "remaining": int(remaining),
                "reset_after": int(reset_after_ms),
            },
        } if answer.status == 200:
            pass
        case _:
            message = "Discord does not say where its gateway is"
            return [
                Finding("gateway", CheckStatus.FAILED, message, _NETWORK_CURE, str(answer.status))
            ]
    return [
        await _connect(session, URL(settings.discord_gateway_url or url)),
        judge_session_starts(remaining, total, reset_after_ms / 1000),
        judge_shard_count(settings.shard_count, shard_count),
    ]


async def _connect(session: aiohttp.ClientSession, gateway: URL) -> Finding:
    try:
        async with (
            asyncio.timeout(_HELLO_LIMIT_S),
            session.ws_connect(gateway.update_query(v="10", encoding="json")) as socket,
        ):
            hello = await socket.receive_json()
        if hello["op"] == _HELLO_OPCODE:
            return Finding("gateway", CheckStatus.OK, "can be connected to")
        problem = "it speaks another protocol"
    except (aiohttp.ClientError, OSError) as error:
        problem = describe_error(error)
    except (TypeError, ValueError, KeyError):  # closed at once, or no JSON
        problem = "it ended the connection without a greeting"
    cure = "let WebSocket connections (wss, port 443) through firewalls and proxies"
    return Finding("gateway", CheckStatus.FAILED, f"cannot be connected to: {problem}", cure)


def judge_session_starts(remaining: int, total: int, reset_after_s: float) -> Finding:
    """Judge how many sessions the bot may still begin today."""
    message = f"{remaining} of {total} left, reset in {reset_after_s / 3600:.1f} hours"
    cure = "find out from the bot's log why it restarts or reconnects so often"
    if remaining <= RESERVED_STARTS:
        message += "; until then the bot does not connect"
        return Finding("session starts", CheckStatus.FAILED, message, cure)
    if remaining < total * _LOW_SHARE_OF_STARTS:
        return Finding("session starts", CheckStatus.WARNING, message, cure)
    return Finding("session starts", CheckStatus.OK, message)


def judge_shard_count(configured: int | None, recommended: int) -> Finding:
    """Compare ``SHARD_COUNT`` with what Discord recommends."""
    if configured is None:
        return Finding("shards", CheckStatus.OK, f"{recommended}, as many as Discord recommends")
    if configured >= recommended:
        return Finding("shards", CheckStatus.OK, f"{configured} (Discord recommends {recommended})")
    message = f"SHARD_COUNT is {configured}, and Discord recommends {recommended}"
    return Finding("shards", CheckStatus.WARNING, message, "raise SHARD_COUNT, or set it to auto")
