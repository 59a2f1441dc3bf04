"""The connection to Discord: discord.py's sharded client, kept small and kept alive.

It asks for no privileged intent and caches no member and no message, knows how to wait for a
Discord that is away, registers commands only when they have changed, and has the one place where
a fault of any command, button or form is answered. What the commands do is the cogs' matter.
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
from bot.ui.components import PageButton, SettingMenu
from bot.ui.custom_ids import ActionButton, InteractionRouter
from bot.ui.error_messages import describe_error

_log: Final = structlog.get_logger(__name__)

MAXIMUM_RATE_LIMIT_WAIT_S: Final = 30.0
"""A longer wait is handed back to us as an error, so that a job can say that it waits."""
_INITIAL_WAIT_S: Final = 1.0
_MAXIMUM_WAIT_S: Final = 30.0
_CONNECTION_ERRORS: Final = (
    aiohttp.ClientError,
    OSError,
    discord.HTTPException,
    discord.GatewayNotFound,
)
_EXPIRED_INTERACTION_CODES: Final = frozenset(
    {10062, 50027}
)  # unknown interaction, invalid webhook token
_ALREADY_ACKNOWLEDGED_CODE: Final = 40060


class DiscordTokenRejected(Exception):
    """Discord does not take the bot's token: only the operator can help."""


def override_discord_urls(*, api_url: str | None, gateway_url: str | None) -> None:
    """Point discord.py at other servers in Discord's place; must run before a client is built."""
    if api_url is not None:
        discord.http.Route.BASE = api_url
        discord.Asset.BASE = str(yarl.URL(api_url).origin())
    if gateway_url is not None:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


def build_intents() -> discord.Intents:
    """Return what the bot listens to: its servers, the messages that are replies to it, and stars.

    The content of messages is a privileged intent and is not asked for: Discord sends it anyway
    where the bot is mentioned, which a reply with "ping" does.
    """
    wanted = discord.Intents.none()
    wanted.guilds = True
    wanted.guild_messages = True
    wanted.guild_reactions = True
    wanted.dm_messages = True
    return wanted


class DiscordCommandTree(app_commands.CommandTree["DiscordClient"]):
    """The command tree; its faults go where all faults go."""

    async def on_error(
        self,
        interaction: discord.Interaction["DiscordClient"],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """Answer a fault of a command or a message menu."""
        original = getattr(error, "original", None)
        await self.client.respond_with_error(
            interaction, original if isinstance(original, Exception) else error
        )


class DiscordClient(commands.AutoShardedBot):
    """The bot's Discord client.

    ``presses`` is filled by the cogs; ``seal`` is for what they write down of an interaction.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        shard_count: int | None = None,
        shard_ids: Sequence[int] | None = None,
        http_trace: aiohttp.TraceConfig | None = None,
        token_cipher: TokenCipher,
    ) -> None:
        # nobody needs to hear that voice, which is never used, would lack libraries
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            command_prefix=commands.when_mentioned,  # required by discord.py, never looked at
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
        """Log in by REST, waiting for as long as Discord is away.

        Raises `TokenRefused`.
        """
        wait_s = _INITIAL_WAIT_S
        while True:
            try:
                await self.login(token)
            except discord.LoginFailure as fault:
                await self._close_failed_session()
                raise DiscordTokenRejected from fault
            except _CONNECTION_ERRORS as fault:
                await self._close_failed_session()
                wait_s = await _log_and_wait("Discord cannot be reached", fault, wait_s)
            else:
                return

    async def _close_failed_session(self) -> None:
        """Close the session of a log-in that failed; the next one makes its own."""
        await self.http.close()
        self.http.connector = discord.utils.MISSING

    @property
    def is_logged_in(self) -> bool:
        """Whether there is a connection to be closed."""
        return self.http.token is not None

    @property
    def is_connected(self) -> bool:
        """Whether every shard hears Discord now; `is_ready` stays true while one reconnects."""
        return self.is_ready() and not any(shard.is_closed() for shard in self.shards.values())

    async def setup_hook(self) -> None:
        """Add the buttons and register the commands; called once, after the log-in."""
        self.add_dynamic_items(ActionButton, PageButton, SettingMenu)
        await self.tree.set_translator(CommandTranslator())
        self._command_sync_task = asyncio.create_task(self._sync_commands(), name="command sync")

    async def close(self) -> None:
        """Close the connections."""
        if self._command_sync_task is not None:
            self._command_sync_task.cancel()
            await asyncio.gather(self._command_sync_task, return_exceptions=True)
        await super().close()

    async def launch_shards(self) -> None:
        """Connect the shards, asking Discord for their number where none is set."""
        wait_s = _INITIAL_WAIT_S
        count: int | None = self.shard_count
        while count is None:
            try:
                count, _, _ = await self.http.get_bot_gateway()
            except _CONNECTION_ERRORS as fault:
                wait_s = await _log_and_wait("Discord cannot be reached", fault, wait_s)
        self.shard_count = count
        await super().launch_shards()

    async def launch_shard(
        self, gateway: yarl.URL, shard_id: int, *, initial: bool = False
    ) -> None:
        """Connect one shard once the gateway answers.

        discord.py calls itself again at each failure; over a long outage that ends in a
        RecursionError, and for an unsharded client the first failure ends in an AttributeError.
        """
        wait_s = _INITIAL_WAIT_S
        while not self.is_closed():
            try:
                socket = await self.http.ws_connect(str(gateway))
                await socket.close()
            except _CONNECTION_ERRORS as fault:
                wait_s = await _log_and_wait("the gateway cannot be reached", fault, wait_s)
            else:
                await super().launch_shard(gateway, shard_id, initial=initial)
                return

    async def on_message(self, message: discord.Message, /) -> None:
        """Do nothing: there are no prefix commands, and the cogs listen for themselves."""

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer submitted forms; commands and buttons have their own ways."""
        if interaction.type is not discord.InteractionType.modal_submit:
            return
        try:
            await self.router.submit_form(interaction)
        except Exception as fault:  # the person must hear of any fault
            await self.respond_with_error(interaction, fault)

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log a fault of a listener; nobody waits for an answer there."""
        _log.exception("listener failed", listener=event_method)

    async def respond_with_error(self, interaction: discord.Interaction, fault: Exception) -> None:
        """Tell the person behind ``interaction`` what went wrong, whatever it was."""
        if isinstance(fault, discord.HTTPException):
            if fault.code == _ALREADY_ACKNOWLEDGED_CODE:
                _log.info("interaction already answered", interaction=interaction.id)
                return
            if fault.code in _EXPIRED_INTERACTION_CODES:
                _log.warning("interaction too old to be answered", interaction=interaction.id)
                return
        text = _log_and_describe(interaction, fault)
        try:
            await delete_reply(interaction)
            await respond_privately(interaction, text)
        except _CONNECTION_ERRORS as further:
            _log.warning("fault not told", interaction=interaction.id, error=str(further))

    async def _sync_commands(self) -> None:
        """Register the commands where they have changed since this bot last did so."""
        payload = await build_command_payloads(self.tree)
        told = [str(self.application_id), discord.http.Route.BASE, payload]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        if await asyncio.to_thread(_read_text, self._commands_digest_file) == digest:
            return
        wait_s = _INITIAL_WAIT_S
        while True:
            try:
                await self.tree.sync()
            except app_commands.CommandSyncFailure:
                _log.exception("commands refused by Discord")
                return
            except (*_CONNECTION_ERRORS, discord.RateLimited) as fault:
                wait_s = await _log_and_wait("commands could not be registered", fault, wait_s)
            else:
                break
        await asyncio.to_thread(self._commands_digest_file.write_text, digest, "ascii")
        _log.info("commands registered", count=len(payload))


async def build_command_payloads(tree: app_commands.CommandTree[Any]) -> list[dict[str, Any]]:
    """Return the commands of ``tree`` as Discord gets them, in every language."""
    translator = CommandTranslator()
    return [
        await command.get_translated_payload(tree, translator) for command in tree.get_commands()
    ]


async def respond_privately(
    interaction: discord.Interaction, text: str, view: discord.ui.View | None = None
) -> None:
    """Say ``text`` to the person alone, as the first answer or in the place of "thinking"."""
    shown = view if view is not None else discord.utils.MISSING
    if not interaction.response.is_done():
        await interaction.response.send_message(text, view=shown, ephemeral=True)
    elif interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        await interaction.edit_original_response(content=text, view=view)
    else:
        await interaction.followup.send(text, view=shown, ephemeral=True)


def _log_and_describe(interaction: discord.Interaction, fault: Exception) -> str:
    locale = interaction.locale.value
    if isinstance(fault, RequestRefused):
        _log.info("refused", kind=type(fault).__name__, user=interaction.user.id)
    elif isinstance(fault, DeliveryError):  # foreseen: where it happened says nothing more
        _log.warning("request failed", kind=type(fault).__name__, error=str(fault))
    elif isinstance(fault, ClapperError):
        _log.warning("request failed", kind=type(fault).__name__, exc_info=fault)
    elif isinstance(fault, (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)):
        _log.warning("command differs from its registration", error=str(fault))
        return translate("error.command_outdated", locale)
    elif isinstance(fault, app_commands.TransformerError):
        return translate("error.option", locale)
    else:
        _log.error("unforeseen fault", interaction=interaction.id, exc_info=fault)
        return translate("error.unexpected_number", locale, number=interaction.id)
    return describe_error(fault, locale)


async def _log_and_wait(event: str, fault: BaseException, wait_s: float) -> float:
    """Log that something is away, wait, and return how long to wait the next time, in seconds."""
    pause = wait_s * random.uniform(0.8, 1.2)
    _log.warning(event, error=f"{type(fault).__name__}: {fault}", retry_in_s=round(pause, 1))
    await asyncio.sleep(pause)
    return min(wait_s * 2, _MAXIMUM_WAIT_S)


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
