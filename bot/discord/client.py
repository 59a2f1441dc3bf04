"""The connection to Discord: discord.py's sharded client without its caches.

It uses no privileged intent, waits while Discord is unreachable, registers commands only when
they have changed, and answers every error of a command, button or form in one place.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
import discord
import structlog
import yarl
from discord import app_commands
from discord.ext import commands

from bot.discord.command_names import CommandTranslator
from bot.discord.user_install import TokenCipher, delete_reply
from bot.domain.errors import ClapperError, DeliveryError, RequestRefused
from bot.i18n.catalogs import translate
from bot.ui.components import ActionButton, PageButton, SettingMenu
from bot.ui.error_messages import describe_error
from bot.ui.router import InteractionRouter

_log: Final = structlog.get_logger(__name__)

MAXIMUM_RATE_LIMIT_WAIT_S: Final = 30.0
"""discord.py raises an error instead of waiting longer, so that a job's status can tell it."""
_INITIAL_WAIT_S: Final = 1.0
_MAXIMUM_WAIT_S: Final = 30.0
_CONNECTION_ERRORS: Final = (
    aiohttp.ClientError,
    OSError,
    discord.HTTPException,
    discord.GatewayNotFound,
)
_EXPIRED_INTERACTION_CODES: Final = frozenset({10062, 50027})
"""Unknown interaction, invalid webhook token."""
_ALREADY_ACKNOWLEDGED_CODE: Final = 40060


class DiscordTokenRejected(Exception):
    """Discord rejects the bot's token; only the operator can fix that."""


def override_discord_urls(*, api_url: str | None, gateway_url: str | None) -> None:
    """Let discord.py use other servers than Discord's; call it before a client is built."""
    if api_url is not None:
        discord.http.Route.BASE = api_url
        discord.Asset.BASE = str(yarl.URL(api_url).origin())
    if gateway_url is not None:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


def build_intents() -> discord.Intents:
    """Return what the bot listens to: its servers, replies to its messages, and stars.

    The privileged message content intent is not needed: Discord sends the content of messages
    that mention the bot, which a reply with "ping" does.
    """
    return discord.Intents(guilds=True, guild_messages=True, guild_reactions=True, dm_messages=True)


class DiscordCommandTree(app_commands.CommandTree["DiscordClient"]):
    """The command tree, which leaves its errors to the client."""

    async def on_error(
        self,
        interaction: discord.Interaction["DiscordClient"],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        original = getattr(error, "original", None)
        await self.client.respond_with_error(
            interaction, original if isinstance(original, Exception) else error
        )


class DiscordClient(commands.AutoShardedBot):
    """The bot's client. Cogs register their buttons in ``router``."""

    def __init__(
        self,
        *,
        data_dir: Path,
        shard_count: int | None = None,
        shard_ids: Sequence[int] | None = None,
        http_trace: aiohttp.TraceConfig | None = None,
        token_cipher: TokenCipher,
    ) -> None:
        # voice is not used, so its missing libraries are no reason for a warning
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            command_prefix=commands.when_mentioned,  # required by discord.py, not used
            help_command=None,
            tree_cls=DiscordCommandTree,
            intents=build_intents(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=True
            ),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            max_ratelimit_timeout=MAXIMUM_RATE_LIMIT_WAIT_S,
            shard_count=shard_count,
            http_trace=http_trace or aiohttp.TraceConfig(),
        )
        self.shard_ids = list(shard_ids) if shard_ids is not None else None
        self.router = InteractionRouter()
        self.token_cipher = token_cipher
        self._commands_digest_file = data_dir / "commands.sha256"
        self._command_sync_task: asyncio.Task[None] | None = None

    async def log_in_with_retry(self, token: str) -> None:
        """Log in by REST, waiting while Discord is unreachable. Raises `DiscordTokenRejected`."""
        wait_s = _INITIAL_WAIT_S
        while True:
            try:
                await self.login(token)
            except discord.LoginFailure as error:
                await self._close_failed_session()
                raise DiscordTokenRejected from error
            except _CONNECTION_ERRORS as error:
                await self._close_failed_session()
                wait_s = await _log_and_wait("discord.unreachable", error, wait_s)
            else:
                return

    async def _close_failed_session(self) -> None:
        """Close the HTTP session of a failed login; the next login opens its own."""
        await self.http.close()
        self.http.connector = discord.utils.MISSING

    @property
    def is_logged_in(self) -> bool:
        return self.http.token is not None

    @property
    def is_connected(self) -> bool:
        """Whether every shard is connected now; `is_ready` stays true while one reconnects."""
        return self.is_ready() and not any(shard.is_closed() for shard in self.shards.values())

    async def setup_hook(self) -> None:
        """Add cogs and buttons and sync the commands; discord.py calls it after the login."""
        self.add_dynamic_items(ActionButton, PageButton, SettingMenu)
        await self.tree.set_translator(CommandTranslator())
        self._command_sync_task = asyncio.create_task(self.sync_commands(), name="command sync")
        self._command_sync_task.add_done_callback(_log_failure)

    async def close(self) -> None:
        if self._command_sync_task is not None:
            self._command_sync_task.cancel()
            await asyncio.gather(self._command_sync_task, return_exceptions=True)
        await super().close()

    async def launch_shards(self) -> None:
        """Connect the shards; ask Discord for their number if none is set.

        Overridden because discord.py gives up if Discord is unreachable at that moment.
        """
        wait_s = _INITIAL_WAIT_S
        count: int | None = self.shard_count
        while count is None:
            try:
                count, _, _ = await self.http.get_bot_gateway()
            except _CONNECTION_ERRORS as error:
                wait_s = await _log_and_wait("discord.unreachable", error, wait_s)
        self.shard_count = count
        await super().launch_shards()

    async def launch_shard(
        self, gateway: yarl.URL, shard_id: int, *, initial: bool = False
    ) -> None:
        """Connect one shard once the gateway answers.

        Overridden because discord.py retries by recursion, which raises `RecursionError` in a
        long outage; for an unsharded client the first failure raises `AttributeError`.
        """
        wait_s = _INITIAL_WAIT_S
        while not self.is_closed():
            try:
                socket = await self.http.ws_connect(str(gateway))
                await socket.close()
            except _CONNECTION_ERRORS as error:
                wait_s = await _log_and_wait("gateway.unreachable", error, wait_s)
            else:
                await super().launch_shard(gateway, shard_id, initial=initial)
                return

    async def on_message(self, message: discord.Message, /) -> None:
        """Do nothing: there are no prefix commands, and the cogs have their own listeners."""

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Handle submitted forms; discord.py handles commands and buttons."""
        if interaction.type is not discord.InteractionType.modal_submit:
            return
        try:
            await self.router.submit_form(interaction)
        except Exception as error:  # the member must hear of any error
            await self.respond_with_error(interaction, error)

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log an error of a listener, which has no one to answer to."""
        _log.exception("listener.failed", listener=event_method)

    async def respond_with_error(self, interaction: discord.Interaction, error: Exception) -> None:
        if isinstance(error, discord.HTTPException):
            if error.code == _ALREADY_ACKNOWLEDGED_CODE:
                _log.info("interaction.already_acknowledged", interaction=interaction.id)
                return
            if error.code in _EXPIRED_INTERACTION_CODES:
                _log.warning("interaction.expired", interaction=interaction.id)
                return
        text = _log_and_describe(interaction, error)
        try:
            await delete_reply(interaction)
            await respond_privately(interaction, text)
        except _CONNECTION_ERRORS as send_error:
            _log.warning("error_message.failed", interaction=interaction.id, error=str(send_error))

    async def sync_commands(self) -> None:
        """Register the commands if they have changed since the last time."""
        payload = await build_command_payloads(self.tree)
        identity = [str(self.application_id), discord.http.Route.BASE, payload]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        if await asyncio.to_thread(_read_text, self._commands_digest_file) == digest:
            return
        wait_s = _INITIAL_WAIT_S
        while True:
            try:
                await self.tree.sync()
            except app_commands.CommandSyncFailure:
                _log.exception("commands.refused")
                return
            except (*_CONNECTION_ERRORS, discord.RateLimited) as error:
                wait_s = await _log_and_wait("commands.sync_failed", error, wait_s)
            else:
                break
        await asyncio.to_thread(self._commands_digest_file.write_text, digest, "ascii")
        _log.info("commands.registered", count=len(payload))


def _log_failure(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("background_task.failed", task=task.get_name(), exc_info=error)


async def build_command_payloads(tree: app_commands.CommandTree[Any]) -> list[dict[str, Any]]:
    """Return the commands of ``tree`` as they are sent to Discord, in every language."""
    translator = CommandTranslator()
    return [
        await command.get_translated_payload(tree, translator) for command in tree.get_commands()
    ]


async def respond_privately(
    interaction: discord.Interaction, text: str, view: discord.ui.View | None = None
) -> None:
    """Send ``text`` to the member only, as the first response or in place of "thinking"."""
    optional_view = view if view is not None else discord.utils.MISSING
    if not interaction.response.is_done():
        await interaction.response.send_message(text, view=optional_view, ephemeral=True)
    elif interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        await interaction.edit_original_response(content=text, view=view)
    else:
        await interaction.followup.send(text, view=optional_view, ephemeral=True)


def _log_and_describe(interaction: discord.Interaction, error: Exception) -> str:
    locale, kind = interaction.locale.value, type(error).__name__
    if isinstance(error, RequestRefused):
        _log.info("request.refused", kind=kind, user=interaction.user.id)
    elif isinstance(error, DeliveryError):  # expected, so a traceback would say nothing new
        _log.warning("request.failed", kind=kind, error=str(error))
    elif isinstance(error, ClapperError):
        _log.warning("request.failed", kind=kind, exc_info=error)
    elif isinstance(error, (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)):
        _log.warning("command.outdated", error=str(error))
        return translate("error.command_outdated", locale)
    elif isinstance(error, app_commands.TransformerError):
        return translate("error.option", locale)
    else:
        _log.error("request.crashed", interaction=interaction.id, exc_info=error)
        return translate("error.unexpected_number", locale, number=interaction.id)
    return describe_error(error, locale)


async def _log_and_wait(event: str, error: BaseException, wait_s: float) -> float:
    """Log ``event``, wait about ``wait_s`` seconds and return the next wait in seconds."""
    jittered_s = wait_s * random.uniform(0.8, 1.2)
    _log.warning(event, error=f"{type(error).__name__}: {error}", retry_in_s=round(jittered_s, 1))
    await asyncio.sleep(jittered_s)
    return min(wait_s * 2, _MAXIMUM_WAIT_S)


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
