"""`/showcase`, the showcase's buttons, its menu, and the stars that people give."""

from collections.abc import Awaitable
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.showcase_channel import is_star
from bot.domain.clips.clip import Clip
from bot.domain.errors import DatabaseUnavailable, NotAllowed, RecordNotFound
from bot.domain.showcase.post import AuditAction, ShowcaseConsent
from bot.i18n.catalogs import build_command_text, translate
from bot.services.clips.library import ClipLibrary
from bot.services.showcase.showcase import RankingPeriod, ShowcaseActor, ShowcaseService
from bot.services.showcase.votes import VoteCounter
from bot.services.showcase.weekly_digest import DigestScheduler
from bot.ui.custom_ids import ButtonAction, InteractionRouter
from bot.ui.showcase_card import (
    build_entry_link,
    format_entry,
    format_own_entries,
    format_preferences,
    format_ranking,
)
from cogs._common.answers import build_button_row
from cogs._common.clip_lookup import build_clip_choice, find_message_clips, resolve_clip_reference
from cogs._common.context import may_moderate

_CONSENT_CHOICES: Final = [
    app_commands.Choice(name=build_command_text(f"choice.consent.{each}"), value=each.value)
    for each in ShowcaseConsent
]
_PERIOD_CHOICES: Final = [
    app_commands.Choice(name=build_command_text(f"choice.period.{each}"), value=each.value)
    for each in RankingPeriod
]


def _describe_options(**options: str) -> dict[str, app_commands.locale_str]:
    return {name: build_command_text(f"option.{key}") for name, key in options.items()}


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
class ShowcaseCommands(
    commands.GroupCog,
    group_name="showcase",
    group_description=build_command_text("command.showcase"),
):
    """The `/showcase` group; moderators are those who may manage messages here."""

    def __init__(
        self,
        *,
        client: discord.Client,
        router: InteractionRouter,
        showcase_service: ShowcaseService,
        vote_counter: VoteCounter,
        digest_scheduler: DigestScheduler,
        clip_library: ClipLibrary,
    ) -> None:
        self._client = client
        self._showcase_service = showcase_service
        self._vote_counter = vote_counter
        self._digest_scheduler = digest_scheduler
        self._clip_library = clip_library
        self._menu = app_commands.ContextMenu(
            name=build_command_text("menu.showcase"), callback=self.showcase_this_clip
        )
        self._menu.guild_only = True
        self._menu.allowed_installs = app_commands.AppInstallationType(guild=True)
        router.register_button(ButtonAction.SHOWCASE, self.press_showcase)
        router.register_button(ButtonAction.WITHDRAW, self.press_withdraw)
        router.register_button(ButtonAction.RANKING, self.press_ranking)

    def add_to(self, tree: app_commands.CommandTree[commands.AutoShardedBot]) -> None:
        """Add the message menu to ``tree``."""
        tree.add_command(self._menu)

    # -- showing

    @app_commands.command(name="add", description=build_command_text("command.showcase.add"))
    @app_commands.describe(**_describe_options(clip="clip", hide_prompt="hide_prompt"))
    async def add_clip(
        self, interaction: discord.Interaction, clip: str, hide_prompt: bool | None = None
    ) -> None:
        """Show a clip."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._resolve_clip(interaction, clip)
        await self._add_and_confirm(interaction, found, hide_prompt=hide_prompt)

    async def press_showcase(self, interaction: discord.Interaction, clip_id: int) -> None:
        """Show the clip that the button stands under."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._clip_library.get_clip(
            clip_id, user_id=interaction.user.id, guild_id=interaction.guild_id
        )
        await self._add_and_confirm(interaction, found)

    async def showcase_this_clip(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        """Show the clip of a message."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        ours = message.author.id == interaction.application_id
        found = await find_message_clips(message, self._clip_library) if ours else []
        if not found:
            raise RecordNotFound("clip_in_message")
        if len(found) > 1:
            text, buttons = build_clip_choice(
                found, ButtonAction.SHOWCASE, interaction.locale.value
            )
            await respond_privately(interaction, text, build_button_row(buttons))
            return
        await self._add_and_confirm(interaction, found[0])

    async def _add_and_confirm(
        self, interaction: discord.Interaction, clip: Clip, *, hide_prompt: bool | None = None
    ) -> None:
        exhibit, new = await self._showcase_service.add_clip(
            clip,
            guild_id=_require_guild(interaction),
            actor=_build_person(interaction),
            hide_prompt=hide_prompt,
        )
        if exhibit.entry.message_id is None:
            key = "showcase.hidden_already" if exhibit.entry.hidden else "showcase.coming"
        else:
            key = "showcase.added" if new else "showcase.there"
        await respond_privately(
            interaction,
            translate(
                key, interaction.locale.value, clip=clip.id, link=build_entry_link(exhibit.entry)
            ),
        )

    @app_commands.command(
        name="withdraw", description=build_command_text("command.showcase.withdraw")
    )
    @app_commands.describe(**_describe_options(clip="clip"))
    async def withdraw_clip(self, interaction: discord.Interaction, clip: str) -> None:
        """Take a clip out of the showcase."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._resolve_clip(interaction, clip)
        await self._showcase_service.withdraw_clip(
            found, guild_id=_require_guild(interaction), actor=_build_person(interaction)
        )
        await self._send_text(interaction, "showcase.withdrawn", clip=found.id)

    async def press_withdraw(self, interaction: discord.Interaction, post_id: int) -> None:
        """Take out what the button stands under."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        clip_id = await self._showcase_service.withdraw_post(
            post_id, guild_id=_require_guild(interaction), actor=_build_person(interaction)
        )
        await self._send_text(interaction, "showcase.withdrawn", clip=clip_id)

    # -- looking

    @app_commands.command(name="top", description=build_command_text("command.showcase.top"))
    @app_commands.describe(**_describe_options(period="period"))
    @app_commands.choices(period=_PERIOD_CHOICES)
    async def show_top(
        self, interaction: discord.Interaction, period: str = RankingPeriod.WEEK
    ) -> None:
        """List the clips with the most votes."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        entries = await self._showcase_service.list_top(
            _require_guild(interaction), RankingPeriod(period)
        )
        title = translate(
            "showcase.top", locale, period=translate(f"choice.period.{period}", locale)
        )
        await respond_privately(interaction, format_ranking(entries, title, locale))

    async def press_ranking(self, interaction: discord.Interaction, digest_id: int) -> None:
        """List the clips of a digest's week, as they stand now."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        entries = await self._digest_scheduler.get_ranking(
            digest_id, guild_id=_require_guild(interaction)
        )
        await respond_privately(
            interaction, format_ranking(entries, translate("showcase.that_week", locale), locale)
        )

    @app_commands.command(name="random", description=build_command_text("command.showcase.random"))
    async def show_random(self, interaction: discord.Interaction) -> None:
        """Show any clip."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        entry = await self._showcase_service.pick_random(_require_guild(interaction))
        await respond_privately(interaction, format_entry(entry, interaction.locale.value))

    @app_commands.command(name="mine", description=build_command_text("command.showcase.mine"))
    async def list_own_posts(self, interaction: discord.Interaction) -> None:
        """List the person's own clips in the showcase, and what they have chosen."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, user_id = _require_guild(interaction), interaction.user.id
        entries = await self._showcase_service.list_own(guild_id, user_id)
        maker = await self._showcase_service.set_preferences(guild_id=guild_id, user_id=user_id)
        await respond_privately(
            interaction, format_own_entries(entries, maker, interaction.locale.value)
        )

    @app_commands.command(name="choose", description=build_command_text("command.showcase.choose"))
    @app_commands.describe(**_describe_options(consent="consent", hide_prompt="hide_prompt"))
    @app_commands.choices(consent=_CONSENT_CHOICES)
    async def set_preferences(
        self,
        interaction: discord.Interaction,
        consent: str | None = None,
        hide_prompt: bool | None = None,
    ) -> None:
        """Choose who may show one's clips, and whether their prompts are seen."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        maker = await self._showcase_service.set_preferences(
            guild_id=_require_guild(interaction),
            user_id=interaction.user.id,
            consent=None if consent is None else ShowcaseConsent(consent),
            hide_prompt=hide_prompt,
        )
        await respond_privately(interaction, format_preferences(maker, interaction.locale.value))

    # -- moderation

    @app_commands.command(name="hide", description=build_command_text("command.showcase.hide"))
    @app_commands.describe(**_describe_options(clip="clip", undo="undo"))
    async def hide_post(
        self, interaction: discord.Interaction, clip: str, undo: bool = False
    ) -> None:
        """Put an entry out of sight, or back."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._resolve_clip(interaction, clip)
        await self._showcase_service.set_hidden(
            found,
            guild_id=_require_guild(interaction),
            actor=_build_person(interaction),
            hidden=not undo,
        )
        await self._confirm_action(
            interaction, AuditAction.UNHIDE if undo else AuditAction.HIDE, clip=found
        )

    @app_commands.command(name="lock", description=build_command_text("command.showcase.lock"))
    @app_commands.describe(**_describe_options(clip="clip", undo="undo"))
    async def lock_votes(
        self, interaction: discord.Interaction, clip: str, undo: bool = False
    ) -> None:
        """Keep an entry's votes as they are, or count again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._resolve_clip(interaction, clip)
        await self._showcase_service.set_locked(
            found,
            guild_id=_require_guild(interaction),
            actor=_build_person(interaction),
            locked=not undo,
        )
        await self._confirm_action(
            interaction, AuditAction.UNLOCK if undo else AuditAction.LOCK, clip=found
        )

    @app_commands.command(name="block", description=build_command_text("command.showcase.block"))
    @app_commands.describe(**_describe_options(member="blocked_member", undo="undo"))
    async def block_member(
        self, interaction: discord.Interaction, member: discord.User, undo: bool = False
    ) -> None:
        """Keep a member out of the showcase, or let them in again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        count = await self._showcase_service.set_blocked(
            member.id,
            guild_id=_require_guild(interaction),
            actor=_build_person(interaction),
            blocked=not undo,
        )
        act = AuditAction.UNBLOCK if undo else AuditAction.BLOCK
        await self._confirm_action(interaction, act, member=member.id, count=count)

    # -- stars

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        """Count a star."""
        if payload.guild_id is None or not is_star(payload.emoji):
            return
        if payload.member is not None and payload.member.bot:
            return
        me = self._client.user
        await self._apply_event(
            payload.guild_id,
            self._vote_counter.record_star(
                payload.message_id,
                payload.channel_id,
                payload.user_id,
                starred=True,
                is_own_message=me is not None and payload.message_author_id == me.id,
            ),
        )

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        """Take a star back."""
        if payload.guild_id is not None and is_star(payload.emoji):
            await self._apply_event(
                payload.guild_id,
                self._vote_counter.record_star(
                    payload.message_id, payload.channel_id, payload.user_id, starred=False
                ),
            )

    @commands.Cog.listener()
    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        """Take all stars back."""
        if payload.guild_id is not None:
            await self._apply_event(payload.guild_id, self._vote_counter.reset(payload.message_id))

    @commands.Cog.listener()
    async def on_raw_reaction_clear_emoji(
        self, payload: discord.RawReactionClearEmojiEvent
    ) -> None:
        """Take all stars back, if stars they were."""
        if payload.guild_id is not None and is_star(payload.emoji):
            await self._apply_event(payload.guild_id, self._vote_counter.reset(payload.message_id))

    @commands.Cog.listener()
    async def on_guild_update(self, _before: discord.Guild, after: discord.Guild) -> None:
        """Remember what a server is called now: the gallery says it."""
        await self._apply_event(after.id, self._showcase_service.rename(after.id, after.name))

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Withdraw an entry whose post somebody deleted."""
        if payload.guild_id is not None:
            await self._apply_event(
                payload.guild_id,
                self._showcase_service.withdraw_deleted_message(payload.message_id),
            )

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Withdraw the entries whose posts somebody deleted."""
        if payload.guild_id is not None:
            for message_id in payload.message_ids:
                await self._apply_event(
                    payload.guild_id, self._showcase_service.withdraw_deleted_message(message_id)
                )

    # -- small things

    async def _apply_event(self, guild_id: int, change: Awaitable[None]) -> None:
        """Do what an event brings; while the database is away it is put off by a new count."""
        try:
            await change
        except DatabaseUnavailable:
            self._vote_counter.mark_stale([guild_id])

    async def _resolve_clip(self, interaction: discord.Interaction, reference: str) -> Clip:
        return await resolve_clip_reference(reference, self._clip_library, interaction)

    async def _confirm_action(
        self,
        interaction: discord.Interaction,
        action: AuditAction,
        *,
        clip: Clip | None = None,
        member: int = 0,
        count: int = 0,
    ) -> None:
        await self._send_text(
            interaction,
            f"moderated.{action}",
            clip=clip.id if clip is not None else 0,
            member=f"<@{member}>",
            count=count,
        )

    async def _send_text(
        self, interaction: discord.Interaction, key: str, **values: object
    ) -> None:
        await respond_privately(interaction, translate(key, interaction.locale.value, **values))


def _build_person(interaction: discord.Interaction) -> ShowcaseActor:
    return ShowcaseActor(
        user_id=interaction.user.id,
        name=interaction.user.display_name,
        moderator=may_moderate(interaction),
    )


def _require_guild(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise NotAllowed("showcase_server")
    return interaction.guild_id
