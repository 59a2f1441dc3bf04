"""`/server words`, `block`, `unblock` and `blocks`: what may not be made, and who may make nothing.

Only the admin sees the answers, so they may name the words.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.moderation.request_block import BlockLength
from bot.domain.moderation.word_list import WordAction
from bot.i18n.catalogs import build_command_text
from bot.services.moderation.request_blocks import RequestBlockService
from bot.services.moderation.word_lists import WordListService
from bot.ui.moderation import (
    build_word_list_file,
    format_added_words,
    format_blocked,
    format_blocks,
    format_word_list,
    format_word_test,
)
from cogs._common.answers import respond_with
from cogs._common.context import require_guild_id
from cogs._common.options import build_choices, describe_options

_MAX_TYPED_LENGTH: Final = 4000
_MAX_REASON_LENGTH: Final = 200
_FILE_NAME: Final = "word-list.txt"

TypedText = Range[str, 1, _MAX_TYPED_LENGTH]


@dataclass(kw_only=True, eq=False)
class WordListCommands(commands.Cog):
    """The server's word list."""

    words_group = app_commands.Group(
        name="words", description=build_command_text("command.server.words")
    )

    word_lists: WordListService

    @words_group.command(name="add", description=build_command_text("command.server.words.add"))
    @describe_options(words="word_entries", action="word_action")
    @app_commands.choices(action=build_choices("words", WordAction))
    async def add_words(
        self,
        interaction: discord.Interaction,
        words: TypedText,
        action: str = WordAction.REFUSE.value,
    ) -> None:
        """Add entries, or change what is done about those that are on the list."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, chosen = require_guild_id(interaction), WordAction(action)
        change = await self.word_lists.add_entries(
            guild_id, words, chosen, actor_id=interaction.user.id
        )
        can_ask = chosen is not WordAction.ASK or await self.word_lists.has_staff_channel(guild_id)
        text = format_added_words(change, interaction.locale.value, can_ask=can_ask)
        await respond_privately(interaction, text)

    @words_group.command(
        name="remove", description=build_command_text("command.server.words.remove")
    )
    @describe_options(words="removed_word_entries")
    async def remove_words(self, interaction: discord.Interaction, words: TypedText) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        change = await self.word_lists.remove_entries(
            require_guild_id(interaction), words, actor_id=interaction.user.id
        )
        await respond_with(
            interaction, "server.words.removed", removed=change.changed, total=change.total
        )

    @words_group.command(name="list", description=build_command_text("command.server.words.list"))
    async def list_words(self, interaction: discord.Interaction) -> None:
        """Show the list, as a file if it is long."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = require_guild_id(interaction)
        entries = await self.word_lists.list_entries(guild_id)
        can_ask = await self.word_lists.has_staff_channel(guild_id)
        text = format_word_list(entries, interaction.locale.value, can_ask=can_ask)
        data = build_word_list_file(entries)
        file = discord.File(BytesIO(data), filename=_FILE_NAME)
        await interaction.edit_original_response(
            content=text, attachments=[file] if entries else []
        )

    @words_group.command(name="test", description=build_command_text("command.server.words.test"))
    @describe_options(text="tested_text")
    async def test_words(self, interaction: discord.Interaction, text: TypedText) -> None:
        """Say what would happen to a request with ``text``. Nothing is made."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = require_guild_id(interaction)
        matches = await self.word_lists.test_text(guild_id, text)
        can_ask = await self.word_lists.has_staff_channel(guild_id)
        answer = format_word_test(matches, interaction.locale.value, can_ask=can_ask)
        await respond_privately(interaction, answer)


@dataclass(kw_only=True, eq=False)
class RequestBlockCommands(commands.Cog):
    """Members who may make no clips. `/showcase block` is only about the showcase."""

    request_blocks: RequestBlockService

    @app_commands.command(name="block", description=build_command_text("command.server.block"))
    @describe_options(member="request_blocked_member", reason="block_reason")
    @app_commands.choices(how_long=build_choices("how_long", BlockLength))
    async def block_member(
        self,
        interaction: discord.Interaction,
        member: discord.User,
        how_long: str = BlockLength.FOREVER.value,
        reason: Range[str, 1, _MAX_REASON_LENGTH] | None = None,
    ) -> None:
        """Keep a member from making clips. Their queued jobs end and are refunded."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        block, ended = await self.request_blocks.block_member(
            require_guild_id(interaction),
            member.id,
            length=BlockLength(how_long),
            reason=reason,
            actor_id=interaction.user.id,
        )
        text = format_blocked(block, ended, interaction.locale.value)
        await respond_privately(interaction, text)

    @app_commands.command(name="unblock", description=build_command_text("command.server.unblock"))
    @describe_options(member="request_unblocked_member")
    async def unblock_member(self, interaction: discord.Interaction, member: discord.User) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        was_blocked = await self.request_blocks.unblock_member(
            require_guild_id(interaction), member.id, actor_id=interaction.user.id
        )
        key = "server.block.ended" if was_blocked else "server.block.not_blocked"
        await respond_with(interaction, key, member=member.mention)

    @app_commands.command(name="blocks", description=build_command_text("command.server.blocks"))
    async def list_blocks(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        blocks = await self.request_blocks.list_blocks(require_guild_id(interaction))
        await respond_privately(interaction, format_blocks(blocks, interaction.locale.value))
