"""The Discord client: discord.py's sharded bot without caches or privileged intents.

It waits while Discord is unreachable, and responds to all errors of commands, buttons and forms.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import aiohttp
import discord
import structlog
import yarl
from discord import app_commands
from discord.ext import commands

from bot.discord.api_errors import to_delivery_error
from bot.discord.client_shards import ClientShards
from bot.discord.command_names import CommandTranslator
from bot.discord.command_sync import CommandSync
from bot.discord.connection_waits import CONNECTION_ERRORS, ConnectionWait
from bot.discord.event_guard import EventGuard, EventParser
from bot.discord.first_responses import (
    ALREADY_ACKNOWLEDGED_CODE,
    FirstResponseAdapter,
    may_have_answered,
)
from bot.discord.interaction_edits import edit_response
from bot.discord.place_check import require_allowed_place
from bot.discord.repeated_events import RepeatedEvents
from bot.discord.session_starts import IdentifySlots, LocalIdentifySlots, SessionStarts
from bot.discord.user_install import TokenCipher, delete_reply
from bot.domain.errors import (
    AnswerNotDelivered,
    ClapperError,
    ContentBlocked,
    DeliveryError,
    DiscordUnavailable,
    NotAllowed,
    RequestRefused,
)
from bot.domain.places import ANY_PLACE, PlacePolicy
from bot.domain.ports import Clock
from bot.domain.sharding import ShardSession
from bot.i18n.catalogs import translate
from bot.services.loop_turns import LoopTurns
from bot.ui.components import ActionButton, PageButton, SettingMenu
from bot.ui.error_messages import describe_error
from bot.ui.router import InteractionRouter, refuse_unknown_component

_log: Final = structlog.get_logger(__name__)

MAXIMUM_RATE_LIMIT_WAIT_S: Final = 30.0
"""Instead of waiting longer, discord.py raises an error, so that a job's status can show it."""
_MAX_RETURNED_LENGTH: Final = 1800
"""Characters of a prompt in one message. Discord allows 2,000, with the intro and code block."""
_EVENT_TASK_NAMES: Final = ("discord.py: ", "CommandTree-invoker", "discord-ui-")
"""How discord.py names the tasks in which listeners, commands, buttons and forms run."""
_EXPIRED_INTERACTION_CODES: Final = frozenset({10062, 50027})
"""Unknown interaction and invalid webhook token."""


SessionLoader = Callable[[int], Awaitable[Mapping[int, ShardSession]]]
"""Returns the sessions of shards, by their id, for a number of shards."""


class DiscordTokenRejected(Exception):
    """Discord rejects the bot's token; only the operator can fix that."""


def override_discord_urls(*, api_url: str | None, gateway_url: str | None) -> None:
    """Let discord.py use other servers than Discord's. Call this before creating a client."""
    if api_url is not None:
        discord.http.Route.BASE = api_url
        discord.Asset.BASE = str(yarl.URL(api_url).origin())
    if gateway_url is not None:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


def build_intents() -> discord.Intents:
    """Return the intents for servers, messages and reactions.

    The privileged intent for message content is not needed, because Discord sends the content of
    messages that mention the bot. Replies mention it unless the member has turned that off.
    """
    return discord.Intents(
        guilds=True,
        guild_messages=True,
        guild_reactions=True,
        dm_messages=True,
        dm_reactions=True,
    )


class DiscordCommandTree(app_commands.CommandTree["DiscordClient"]):
    """A command tree whose errors are handled by the client."""

    async def on_error(
        self,
        interaction: discord.Interaction["DiscordClient"],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        if isinstance(error, (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)):
            data: Mapping[str, Any] = interaction.data or {}
            guild_id = data.get("guild_id")  # set only if the command is registered for one server
            self.client.command_sync.request_check(None if guild_id is None else int(guild_id))
        if interaction.type is discord.InteractionType.autocomplete:
            return  # an autocomplete cannot show errors
        original = getattr(error, "original", None)
        await self.client.respond_with_error(
            interaction, original if isinstance(original, Exception) else error
        )

    async def interaction_check(self, interaction: discord.Interaction["DiscordClient"], /) -> bool:
        """Refuse commands and autocompletes in places that the operator does not allow."""
        try:
            require_allowed_place(interaction, self.client.place_policy)
        except NotAllowed as error:
            if interaction.type is not discord.InteractionType.autocomplete:
                await self.client.respond_with_error(interaction, error)
            return False
        return True


class DiscordClient(commands.AutoShardedBot):
    """The bot's client. Cogs register their buttons in ``router``."""

    def __init__(
        self,
        *,
        clock: Clock,
        place_policy: PlacePolicy = ANY_PLACE,
        shard_count: int | None = None,
        shard_ids: Sequence[int] | None = None,
        shares_shards: bool = False,
        identify_slots: IdentifySlots | None = None,
        load_sessions: SessionLoader | None = None,
        http_trace: aiohttp.TraceConfig | None = None,
        token_cipher: TokenCipher,
    ) -> None:
        """With ``shares_shards``, it connects only the shards that ``client_shards`` is told to.

        ``identify_slots`` limits IDENTIFYs together with other processes, and ``load_sessions``
        returns the sessions that an earlier process left for the shards of a number.
        """
        # Without this, discord.py warns that the libraries for voice are missing.
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
                guild=True,
                dm_channel=place_policy.may_use_direct_messages,
                private_channel=place_policy.may_use_user_install,
            ),
            allowed_installs=app_commands.AppInstallationType(
                guild=True, user=place_policy.may_use_user_install
            ),
            max_ratelimit_timeout=MAXIMUM_RATE_LIMIT_WAIT_S,
            shard_count=None if shares_shards else shard_count,
            http_trace=http_trace or aiohttp.TraceConfig(),
        )
        self.shard_ids = list(shard_ids) if shard_ids is not None else None
        self.place_policy = place_policy
        self.router = InteractionRouter(partial(require_allowed_place, policy=self.place_policy))
        self.token_cipher = token_cipher
        self.turns = LoopTurns()
        self.command_sync = CommandSync(self.tree, self.http, clock)
        self._clock = clock
        self._event_guard = EventGuard()
        parsers = self._connection.parsers
        parsers["MESSAGE_CREATE"] = partial(self._parse_message, parsers["MESSAGE_CREATE"])
        RepeatedEvents().wrap_parsers(parsers)
        self._event_guard.wrap_parsers(parsers)
        self._session_starts = SessionStarts(
            self.fetch_session_start_limits, identify_slots or LocalIdentifySlots(clock), clock
        )
        self._reconnect = True  # discord.py sets it in `connect`, but shards need it before
        self._shares_shards = shares_shards
        self._load_sessions = load_sessions
        self.client_shards = ClientShards(
            self, session_starts=self._session_starts, event_guard=self._event_guard, clock=clock
        )

    def _parse_message(self, parse: EventParser, data: Mapping[str, Any]) -> None:
        """Ignore messages of unknown servers, which discord.py would treat as direct messages."""
        guild_id = data.get("guild_id")
        if guild_id is None or self.get_guild(int(guild_id)) is not None:
            parse(data)

    async def log_in_with_retry(self, token: str) -> None:
        """Log in by REST, waiting while Discord is unreachable. Raises `DiscordTokenRejected`.

        Discord may ask to wait for hours. Earlier attempts would extend that time.
        """
        FirstResponseAdapter.install(self.turns)
        wait = ConnectionWait(self._clock)
        while True:
            try:
                await self.login(token)
            except discord.LoginFailure as error:
                await self._close_failed_session()
                raise DiscordTokenRejected from error
            except CONNECTION_ERRORS as error:
                await self._close_failed_session()
                await wait.wait_after("discord.unreachable", error)
            else:
                return

    async def _close_failed_session(self) -> None:
        """Close the HTTP session of a failed login. The next login opens a new one."""
        await self.http.close()
        self.http.connector = discord.utils.MISSING

    @property
    def is_logged_in(self) -> bool:
        return self.http.token is not None

    @property
    def is_connected(self) -> bool:
        """Whether all its shards are connected now. `is_ready` stays true while one reconnects."""
        return self.client_shards.is_connected

    async def setup_hook(self) -> None:
        """Register buttons and start the command sync. discord.py calls this after the login."""
        self.add_dynamic_items(ActionButton, PageButton, SettingMenu)
        await self.tree.set_translator(CommandTranslator())
        self.command_sync.start()

    async def close(self) -> None:
        await self.command_sync.close()
        await self.client_shards.end()
        await super().close()

    async def launch_shards(self) -> None:
        """Connect the shards. If their number is not set, ask Discord for it.

        This is overridden because discord.py fails if Discord is unreachable at that moment.
        """
        if self._shares_shards:
            return
        count: int | None = self.shard_count
        if count is None:
            count = await self.client_shards.recommend_count()
        self.shard_count = count
        if self._load_sessions is not None:
            for shard_id, session in (await self._load_sessions(count)).items():
                if shard_id in (self.shard_ids or range(count)):
                    self.client_shards.resume(shard_id, session)
        await super().launch_shards()

    async def launch_shard(
        self, gateway: yarl.URL, shard_id: int, *, initial: bool = False
    ) -> None:
        """Connect one shard, which then reconnects on its own.

        This is overridden because discord.py retries forever without a pause
        (see `bot.discord.gateway`).
        """
        await self.client_shards.launch(gateway, shard_id, initial=initial)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """`SessionStarts` has already waited, and now counts the time from here."""
        await self._session_starts.record_identify(shard_id or 0)

    async def on_shard_ready(self, shard_id: int) -> None:
        self.client_shards.record_ready(shard_id)

    async def finish_requests(self) -> None:
        """Wait for the events that are being handled, so that a stop does not interrupt them."""
        if running := [task for task in asyncio.all_tasks() if _handles_event(task)]:
            await asyncio.wait(running)

    async def on_message(self, message: discord.Message, /) -> None:
        """Do nothing, because there are no prefix commands. Cogs have their own listeners."""

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Handle forms, and buttons of other versions. discord.py handles everything else."""
        data: Mapping[str, Any] = interaction.data or {}
        try:
            if interaction.type is discord.InteractionType.modal_submit:
                await self.router.submit_form(interaction)
            elif interaction.type is discord.InteractionType.component:
                refuse_unknown_component(str(data.get("custom_id", "")))
        except Exception as error:  # the member must hear of any error
            await self.respond_with_error(interaction, error)

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log an error of a listener. There is no interaction to respond to."""
        _log.exception("listener.failed", listener=event_method)

    async def respond_with_error(self, interaction: discord.Interaction, error: Exception) -> None:
        """Log an error and show it to the member, with the prompt that would be lost otherwise."""
        if isinstance(error, discord.HTTPException):
            if error.code == ALREADY_ACKNOWLEDGED_CODE:
                _log.info("interaction.already_acknowledged", interaction=interaction.id)
                return
            if error.code in _EXPIRED_INTERACTION_CODES:
                _log.warning("interaction.expired", interaction=interaction.id)
                return
        if isinstance(error, AnswerNotDelivered):
            _log.warning("answer.not_delivered", interaction=interaction.id, error=str(error))
            with suppress(*CONNECTION_ERRORS):
                await delete_reply(interaction)
            return
        text = _log_and_describe(interaction, _convert_transient(error))
        try:
            await delete_reply(interaction)
            await respond_privately(interaction, text)
            if isinstance(error, ClapperError) and error.prompt:
                await _return_prompt(interaction, error.prompt)
        except (*CONNECTION_ERRORS, AnswerNotDelivered) as send_error:
            _log.warning("error_message.failed", interaction=interaction.id, error=str(send_error))


def _handles_event(task: asyncio.Task[Any]) -> bool:
    return task.get_name().startswith(_EVENT_TASK_NAMES)


async def respond_privately(
    interaction: discord.Interaction, text: str, view: discord.ui.View | None = None
) -> None:
    """Send ``text`` to the member only, as the first response or instead of "thinking…"."""
    optional_view = view if view is not None else discord.utils.MISSING
    if not interaction.response.is_done():
        try:
            await interaction.response.send_message(text, view=optional_view, ephemeral=True)
        except discord.HTTPException as error:
            is_own = may_have_answered(interaction.id)
            if error.code != ALREADY_ACKNOWLEDGED_CODE or not is_own:
                raise
            await interaction.edit_original_response(content=text, view=view)
    elif interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        await edit_response(interaction, content=text, view=view)
    else:
        await interaction.followup.send(text, view=optional_view, ephemeral=True)


def _convert_transient(error: Exception) -> Exception:
    """Return an error of Discord as a delivery error if the member can do something about it."""
    if not isinstance(error, CONNECTION_ERRORS):
        return error
    delivery_error = to_delivery_error(error)
    is_fixable = isinstance(delivery_error, (DiscordUnavailable, ContentBlocked))
    return delivery_error if is_fixable else error


async def _return_prompt(interaction: discord.Interaction, prompt: str) -> None:
    """Send the prompt of a failed form back to the member, because Discord does not keep it."""
    intro = translate("error.your_words", interaction.locale.value)
    words = prompt.replace("`" * 3, "'" * 3)
    for start in range(0, len(words), _MAX_RETURNED_LENGTH):
        part = words[start : start + _MAX_RETURNED_LENGTH]
        text = f"{intro if start == 0 else ''}\n```\n{part}\n```".strip()
        await interaction.followup.send(text, ephemeral=True)


def _log_and_describe(interaction: discord.Interaction, error: Exception) -> str:
    locale, kind = interaction.locale.value, type(error).__name__
    if isinstance(error, RequestRefused):
        _log.info("request.refused", kind=kind, user=interaction.user.id)
    elif isinstance(error, DeliveryError):  # expected, so a traceback would not help
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
