"""`/showcase`, the showcase's buttons, its message menu, and stars as votes."""

from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.showcase_channel import DiscordShowcaseChannel, is_star
from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.errors import DatabaseUnavailable, NotAllowed
from bot.domain.showcase.post import AuditAction, ShowcaseConsent
from bot.i18n.catalogs import build_command_text, translate
from bot.i18n.formatting import sanitize_text
from bot.services.clips.history import ClipHistory
from bot.services.clips.library import ClipLibrary
from bot.services.showcase.creator_names import CreatorNames
from bot.services.showcase.creator_pages import CreatorPages
from bot.services.showcase.showcase import (
    LIST_LENGTH,
    RankingPeriod,
    ShowcaseActor,
    ShowcaseService,
)
from bot.services.showcase.votes import VoteCounter
from bot.services.showcase.weekly_digest import DigestScheduler
from bot.ui.components import build_button
from bot.ui.custom_ids import ButtonAction
from bot.ui.router import InteractionRouter
from bot.ui.showcase_card import (
    build_entry_card,
    build_entry_link,
    format_own_entries,
    format_preferences,
    format_ranking,
)
from cogs._common.answers import build_button_row, respond_with
from cogs._common.clip_lookup import ClipFinder, build_clip_choice
from cogs._common.context import is_known_age_restricted, may_moderate
from cogs._common.options import build_choices, describe_options
from cogs._common.suggestions import MAX_CHOICES, load_in_time, suggest_clips, suggest_entries

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
    """The `/showcase` group. Moderators are members who may manage messages."""

    client: discord.Client
    router: InteractionRouter
    showcase_service: ShowcaseService
    vote_counter: VoteCounter
    digest_scheduler: DigestScheduler
    clip_finder: ClipFinder
    clip_library: ClipLibrary
    clip_history: ClipHistory
    showcase_channel: DiscordShowcaseChannel
    creator_names: CreatorNames
    creator_pages: CreatorPages

    def __post_init__(self) -> None:
        self._menu = app_commands.ContextMenu(
            name=build_command_text("menu.showcase"), callback=self.showcase_this_clip
        )
        self._menu.guild_only = True
        self._menu.allowed_installs = app_commands.AppInstallationType(guild=True)
        self.router.register_button(ButtonAction.SHOWCASE, self.press_showcase)
        self.router.register_button(ButtonAction.PUBLISH, self.press_publish)
        self.router.register_button(ButtonAction.PUBLISH_HIDDEN, self.press_publish_hidden)
        self.router.register_button(ButtonAction.WITHDRAW, self.press_withdraw)
        self.router.register_button(ButtonAction.RANKING, self.press_ranking)

    def add_to(self, tree: app_commands.CommandTree[commands.AutoShardedBot]) -> None:
        tree.add_command(self._menu)

    # -- adding and withdrawing

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

    async def press_publish(self, interaction: discord.Interaction, clip_id: int) -> None:
        await self._publish_after_notice(interaction, clip_id, hide_prompt=None)

    async def press_publish_hidden(self, interaction: discord.Interaction, clip_id: int) -> None:
        await self._publish_after_notice(interaction, clip_id, hide_prompt=True)

    async def _publish_after_notice(
        self, interaction: discord.Interaction, clip_id: int, *, hide_prompt: bool | None
    ) -> None:
        """Add a clip for a person who has been told that it will be on the web."""
        await interaction.response.defer()
        guild_id = _require_guild(interaction)
        clip = await self.clip_library.get_clip(
            clip_id, ActingPerson(interaction.user.id, guild_id)
        )
        await self.showcase_service.record_public_notice(
            guild_id=guild_id, user_id=interaction.user.id
        )
        text = await self._add_clip(interaction, clip, hide_prompt=hide_prompt)
        await interaction.edit_original_response(content=text, view=None)

    async def _add_and_confirm(
        self, interaction: discord.Interaction, clip: Clip, *, hide_prompt: bool | None = None
    ) -> None:
        guild_id, actor = _identify_actor(interaction)
        preferences = await self.showcase_service.needs_public_notice(
            clip, guild_id=guild_id, actor=actor
        )
        if preferences is not None:
            hides_prompt = preferences.hide_prompt if hide_prompt is None else hide_prompt
            await self._ask_before_publishing(interaction, clip, hides_prompt=hides_prompt)
            return
        text = await self._add_clip(interaction, clip, hide_prompt=hide_prompt)
        await respond_privately(interaction, text)

    async def _ask_before_publishing(
        self, interaction: discord.Interaction, clip: Clip, *, hides_prompt: bool
    ) -> None:
        """Say what will be on the web, and let the person decide.

        Each person is asked once per server.
        """
        locale = interaction.locale.value
        text = translate(
            "showcase.public_notice_hidden" if hides_prompt else "showcase.public_notice",
            locale,
            clip=clip.id,
            name=sanitize_text(interaction.user.display_name),
            server=sanitize_text(interaction.guild.name if interaction.guild else ""),
            link=self.showcase_service.gallery_url,
        )
        actions = [ButtonAction.PUBLISH_HIDDEN]
        if not hides_prompt:
            actions.insert(0, ButtonAction.PUBLISH)
        buttons = [
            build_button(action, clip.id, locale, primary=action is actions[0])
            for action in actions
        ]
        await respond_privately(interaction, text, build_button_row(buttons))

    async def _add_clip(
        self, interaction: discord.Interaction, clip: Clip, *, hide_prompt: bool | None
    ) -> str:
        """Add a clip, and return a text about where it is shown."""
        guild_id, actor = _identify_actor(interaction)
        post, is_new = await self.showcase_service.add_clip(
            clip, guild_id=guild_id, actor=actor, hide_prompt=hide_prompt
        )
        if post.entry.message_id is not None:
            key = "showcase.added" if is_new else "showcase.there"
        elif post.entry.hidden:
            key = "showcase.hidden_already"
        else:
            key = "showcase.waits_for_channel" if post.in_sync else "showcase.coming"
        locale = interaction.locale.value
        lines = [translate(key, locale, clip=clip.id, link=build_entry_link(post.entry))]
        address = await self.showcase_service.find_web_address(post)
        if address is not None:
            lines.append(translate("showcase.on_the_web", locale, link=address))
        return "\n".join(lines)

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

    @add_clip.autocomplete("clip")
    async def _suggest_own_clip(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        """Suggest the person's clips of this server, because a showcase shows only those."""
        clips = await load_in_time(
            self.clip_history.suggest_clips(
                current, user_id=interaction.user.id, limit=4 * MAX_CHOICES
            )
        )
        return suggest_clips(clip for clip in clips if clip.guild_id == interaction.guild_id)

    @withdraw_clip.autocomplete("clip")
    async def _suggest_entry(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        """Suggest entries that the person may withdraw, their own first."""
        guild_id, lists = _require_guild(interaction), self.showcase_service.posts.lists
        entries = list(
            await load_in_time(
                lists.list_member_entries(guild_id, interaction.user.id, limit=4 * MAX_CHOICES)
            )
        )
        if may_moderate(interaction):
            everyone = lists.list_top(
                guild_id, since=None, limit=4 * MAX_CHOICES, with_age_restricted=True
            )
            own_ids = {entry.clip.id for entry in entries}
            other_entries = await load_in_time(everyone)
            entries += [entry for entry in other_entries if entry.clip.id not in own_ids]
        return suggest_entries(entries, current)

    # -- viewing

    @app_commands.command(name="top", description=build_command_text("command.showcase.top"))
    @describe_options()
    @app_commands.choices(period=_PERIOD_CHOICES)
    async def show_top(
        self, interaction: discord.Interaction, period: str = RankingPeriod.WEEK
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        guild_id = _require_guild(interaction)
        entries = await self.showcase_service.list_top(
            guild_id,
            RankingPeriod(period),
            with_age_restricted=is_known_age_restricted(interaction),
        )
        name = translate(f"choice.period.{period}", locale)
        title = translate("showcase.top", locale, period=name)
        await respond_privately(interaction, format_ranking(entries, title, locale))

    async def press_ranking(self, interaction: discord.Interaction, digest_id: int) -> None:
        """List the clips of a digest's week with their current votes."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        guild_id = _require_guild(interaction)
        entries = await self.digest_scheduler.get_ranking(
            digest_id,
            guild_id=guild_id,
            with_age_restricted=is_known_age_restricted(interaction),
        )
        title = translate("showcase.that_week", locale)
        await respond_privately(interaction, format_ranking(entries, title, locale))

    @app_commands.command(name="random", description=build_command_text("command.showcase.random"))
    async def show_random(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, locale = _require_guild(interaction), interaction.locale.value
        entry = await self.showcase_service.pick_random(
            guild_id, with_age_restricted=is_known_age_restricted(interaction)
        )
        file = await self.showcase_channel.open_clip_media(entry, guild_id)
        if file is None:
            view = build_entry_card(entry, None, locale)
            await interaction.edit_original_response(view=view)
            return
        view = build_entry_card(entry, file.filename, locale)
        await interaction.edit_original_response(view=view, attachments=[file])

    @app_commands.command(name="mine", description=build_command_text("command.showcase.mine"))
    async def list_own_posts(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, user_id = _require_guild(interaction), interaction.user.id
        entries = await self.showcase_service.posts.lists.list_member_entries(
            guild_id, user_id, limit=LIST_LENGTH
        )
        preferences = await self.showcase_service.settings.load_preferences(guild_id, user_id)
        address = await self.creator_pages.find_address(user_id)
        text = format_own_entries(entries, preferences, interaction.locale.value, address)
        await respond_privately(interaction, text)

    @app_commands.command(name="choose", description=build_command_text("command.showcase.choose"))
    @describe_options(page="creator_page")
    @app_commands.choices(consent=_CONSENT_CHOICES)
    async def set_preferences(
        self,
        interaction: discord.Interaction,
        consent: str | None = None,
        hide_prompt: bool | None = None,
        page: bool | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        if page is not None:
            await self.creator_pages.set_open(interaction.user.id, page)
        preferences = await self.showcase_service.set_preferences(
            guild_id=_require_guild(interaction),
            user_id=interaction.user.id,
            consent=None if consent is None else ShowcaseConsent(consent),
            hide_prompt=hide_prompt,
        )
        address = await self.creator_pages.find_address(interaction.user.id)
        gallery_url = self.showcase_service.gallery_url
        text = format_preferences(preferences, interaction.locale.value, gallery_url, address)
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
        me = self.client.user
        is_own_star = me is not None and payload.user_id == me.id
        if is_own_star or (payload.member is not None and payload.member.bot):
            return
        change = self.vote_counter.record_star(
            payload.message_id,
            payload.channel_id,
            payload.user_id,
            starred=True,
            is_super=payload.burst,
            is_own_message=me is not None and payload.message_author_id == me.id,
        )
        await self._apply_event(payload.guild_id, change)
        if payload.member is not None:
            await self._record_name(payload.guild_id, payload.member)

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        me = self.client.user
        is_own_star = me is not None and payload.user_id == me.id
        if payload.guild_id is not None and is_star(payload.emoji) and not is_own_star:
            change = self.vote_counter.record_star(
                payload.message_id,
                payload.channel_id,
                payload.user_id,
                starred=False,
                is_super=payload.burst,
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

    # -- names and channels

    @commands.Cog.listener()
    async def on_guild_update(self, _before: discord.Guild, after: discord.Guild) -> None:
        """Store a server's new name for the gallery."""
        renaming = self.showcase_service.settings.rename(after.id, after.name)
        await self._apply_event(after.id, renaming)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.guild_id is not None and isinstance(interaction.user, discord.Member):
            await self._record_name(interaction.guild_id, interaction.user)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if message.guild is not None and isinstance(message.author, discord.Member):
            await self._record_name(message.guild.id, message.author)

    @commands.Cog.listener()
    async def on_member_update(self, _before: discord.Member, after: discord.Member) -> None:
        await self._record_name(after.guild.id, after)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Keep the entries of a deleted channel."""
        deletion = self.showcase_service.handle_deleted_channel(channel.guild.id, channel.id)
        await self._apply_event(channel.guild.id, deletion)

    @commands.Cog.listener()
    async def on_guild_channel_update(
        self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        """Remove age-restricted clips from a channel that is no longer age-restricted."""
        if getattr(before, "nsfw", None) != getattr(after, "nsfw", None):
            recording = self.showcase_service.record_channels(after.guild.id)
            await self._apply_event(after.guild.id, recording)

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

    async def _record_name(self, guild_id: int, member: discord.Member) -> None:
        if not member.bot:
            with suppress(DatabaseUnavailable):  # recorded at their next activity
                await self.creator_names.record_name(guild_id, member.id, member.display_name)

    async def _apply_event(self, guild_id: int, change: Awaitable[None]) -> None:
        """Apply an event. If the database is unavailable, recount the server's votes later."""
        try:
            await change
        except DatabaseUnavailable:
            self.vote_counter.mark_stale([guild_id])


def _identify_actor(interaction: discord.Interaction) -> tuple[int, ShowcaseActor]:
    """Return the server and who acts there. Raises `NotAllowed` outside of servers."""
    user, moderator = interaction.user, may_moderate(interaction)
    actor = ShowcaseActor(user_id=user.id, name=user.display_name, moderator=moderator)
    return _require_guild(interaction), actor


def _require_guild(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise NotAllowed("showcase_server")
    return interaction.guild_id
