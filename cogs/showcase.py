"""`/showcase`, the showcase's buttons, its message menu, and the stars that people give."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.showcase_channel import is_star
from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.errors import DatabaseUnavailable, NotAllowed
from bot.domain.showcase.post import AuditAction, ShowcaseConsent
from bot.i18n.catalogs import build_command_text, translate
from bot.services.clips.library import ClipLibrary
from bot.services.showcase.showcase import (
    LIST_LENGTH,
    RankingPeriod,
    ShowcaseActor,
    ShowcaseService,
)
from bot.services.showcase.votes import VoteCounter
from bot.services.showcase.weekly_digest import DigestScheduler
from bot.ui.custom_ids import ButtonAction
from bot.ui.router import InteractionRouter
from bot.ui.showcase_card import (
    build_entry_link,
    format_entry,
    format_own_entries,
    format_preferences,
    format_ranking,
)
from cogs._common.answers import build_button_row, respond_with
from cogs._common.clip_lookup import ClipFinder, build_clip_choice
from cogs._common.context import may_moderate
from cogs._common.options import build_choices, describe_options

_CONSENT_CHOICES: Final = build_choices("consent", ShowcaseConsent)
_PERIOD_CHOICES: Final = build_choices("period", RankingPeriod)


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
@dataclass(kw_only=True, eq=False)
class ShowcaseCommands(
    commands.GroupCog,
    group_name="showcase",
    group_description=build_command_text("command.showcase"),
):
    """The `/showcase` group; moderators are those who may manage messages here."""

    client: discord.Client
    router: InteractionRouter
    showcase_service: ShowcaseService
    vote_counter: VoteCounter
    digest_scheduler: DigestScheduler
    clip_finder: ClipFinder
    clip_library: ClipLibrary

    def __post_init__(self) -> None:
        self._menu = app_commands.ContextMenu(
            name=build_command_text("menu.showcase"), callback=self.showcase_this_clip
        )
        self._menu.guild_only = True
        self._menu.allowed_installs = app_commands.AppInstallationType(guild=True)
        self.router.register_button(ButtonAction.SHOWCASE, self.press_showcase)
        self.router.register_button(ButtonAction.WITHDRAW, self.press_withdraw)
        self.router.register_button(ButtonAction.RANKING, self.press_ranking)

    def add_to(self, tree: app_commands.CommandTree[commands.AutoShardedBot]) -> None:
        tree.add_command(self._menu)

    # -- showing

    @app_commands.command(name="add", description=build_command_text("command.showcase.add"))
    @describe_options()
    async def add_clip(
        self, interaction: discord.Interaction, clip: str, hide_prompt: bool | None = None
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        posted_clip = await self.clip_finder.resolve(clip, interaction)
        await self._add_and_confirm(interaction, posted_clip, hide_prompt=hide_prompt)

    async def press_showcase(self, interaction: discord.Interaction, clip_id: int) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        person = ActingPerson(interaction.user.id, interaction.guild_id)
        await self._add_and_confirm(interaction, await self.clip_library.get_clip(clip_id, person))

    async def showcase_this_clip(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        clips = await self.clip_finder.require_in_message(message, interaction)
        if len(clips) > 1:
            locale = interaction.locale.value
            text, buttons = build_clip_choice(clips, ButtonAction.SHOWCASE, locale)
            await respond_privately(interaction, text, build_button_row(buttons))
            return
        await self._add_and_confirm(interaction, clips[0])

    async def _add_and_confirm(
        self, interaction: discord.Interaction, clip: Clip, *, hide_prompt: bool | None = None
    ) -> None:
        guild_id, actor = _identify_actor(interaction)
        post, is_new = await self.showcase_service.add_clip(
            clip, guild_id=guild_id, actor=actor, hide_prompt=hide_prompt
        )
        if post.entry.message_id is None:
            key = "showcase.hidden_already" if post.entry.hidden else "showcase.coming"
        else:
            key = "showcase.added" if is_new else "showcase.there"
        await respond_with(interaction, key, clip=clip.id, link=build_entry_link(post.entry))

    @app_commands.command(
        name="withdraw", description=build_command_text("command.showcase.withdraw")
    )
    @describe_options()
    async def withdraw_clip(self, interaction: discord.Interaction, clip: str) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        posted_clip = await self.clip_finder.resolve(clip, interaction)
        guild_id, actor = _identify_actor(interaction)
        await self.showcase_service.withdraw_clip(posted_clip, guild_id=guild_id, actor=actor)
        await respond_with(interaction, "showcase.withdrawn", clip=posted_clip.id)

    async def press_withdraw(self, interaction: discord.Interaction, post_id: int) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, actor = _identify_actor(interaction)
        clip_id = await self.showcase_service.withdraw_post(post_id, guild_id=guild_id, actor=actor)
        await respond_with(interaction, "showcase.withdrawn", clip=clip_id)

    # -- looking

    @app_commands.command(name="top", description=build_command_text("command.showcase.top"))
    @describe_options()
    @app_commands.choices(period=_PERIOD_CHOICES)
    async def show_top(
        self, interaction: discord.Interaction, period: str = RankingPeriod.WEEK
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        guild_id = _require_guild(interaction)
        entries = await self.showcase_service.list_top(guild_id, RankingPeriod(period))
        name = translate(f"choice.period.{period}", locale)
        title = translate("showcase.top", locale, period=name)
        await respond_privately(interaction, format_ranking(entries, title, locale))

    async def press_ranking(self, interaction: discord.Interaction, digest_id: int) -> None:
        """List the clips of a digest's week with their votes now."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        guild_id = _require_guild(interaction)
        entries = await self.digest_scheduler.get_ranking(digest_id, guild_id=guild_id)
        title = translate("showcase.that_week", locale)
        await respond_privately(interaction, format_ranking(entries, title, locale))

    @app_commands.command(name="random", description=build_command_text("command.showcase.random"))
    async def show_random(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        entry = await self.showcase_service.pick_random(_require_guild(interaction))
        await respond_privately(interaction, format_entry(entry, interaction.locale.value))

    @app_commands.command(name="mine", description=build_command_text("command.showcase.mine"))
    async def list_own_posts(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, user_id = _require_guild(interaction), interaction.user.id
        entries = await self.showcase_service.posts.list_member_entries(
            guild_id, user_id, limit=LIST_LENGTH
        )
        preferences = await self.showcase_service.settings.load_preferences(guild_id, user_id)
        text = format_own_entries(entries, preferences, interaction.locale.value)
        await respond_privately(interaction, text)

    @app_commands.command(name="choose", description=build_command_text("command.showcase.choose"))
    @describe_options()
    @app_commands.choices(consent=_CONSENT_CHOICES)
    async def set_preferences(
        self,
        interaction: discord.Interaction,
        consent: str | None = None,
        hide_prompt: bool | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        preferences = await self.showcase_service.set_preferences(
            guild_id=_require_guild(interaction),
            user_id=interaction.user.id,
            consent=None if consent is None else ShowcaseConsent(consent),
            hide_prompt=hide_prompt,
        )
        text = format_preferences(preferences, interaction.locale.value)
        await respond_privately(interaction, text)

    # -- moderation

    @app_commands.command(name="hide", description=build_command_text("command.showcase.hide"))
    @describe_options()
    async def hide_post(
        self, interaction: discord.Interaction, clip: str, undo: bool = False
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        posted_clip = await self.clip_finder.resolve(clip, interaction)
        guild_id, actor = _identify_actor(interaction)
        await self.showcase_service.set_hidden(
            posted_clip, guild_id=guild_id, actor=actor, hidden=not undo
        )
        action = AuditAction.UNHIDE if undo else AuditAction.HIDE
        await respond_with(interaction, f"moderated.{action}", clip=posted_clip.id)

    @app_commands.command(name="lock", description=build_command_text("command.showcase.lock"))
    @describe_options()
    async def lock_votes(
        self, interaction: discord.Interaction, clip: str, undo: bool = False
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        posted_clip = await self.clip_finder.resolve(clip, interaction)
        guild_id, actor = _identify_actor(interaction)
        await self.showcase_service.set_locked(
            posted_clip, guild_id=guild_id, actor=actor, locked=not undo
        )
        action = AuditAction.UNLOCK if undo else AuditAction.LOCK
        await respond_with(interaction, f"moderated.{action}", clip=posted_clip.id)

    @app_commands.command(name="block", description=build_command_text("command.showcase.block"))
    @describe_options(member="blocked_member")
    async def block_member(
        self, interaction: discord.Interaction, member: discord.User, undo: bool = False
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, actor = _identify_actor(interaction)
        count = await self.showcase_service.set_blocked(
            member.id, guild_id=guild_id, actor=actor, blocked=not undo
        )
        action = AuditAction.UNBLOCK if undo else AuditAction.BLOCK
        name = f"<@{member.id}>"
        await respond_with(interaction, f"moderated.{action}", member=name, count=count)

    # -- stars

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        if payload.guild_id is None or not is_star(payload.emoji):
            return
        if payload.member is not None and payload.member.bot:
            return
        me = self.client.user
        change = self.vote_counter.record_star(
            payload.message_id,
            payload.channel_id,
            payload.user_id,
            starred=True,
            is_own_message=me is not None and payload.message_author_id == me.id,
        )
        await self._apply_event(payload.guild_id, change)

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        if payload.guild_id is not None and is_star(payload.emoji):
            change = self.vote_counter.record_star(
                payload.message_id, payload.channel_id, payload.user_id, starred=False
            )
            await self._apply_event(payload.guild_id, change)

    @commands.Cog.listener()
    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        if payload.guild_id is not None:
            await self._apply_event(payload.guild_id, self.vote_counter.reset(payload.message_id))

    @commands.Cog.listener()
    async def on_raw_reaction_clear_emoji(
        self, payload: discord.RawReactionClearEmojiEvent
    ) -> None:
        if payload.guild_id is not None and is_star(payload.emoji):
            await self._apply_event(payload.guild_id, self.vote_counter.reset(payload.message_id))

    @commands.Cog.listener()
    async def on_guild_update(self, _before: discord.Guild, after: discord.Guild) -> None:
        """Store a server's new name, which the gallery shows."""
        renaming = self.showcase_service.settings.rename(after.id, after.name)
        await self._apply_event(after.id, renaming)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        if payload.guild_id is not None:
            withdrawal = self.showcase_service.withdraw_deleted_message(payload.message_id)
            await self._apply_event(payload.guild_id, withdrawal)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        if payload.guild_id is not None:
            for message_id in payload.message_ids:
                withdrawal = self.showcase_service.withdraw_deleted_message(message_id)
                await self._apply_event(payload.guild_id, withdrawal)

    async def _apply_event(self, guild_id: int, change: Awaitable[None]) -> None:
        """Apply an event; while the database is away, have the server's votes recounted later."""
        try:
            await change
        except DatabaseUnavailable:
            self.vote_counter.mark_stale([guild_id])


def _identify_actor(interaction: discord.Interaction) -> tuple[int, ShowcaseActor]:
    """Return the server and who acts there. Raises `NotAllowed` outside a server."""
    user, moderator = interaction.user, may_moderate(interaction)
    actor = ShowcaseActor(user_id=user.id, name=user.display_name, moderator=moderator)
    return _require_guild(interaction), actor


def _require_guild(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise NotAllowed("showcase_server")
    return interaction.guild_id
