"""Sends the first response to an interaction, whose acknowledgement may be lost on the way back.

Discord takes one first response. discord.py sends it again after a 5xx and then believes the 40060,
"already acknowledged", though it was its own; after a cut line it gives up. Both leave "thinking…"
for 15 minutes, without a job and without a word.
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

_log: Final = structlog.get_logger(__name__)

ALREADY_ACKNOWLEDGED_CODE: Final = 40060
_PAUSES_S: Final = (0.3, 0.7, 1.5, 3.0)
"""Before each repetition. After three seconds Discord takes a response only if one was taken."""
_TIMEOUT_S: Final = 10.0
"""For a response without files, which Discord answers within milliseconds."""
_AUTOCOMPLETE_TYPE: Final = discord.InteractionResponseType.autocomplete_result.value
_MAXIMUM_REMEMBERED: Final = 1000


class FirstResponseAdapter(AsyncWebhookAdapter):
    """discord.py's adapter for interactions and webhooks, with its own first responses."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._uncertain_ids: OrderedDict[int, None] = OrderedDict()

    @classmethod
    def install(cls) -> None:
        """Let discord.py use it in this task and the tasks that it starts."""
        async_context.set(cls())

    def is_uncertain(self, interaction_id: int) -> bool:
        """Whether all attempts failed, and Discord may have taken one all the same."""
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
        """Send it until Discord has it. Raises what discord.py's own adapter raises.

        A choice for an option that comes too late is dropped: the person has typed on.
        """
        route = Route(
            "POST",
            "/interactions/{webhook_id}/{webhook_token}/callback",
            webhook_id=interaction_id,
            webhook_token=token,
        )
        request = {"proxy": proxy, "proxy_auth": proxy_auth, "params": {"with_response": "1"}}
        try:
            return await self._send_until_taken(interaction_id, route.url, session, params, request)
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
    """Whether a first response failed here that Discord may have taken."""
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
    """Return what Discord's answer says at least; the response's message is ``@original``."""
    return {"interaction": {"id": str(interaction_id), "type": 2}}
