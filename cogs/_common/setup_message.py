"""The message of `/server setup`, written anew after every choice.

It is built from what is stored, so that it is correct after a restart and after another admin's
changes.
"""

from dataclasses import dataclass

import discord

from bot.domain.billing.limits import NO_LIMITS, LimitSubject
from bot.i18n.catalogs import translate
from bot.services.admin.quotas import QuotaService
from bot.services.jobs.requests import RequestService
from bot.services.moderation.request_blocks import RequestBlockService
from bot.services.moderation.word_lists import WordListService
from bot.services.showcase.showcase import ShowcaseService
from bot.store.billing.ledger import LedgerStore
from bot.store.guilds import GuildStore
from bot.ui.server_setup import SetupPage, SetupState, build_setup_view
from cogs._common.context import require_manager


@dataclass(kw_only=True, eq=False)
class SetupMessage:
    """``adults_only`` is the operator's choice of age-restricted channels for every server."""

    quota_service: QuotaService
    request_service: RequestService
    showcase_service: ShowcaseService
    guilds: GuildStore
    ledger: LedgerStore
    word_lists: WordListService
    request_blocks: RequestBlockService
    adults_only: bool = False

    async def update(
        self,
        interaction: discord.Interaction,
        guild: discord.Guild,
        page: SetupPage = SetupPage.SAFETY,
        *,
        notice: str | None = None,
    ) -> None:
        """Show ``page`` as it is now, with a ``notice`` of what was changed."""
        locale = interaction.locale.value
        showcase_settings = await self.showcase_service.settings.load_settings(guild.id)
        rows = await self.ledger.list_limits(guild.id)
        limits = (row.limits for row in rows if row.subject is LimitSubject.DEFAULT)
        budgets = (row.limits for row in rows if row.subject is LimitSubject.GUILD)
        state = SetupState(
            rules=await self.guilds.load_rules(guild.id),
            budget=next(budgets, NO_LIMITS),
            ceiling=self.quota_service.server_ceiling,
            default_confirmation_price=self.request_service.default_confirmation_price,
            member_limits=next(limits, NO_LIMITS),
            showcase_channel_id=showcase_settings.channel_id,
            existing_channel_ids=frozenset(channel.id for channel in guild.channels),
            existing_role_ids=frozenset(role.id for role in guild.roles),
            discord_locale=guild.preferred_locale.value,
            word_count=await self.word_lists.count_entries(guild.id),
            adults_only=self.adults_only,
            block_count=await self.request_blocks.count_blocks(guild.id),
        )
        notice = translate("setup.saved", locale) if notice is None else notice
        view = build_setup_view(state, locale, page=page, notice=notice)
        await interaction.edit_original_response(view=view)


async def acknowledge_manager(interaction: discord.Interaction) -> discord.Guild:
    """Return the server of a choice in the message. Raises `NotAllowed`."""
    guild = require_manager(interaction)
    await interaction.response.defer()
    return guild
