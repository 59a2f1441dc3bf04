"""Sends the first response to an interaction, even if Discord's answer to it gets lost.

Discord accepts only one first response. After a 5xx, discord.py sends it again and then fails with
40060, "already acknowledged", although its own first attempt was accepted. After a lost connection
it does not retry at all. In both cases the member would see "thinking…" for 15 minutes.
"""

import asyncio
from collections import OrderedDict
from typing import Any, Final

import aiohttp
import discord
import structlog
from discord.http import MultipartParameters, Route, json_or_text
from discord.webhook.async_ import AsyncWebhookAdapter, async_context

from bot.discord.connection_waits import read_retry_after
from bot.services.loop_turns import LoopTurns

_log: Final = structlog.get_logger(__name__)

ALREADY_ACKNOWLEDGED_CODE: Final = 40060
_PAUSES_S: Final = (0.3, 0.7, 1.5, 3.0)
"""Before each retry. After three seconds, a retry only shows whether an earlier attempt arrived."""
_TIMEOUT_S: Final = 10.0
"""For responses without files, which Discord normally answers within milliseconds."""
_AUTOCOMPLETE_TYPE: Final = discord.InteractionResponseType.autocomplete_result.value
_MAXIMUM_REMEMBERED: Final = 1000


class FirstResponseAdapter(AsyncWebhookAdapter):
    """discord.py's adapter for interactions and webhooks, with safe retries of first responses."""

    def __init__(self, turns: LoopTurns) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._turns = turns
        self._uncertain_ids: OrderedDict[int, None] = OrderedDict()

    @classmethod
    def install(cls, turns: LoopTurns) -> None:
        """Make discord.py use this adapter in the current task and the tasks that it starts.

        First responses are urgent among ``turns``.
        """
        async_context.set(cls(turns))

    def is_uncertain(self, interaction_id: int) -> bool:
        """Whether all attempts failed but Discord may still have accepted one."""
        return interaction_id in self._uncertain_ids

    async def create_interaction_response(
        self,
        interaction_id: int,
        token: str,
        *,
        session: aiohttp.ClientSession,
        proxy: str | None = None,
        proxy_auth: aiohttp.BasicAuth | None = None,
        params: MultipartParameters,
    ) -> Any:
        """Send the response until Discord accepts it. Raises the errors of discord.py's adapter.

        A failed autocomplete is dropped, because the member has typed more by then.
        """
        route = Route(
            "POST",
            "/interactions/{webhook_id}/{webhook_token}/callback",
            webhook_id=interaction_id,
            webhook_token=token,
        )
        request = {"proxy": proxy, "proxy_auth": proxy_auth, "params": {"with_response": "1"}}
        try:
            with self._turns.let_pass():
                return await self._send_until_taken(
                    interaction_id, route.url, session, params, request
                )
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            if (params.payload or {}).get("type") != _AUTOCOMPLETE_TYPE:
                raise
            _log.debug("autocomplete.dropped", error=type(error).__name__)
            return _build_unseen_answer(interaction_id)

    async def _send_until_taken(
        self,
        interaction_id: int,
        url: str,
        session: aiohttp.ClientSession,
        params: MultipartParameters,
        request: dict[str, Any],
    ) -> Any:
        was_sent = False
        for next_pause_s in (*_PAUSES_S, None):
            pause_s: float | None = next_pause_s
            try:
                return await _send_once(session, url, params, request, is_repeated=was_sent)
            except (discord.DiscordServerError, aiohttp.ClientError, OSError) as error:
                was_sent = True
                if pause_s is None:
                    self._remember_uncertain(interaction_id)
                    raise
                _log.info(
                    "first_response.repeated",
                    interaction=interaction_id,
                    error=type(error).__name__,
                )
            except discord.HTTPException as error:
                if error.code == ALREADY_ACKNOWLEDGED_CODE and was_sent:
                    _log.info("first_response.already_sent", interaction=interaction_id)
                    return _build_unseen_answer(interaction_id)
                if error.status != 429 or pause_s is None:
                    raise
                pause_s = min(read_retry_after(error) or pause_s, _PAUSES_S[-1])
            await asyncio.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _remember_uncertain(self, interaction_id: int) -> None:
        self._uncertain_ids[interaction_id] = None
        if len(self._uncertain_ids) > _MAXIMUM_REMEMBERED:
            self._uncertain_ids.popitem(last=False)


def may_have_answered(interaction_id: int) -> bool:
    """Whether a first response failed in this process but Discord may have accepted it."""
    adapter = async_context.get()
    return isinstance(adapter, FirstResponseAdapter) and adapter.is_uncertain(interaction_id)


async def _send_once(
    session: aiohttp.ClientSession,
    url: str,
    params: MultipartParameters,
    request: dict[str, Any],
    *,
    is_repeated: bool,
) -> Any:
    if params.multipart:
        for file in params.files or []:
            file.reset(seek=is_repeated)
        form = aiohttp.FormData(quote_fields=False)
        for part in params.multipart:
            form.add_field(**part)
        request = request | {"data": form}
    else:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        request = request | {"json": params.payload, "timeout": timeout}
    async with session.post(url, **request) as response:
        data: Any = await json_or_text(response)
        if response.status < 300:
            return data
        error_type = {403: discord.Forbidden, 404: discord.NotFound}.get(
            response.status,
            discord.DiscordServerError if response.status >= 500 else discord.HTTPException,
        )
        raise error_type(response, data)


def _build_unseen_answer(interaction_id: int) -> dict[str, Any]:
    """Return a minimal answer of Discord. Without a message id, discord.py uses ``@original``."""
    return {"interaction": {"id": str(interaction_id), "type": 2}}
