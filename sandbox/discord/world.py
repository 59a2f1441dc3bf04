"""The state of the sandbox's Discord, and lookups that raise Discord's errors.

It is independent of HTTP and never waits. Changes are published to the event hub immediately.
"""

import base64
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.clock import SandboxClock
from sandbox.discord import errors, payloads, permissions
from sandbox.discord.changes import ChangeFeed
from sandbox.discord.commands import CommandRegistry
from sandbox.discord.entities import (
    Attachment,
    Channel,
    ChannelKind,
    Guild,
    Json,
    Member,
    Message,
    User,
)
from sandbox.discord.events import EventHub, GatewayEvent, Intents
from sandbox.discord.files import FileStore, file_limit_bytes
from sandbox.discord.interaction import Interaction
from sandbox.discord.permissions import Permission
from sandbox.discord.session_starts import SessionStartLimit
from sandbox.discord.snowflake import SnowflakeGenerator


@dataclass(slots=True)
class Application:
    """The bot's application, as it is set up in the developer portal.

    ``intents`` are the privileged ones granted to it. ``install_contexts`` are the ways to install
    it ("0" in servers, "1" by people for themselves), each with Discord's ``oauth2_install_params``
    or nothing. ``links`` are the addresses that are entered, by Discord's names of the fields.
    """

    id: int
    name: str
    token: str
    owner_id: int
    intents: Intents = Intents.NONE
    is_public: bool = True
    requires_code_grant: bool = False
    install_contexts: Json = field(default_factory=lambda: {"0": {}, "1": {}})
    links: dict[str, str] = field(default_factory=dict)


class DiscordWorld:
    """Users, guilds, channels, messages, commands, interactions and files.

    ``public_base`` is the server's address, for links.
    """

    def __init__(self, directory: Path, clock: SandboxClock, *, public_base: str = "") -> None:
        self.clock = clock
        self.public_base = public_base
        self.hub = EventHub()
        self.changes = ChangeFeed()
        self.files = FileStore(directory)
        self.ids = SnowflakeGenerator(clock.now)
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, dict[int, Message]] = {}
        self.interactions: dict[int, Interaction] = {}
        self.interactions_by_token: dict[str, Interaction] = {}
        self.attachments: dict[int, Attachment] = {}
        self.entitlements: list[Json] = []
        self.session_starts = SessionStartLimit(clock)
        self.recommended_shards: int | None = None
        owner = self.add_user("clapper-owner", global_name="Owner")
        bot_id = self.ids.next_id()
        self.app = Application(bot_id, "Clapper", _new_token(bot_id), owner.id)
        self.bot = User(bot_id, "clapper", "Clapper", bot=True)
        self.users[bot_id] = self.bot
        self.commands = CommandRegistry(self.app.id, self.ids)

    # For the gateway.

    @property
    def token(self) -> str:
        return self.app.token

    @property
    def privileged_intents_granted(self) -> Intents:
        return self.app.intents

    @property
    def bot_user(self) -> Json:
        """The ``user`` of READY."""
        return payloads.build_own_user(self.bot)

    @property
    def application(self) -> Json:
        """The ``application`` of READY."""
        return {"id": str(self.app.id), "flags": self.app_flags()}

    def app_flags(self) -> int:
        """Application flags: the "limited" variants of the granted privileged intents."""
        granted = (
            (Intents.GUILD_PRESENCES, 1 << 13),
            (Intents.GUILD_MEMBERS, 1 << 15),
            (Intents.MESSAGE_CONTENT, 1 << 19),
        )
        return sum(flag for intent, flag in granted if intent in self.app.intents)

    def check_token(self, token: str) -> bool:
        """Whether this is the bot's token, without the ``Bot`` prefix."""
        return secrets.compare_digest(token.encode(), self.app.token.encode())

    def reset_token(self) -> None:
        """Make the bot's token invalid, as Discord does for too many identifies."""
        self.app.token = _new_token(self.app.id)

    def guild_ids(self) -> list[int]:
        """Return the guilds the bot is in."""
        return [guild.id for guild in self.guilds.values() if guild.has_bot]

    def guild_create_payload(self, guild_id: int, intents: Intents) -> Json:
        """GUILD_CREATE for a session's intents: without GUILD_MEMBERS only the bot is listed."""
        guild = self.guilds[guild_id]
        members = [
            member
            for member in guild.members.values()
            if Intents.GUILD_MEMBERS in intents or member.user_id == self.bot.id
        ]
        channels = list(self.visible_channels(guild))
        return payloads.build_guild(guild) | {
            "joined_at": payloads.format_timestamp(guild.members[self.bot.id].joined_at),
            "large": len(guild.members) > 50,
            "unavailable": False,
            "member_count": len(guild.members),
            "members": [payloads.build_member(m, self.users[m.user_id]) for m in members],
            "channels": [payloads.build_channel(c) for c in channels if c.thread is None],
            "threads": [
                self.thread_payload(c) for c in channels if c.thread and not c.thread.archived
            ],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def member_chunk(
        self,
        guild_id: int,
        *,
        query: str | None = None,
        limit: int = 0,
        user_ids: Sequence[int] = (),
    ) -> tuple[list[Json], list[str]]:
        """Return members by name prefix or ids, and the ids of non-members; limit 0 means all."""
        guild = self.guilds[guild_id]
        if user_ids:
            members = [guild.members[i] for i in user_ids if i in guild.members]
            missing = [str(i) for i in user_ids if i not in guild.members]
        else:
            prefix = (query or "").casefold()
            missing = []
            members = [
                member
                for member in guild.members.values()
                if self.users[member.user_id].username.casefold().startswith(prefix)
                or self.users[member.user_id].display_name.casefold().startswith(prefix)
                or (member.nick or "").casefold().startswith(prefix or "\0")
            ]
        members = members[:limit] if limit else members
        return [payloads.build_member(m, self.users[m.user_id]) for m in members], missing

    # Lookups that raise Discord's errors.

    def require_guild(self, guild_id: int) -> Guild:
        """Return a guild the bot is in. Raises DiscordError 10004 or 50001."""
        guild = self.guilds.get(guild_id)
        if guild is None:
            raise errors.unknown_guild()
        if not guild.has_bot:
            raise errors.missing_access()
        return guild

    def find_guild(self, guild_id: int | None) -> Guild | None:
        """Return a guild by id even if the bot is not in it; None for None."""
        return None if guild_id is None else self.guilds.get(guild_id)

    def require_guild_of(self, channel: Channel) -> Guild:
        """Return a channel's guild. Raises DiscordError 50024 for direct messages."""
        if channel.guild_id is None:
            raise errors.wrong_channel_type()
        return self.guilds[channel.guild_id]

    def require_existing_channel(self, channel_id: int) -> Channel:
        """Return a channel even if the bot cannot see it. Raises DiscordError 10003."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise errors.unknown_channel()
        return channel

    def require_channel(self, channel_id: int) -> Channel:
        """Return a channel the bot can see. Raises DiscordError 10003 or 50001."""
        channel = self.require_existing_channel(channel_id)
        if not self.can_bot_see(channel):
            raise errors.missing_access()
        return channel

    def require_message(self, channel_id: int, message_id: int) -> Message:
        """Return a message that is neither deleted nor ephemeral. Raises DiscordError 10008."""
        message = self.messages.get(channel_id, {}).get(message_id)
        if message is None or message.deleted_at is not None or message.ephemeral_to is not None:
            raise errors.unknown_message()
        return message

    def find_message(self, message_id: int) -> Message | None:
        """Return a message of any channel, even a deleted or ephemeral one."""
        for messages in self.messages.values():
            if message_id in messages:
                return messages[message_id]
        return None

    def visible_messages(self, channel_id: int) -> list[Message]:
        """Return a channel's messages, oldest first, without deleted and ephemeral ones."""
        return [
            message
            for message in self.messages.get(channel_id, {}).values()
            if message.deleted_at is None and message.ephemeral_to is None
        ]

    # Permissions.

    def permissions_of(self, user_id: int, channel: Channel) -> Permission:
        """Return a user's permissions in a channel, which are none for non-members."""
        bits = self.permissions_without_time_out(user_id, channel)
        guild = self.find_guild(channel.guild_id)
        member = guild.members.get(user_id) if guild else None
        if guild is None or member is None or not self.is_timed_out(member):
            return bits
        if Permission.ADMINISTRATOR in self.guild_permissions(guild, member):
            return bits
        return bits & permissions.TIMED_OUT_PERMISSIONS

    def is_timed_out(self, member: Member) -> bool:
        until = member.timed_out_until
        return until is not None and self.clock.now() < until

    def permissions_without_time_out(self, user_id: int, channel: Channel) -> Permission:
        """Return a user's permissions in a channel as roles and overwrites give them."""
        if channel.guild_id is None:
            is_participant = user_id in channel.recipient_ids or user_id == self.bot.id
            is_bot_in_group = channel.kind is ChannelKind.GROUP_DM and user_id == self.bot.id
            return (
                permissions.DIRECT_MESSAGE_PERMISSIONS
                if is_participant and not is_bot_in_group
                else Permission.NONE
            )
        guild = self.guilds[channel.guild_id]
        member = guild.members.get(user_id)
        if member is None:
            return Permission.NONE
        permission_channel = (
            self.channels.get(channel.parent_id or 0) if channel.thread else channel
        )
        if permission_channel is None:
            return Permission.NONE
        bits = permissions.channel_permissions(
            self.guild_permissions(guild, member),
            permission_channel.overwrites.values(),
            everyone_id=guild.id,
            role_ids=member.role_ids,
            member_id=user_id,
        )
        thread = channel.thread
        if (
            thread is not None
            and channel.kind is ChannelKind.PRIVATE_THREAD
            and user_id not in thread.member_ids
            and Permission.MANAGE_THREADS not in bits
        ):
            return Permission.NONE
        return permissions.drop_unusable_permissions(bits, thread=thread is not None)

    def guild_permissions(self, guild: Guild, member: Member) -> Permission:
        """Return a member's permissions before any channel."""
        return permissions.guild_permissions(
            guild.roles[guild.id].permissions,
            [guild.roles[role_id].permissions for role_id in member.role_ids],
            owner=member.user_id == guild.owner_id,
        )

    def can_bot_see(self, channel: Channel) -> bool:
        return Permission.VIEW_CHANNEL in self.permissions_of(self.bot.id, channel)

    def require_bot_permissions(self, channel: Channel, needed: Permission) -> None:
        """Raise DiscordError 50001 or 50013 when the bot lacks permissions in a channel.

        In the text chat of voice and stage channels, the permission to connect is needed, too.
        """
        granted = self.permissions_of(self.bot.id, channel)
        is_closed = channel.kind.has_voice and Permission.CONNECT not in granted
        if Permission.VIEW_CHANNEL not in granted or is_closed:
            raise errors.missing_access()
        if needed & ~granted:
            raise errors.missing_permissions()

    def visible_channels(self, guild: Guild) -> Iterator[Channel]:
        """Return the guild's channels and threads that the bot sees."""
        for channel_id in guild.channel_ids:
            channel = self.channels[channel_id]
            if channel.kind is ChannelKind.CATEGORY or self.can_bot_see(channel):
                yield channel

    def file_limit_bytes(self, guild_id: int | None) -> int:
        """Return the largest size of a file in a guild, or (None) in private, in bytes."""
        guild = self.find_guild(guild_id)
        return file_limit_bytes(guild.boost_tier if guild else 0)

    def entitlements_of(self, user_id: int, guild_id: int | None) -> list[Json]:
        """Return the purchases of a user or their guild."""
        owners = {str(user_id), str(guild_id)}
        return [e for e in self.entitlements if {e["user_id"], e.get("guild_id")} & owners]

    # Adding; changes of guilds and channels are in ``guilds``.

    def add_user(
        self,
        username: str,
        *,
        global_name: str | None = None,
        bot: bool = False,
        webhook: bool = False,
    ) -> User:
        """Add a person, bot or webhook."""
        user = User(
            self.ids.next_id(),
            username.lower().replace(" ", "_"),
            global_name or username,
            bot=bot or webhook,
            webhook=webhook,
        )
        user.avatar = secrets.token_hex(16)
        self.users[user.id] = user
        return user

    def get_direct_channel(self, user_id: int) -> Channel:
        """Return a person's direct messages with the bot, created on first use."""
        for channel in self.channels.values():
            if channel.kind is ChannelKind.DM and channel.recipient_ids == (user_id,):
                return channel
        channel = Channel(self.ids.next_id(), ChannelKind.DM, None, "", recipient_ids=(user_id,))
        self.channels[channel.id] = channel
        return channel

    def channel_payload(self, channel: Channel) -> Json:
        """Return a channel of any kind as the REST shows it."""
        if channel.thread is not None:
            return self.thread_payload(channel)
        return payloads.build_channel(channel, [self.users[i] for i in channel.recipient_ids])

    def thread_payload(self, channel: Channel) -> Json:
        """Return a thread, with the bot's membership if it has joined."""
        payload = payloads.build_channel(channel)
        if channel.thread and self.bot.id in channel.thread.member_ids:
            payload["member"] = payloads.build_thread_member(
                channel.id, self.bot.id, channel.thread.created_at
            )
        return payload

    def publish_event(
        self, name: str, payload: Json, *, guild_id: int | None, intents: Intents = Intents.NONE
    ) -> None:
        """Publish an event that looks the same to every session."""
        if guild_id is not None and not self.guilds[guild_id].has_bot:
            return
        self.hub.publish(GatewayEvent(name, lambda _: payload, guild_id, intents))


def _new_token(bot_id: int) -> str:
    """Return a token in Discord's form: libraries read the id of the application from it."""
    begin = base64.urlsafe_b64encode(str(bot_id).encode()).decode().rstrip("=")
    return f"{begin}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"
