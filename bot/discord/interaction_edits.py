"""Edits responses to interactions, and retries after transient errors.

The request itself has already been accepted or refused. So a response that cannot be delivered must
not look like a failed request: the member would repeat it and pay twice.
"""

import asyncio
from typing import Any, Final

import discord

from bot.discord.api_errors import DISCORD_ERRORS, summarize_error, to_delivery_error
from bot.domain.errors import AnswerNotDelivered, ContentBlocked, DiscordUnavailable

_RETRY_DELAYS_S: Final = (0.5, 2.0)


async def edit_response(interaction: discord.Interaction, **changes: Any) -> None:
    """Edit the first response. Raises `AnswerNotDelivered` or `ContentBlocked`."""
    delays_s = iter(_RETRY_DELAYS_S)
    while True:
        try:
            await interaction.edit_original_response(**changes)
            return
        except DISCORD_ERRORS as error:
            meaning, delay_s = to_delivery_error(error), next(delays_s, None)
            if isinstance(meaning, ContentBlocked):  # an error message can still be delivered
                raise meaning from error
            if delay_s is None or not isinstance(meaning, DiscordUnavailable):
                raise AnswerNotDelivered(summarize_error(error)) from error
            await asyncio.sleep(delay_s)
