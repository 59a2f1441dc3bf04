"""`/showcase`, the showcase's buttons, its menu, and the stars that people give."""

from collections.abc import Awaitable
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import answer
from bot.discord.showcase_channel import is_star
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed, NotFound, StoreAway
from bot.domain.showcase.post import Act, Consent
from bot.i18n.catalogs import command_text, say
from bot.services.clips.library import Library
from bot.services.showcase.showcase import Period, Person, Showcase
from bot.services.showcase.votes import Votes
from bot.services.showcase.weekly_digest import Weekly
from bot.ui.custom_ids import Action, Presses
from bot.ui.showcase_card import choices, line, link, own, ranking
from cogs._common.answers import row_of
from cogs._common.clip_lookup import clip_named, clips_of, which_of
from cogs._common.context import may_moderate

_CONSENTS: Final = [
    app_commands.Choice(name=command_text(f"choice.consent.{each}"), value=each.value)
    for each in Consent
]
_PERIODS: Final = [
    app_commands.Choice(name=command_text(f"choice.period.{each}"), value=each.value)
    for each in Period
]


def _described(**options: str) -> dict[str, app_commands.locale_str]:
    return {name: command_text(f"option.{key}") for name, key in options.items()}


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
class ShowcaseCommands(
    commands.GroupCog, group_name="showcase", group_description=command_text("command.showcase")
):
    """The `/showcase` group; moderators are those who may manage messages here."""

    def __init__(
        self,
        *,
        client: discord.Client,
        presses: Presses,
        showcase: Showcase,
        votes: Votes,
        weekly: Weekly,
        library: Library,
    ) -> None:
        self._client = client
        self._showcase = showcase
        self._votes = votes
        self._weekly = weekly
        self._library = library
        self._menu = app_commands.ContextMenu(
            name=command_text("menu.showcase"), callback=self.showcase_this_clip
        )
        self._menu.guild_only = True
        self._menu.allowed_installs = app_commands.AppInstallationType(guild=True)
        presses.on_press(Action.SHOWCASE, self.press_showcase)
        presses.on_press(Action.WITHDRAW, self.press_withdraw)
        presses.on_press(Action.RANKING, self.press_ranking)

    def add_to(self, tree: app_commands.CommandTree[commands.AutoShardedBot]) -> None:
        """Add the message menu to ``tree``."""
        tree.add_command(self._menu)

    # -- showing

    @app_commands.command(name="add", description=command_text("command.showcase.add"))
    @app_commands.describe(**_described(clip="clip", hide_prompt="hide_prompt"))
    async def add(
        self, interaction: discord.Interaction, clip: str, hide_prompt: bool | None = None
    ) -> None:
        """Show a clip."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._clip(interaction, clip)
        await self._show(interaction, found, hide_prompt=hide_prompt)

    async def press_showcase(self, interaction: discord.Interaction, clip_id: int) -> None:
        """Show the clip that the button stands under."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._library.clip(
            clip_id, user_id=interaction.user.id, guild_id=interaction.guild_id
        )
        await self._show(interaction, found)

    async def showcase_this_clip(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        """Show the clip of a message."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        ours = message.author.id == interaction.application_id
        found = await clips_of(message, self._library) if ours else []
        if not found:
            raise NotFound("clip_in_message")
        if len(found) > 1:
            text, buttons = which_of(found, Action.SHOWCASE, interaction.locale.value)
            await answer(interaction, text, row_of(buttons))
            return
        await self._show(interaction, found[0])

    async def _show(
        self, interaction: discord.Interaction, clip: Clip, *, hide_prompt: bool | None = None
    ) -> None:
        exhibit, new = await self._showcase.add(
            clip, guild_id=_guild(interaction), by=_person(interaction), hide_prompt=hide_prompt
        )
        if exhibit.entry.message_id is None:
            key = "showcase.hidden_already" if exhibit.entry.hidden else "showcase.coming"
        else:
            key = "showcase.added" if new else "showcase.there"
        await answer(
            interaction,
            say(key, interaction.locale.value, clip=clip.id, link=link(exhibit.entry)),
        )

    @app_commands.command(name="withdraw", description=command_text("command.showcase.withdraw"))
    @app_commands.describe(**_described(clip="clip"))
    async def withdraw(self, interaction: discord.Interaction, clip: str) -> None:
        """Take a clip out of the showcase."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._clip(interaction, clip)
        await self._showcase.withdraw(found, guild_id=_guild(interaction), by=_person(interaction))
        await self._say(interaction, "showcase.withdrawn", clip=found.id)

    async def press_withdraw(self, interaction: discord.Interaction, exhibit_id: int) -> None:
        """Take out what the button stands under."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        clip_id = await self._showcase.withdraw_exhibit(
            exhibit_id, guild_id=_guild(interaction), by=_person(interaction)
        )
        await self._say(interaction, "showcase.withdrawn", clip=clip_id)

    # -- looking

    @app_commands.command(name="top", description=command_text("command.showcase.top"))
    @app_commands.describe(**_described(period="period"))
    @app_commands.choices(period=_PERIODS)
    async def top(self, interaction: discord.Interaction, period: str = Period.WEEK) -> None:
        """List the clips with the most votes."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        entries = await self._showcase.top(_guild(interaction), Period(period))
        title = say("showcase.top", locale, period=say(f"choice.period.{period}", locale))
        await answer(interaction, ranking(entries, title, locale))

    async def press_ranking(self, interaction: discord.Interaction, digest_id: int) -> None:
        """List the clips of a digest's week, as they stand now."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        entries = await self._weekly.ranking(digest_id, guild_id=_guild(interaction))
        await answer(interaction, ranking(entries, say("showcase.that_week", locale), locale))

    @app_commands.command(name="random", description=command_text("command.showcase.random"))
    async def random(self, interaction: discord.Interaction) -> None:
        """Show any clip."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        entry = await self._showcase.random(_guild(interaction))
        await answer(interaction, line(entry, interaction.locale.value))

    @app_commands.command(name="mine", description=command_text("command.showcase.mine"))
    async def mine(self, interaction: discord.Interaction) -> None:
        """List the person's own clips in the showcase, and what they have chosen."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, user_id = _guild(interaction), interaction.user.id
        entries = await self._showcase.mine(guild_id, user_id)
        maker = await self._showcase.choose(guild_id=guild_id, user_id=user_id)
        await answer(interaction, own(entries, maker, interaction.locale.value))

    @app_commands.command(name="choose", description=command_text("command.showcase.choose"))
    @app_commands.describe(**_described(consent="consent", hide_prompt="hide_prompt"))
    @app_commands.choices(consent=_CONSENTS)
    async def choose(
        self,
        interaction: discord.Interaction,
        consent: str | None = None,
        hide_prompt: bool | None = None,
    ) -> None:
        """Choose who may show one's clips, and whether their prompts are seen."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        maker = await self._showcase.choose(
            guild_id=_guild(interaction),
            user_id=interaction.user.id,
            consent=None if consent is None else Consent(consent),
            hide_prompt=hide_prompt,
        )
        await answer(interaction, choices(maker, interaction.locale.value))

    # -- moderation

    @app_commands.command(name="hide", description=command_text("command.showcase.hide"))
    @app_commands.describe(**_described(clip="clip", undo="undo"))
    async def hide(self, interaction: discord.Interaction, clip: str, undo: bool = False) -> None:
        """Put an entry out of sight, or back."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._clip(interaction, clip)
        await self._showcase.hide(
            found, guild_id=_guild(interaction), by=_person(interaction), on=not undo
        )
        await self._moderated(interaction, Act.UNHIDE if undo else Act.HIDE, clip=found)

    @app_commands.command(name="lock", description=command_text("command.showcase.lock"))
    @app_commands.describe(**_described(clip="clip", undo="undo"))
    async def lock(self, interaction: discord.Interaction, clip: str, undo: bool = False) -> None:
        """Keep an entry's votes as they are, or count again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._clip(interaction, clip)
        await self._showcase.lock(
            found, guild_id=_guild(interaction), by=_person(interaction), on=not undo
        )
        await self._moderated(interaction, Act.UNLOCK if undo else Act.LOCK, clip=found)

    @app_commands.command(name="block", description=command_text("command.showcase.block"))
    @app_commands.describe(**_described(member="blocked_member", undo="undo"))
    async def block(
        self, interaction: discord.Interaction, member: discord.User, undo: bool = False
    ) -> None:
        """Keep a member out of the showcase, or let them in again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        count = await self._showcase.block(
            member.id, guild_id=_guild(interaction), by=_person(interaction), on=not undo
        )
        act = Act.UNBLOCK if undo else Act.BLOCK
        await self._moderated(interaction, act, member=member.id, count=count)

    # -- stars

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        """Count a star."""
        if payload.guild_id is None or not is_star(payload.emoji):
            return
        if payload.member is not None and payload.member.bot:
            return
        me = self._client.user
        await self._patiently(
            payload.guild_id,
            self._votes.star(
                payload.message_id,
                payload.channel_id,
                payload.user_id,
                on=True,
                ours=me is not None and payload.message_author_id == me.id,
            ),
        )

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        """Take a star back."""
        if payload.guild_id is not None and is_star(payload.emoji):
            await self._patiently(
                payload.guild_id,
                self._votes.star(payload.message_id, payload.channel_id, payload.user_id, on=False),
            )

    @commands.Cog.listener()
    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        """Take all stars back."""
        if payload.guild_id is not None:
            await self._patiently(payload.guild_id, self._votes.cleared(payload.message_id))

    @commands.Cog.listener()
    async def on_raw_reaction_clear_emoji(
        self, payload: discord.RawReactionClearEmojiEvent
    ) -> None:
        """Take all stars back, if stars they were."""
        if payload.guild_id is not None and is_star(payload.emoji):
            await self._patiently(payload.guild_id, self._votes.cleared(payload.message_id))

    @commands.Cog.listener()
    async def on_guild_update(self, _before: discord.Guild, after: discord.Guild) -> None:
        """Remember what a server is called now: the gallery says it."""
        await self._patiently(after.id, self._showcase.named(after.id, after.name))

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Withdraw an entry whose post somebody deleted."""
        if payload.guild_id is not None:
            await self._patiently(payload.guild_id, self._showcase.message_gone(payload.message_id))

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Withdraw the entries whose posts somebody deleted."""
        if payload.guild_id is not None:
            for message_id in payload.message_ids:
                await self._patiently(payload.guild_id, self._showcase.message_gone(message_id))

    # -- small things

    async def _patiently(self, guild_id: int, work: Awaitable[None]) -> None:
        """Do what an event brings; while the database is away it is put off by a new count."""
        try:
            await work
        except StoreAway:
            self._votes.doubt([guild_id])

    async def _clip(self, interaction: discord.Interaction, given: str) -> Clip:
        return await clip_named(given, self._library, interaction)

    async def _moderated(
        self,
        interaction: discord.Interaction,
        act: Act,
        *,
        clip: Clip | None = None,
        member: int = 0,
        count: int = 0,
    ) -> None:
        await self._say(
            interaction,
            f"moderated.{act}",
            clip=clip.id if clip is not None else 0,
            member=f"<@{member}>",
            count=count,
        )

    async def _say(self, interaction: discord.Interaction, key: str, **values: object) -> None:
        await answer(interaction, say(key, interaction.locale.value, **values))


def _person(interaction: discord.Interaction) -> Person:
    return Person(
        user_id=interaction.user.id,
        name=interaction.user.display_name,
        moderator=may_moderate(interaction),
    )


def _guild(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise NotAllowed("showcase_server")
    return interaction.guild_id
