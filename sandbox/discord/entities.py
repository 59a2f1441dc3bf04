"""The records of a Discord world. Rules are in other modules, JSON is in ``payloads``."""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any

from sandbox.discord.permissions import Permission

Json = dict[str, Any]
"""Embeds and components are kept as checked JSON, as Discord does."""


class ChannelKind(IntEnum):
    """Discord's channel types."""

    TEXT = 0
    DM = 1
    VOICE = 2
    GROUP_DM = 3
    CATEGORY = 4
    NEWS = 5
    NEWS_THREAD = 10
    THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13
    FORUM = 15
    MEDIA = 16

    @property
    def is_thread(self) -> bool:
        return self in {self.NEWS_THREAD, self.THREAD, self.PRIVATE_THREAD}

    @property
    def has_voice(self) -> bool:
        """Whether people talk there, and write in a text chat beside it."""
        return self in {self.VOICE, self.STAGE}

    @property
    def is_private(self) -> bool:
        """Whether it is outside any guild."""
        return self in {self.DM, self.GROUP_DM}

    @property
    def holds_posts(self) -> bool:
        """Whether it consists of threads, each with a first message."""
        return self in {self.FORUM, self.MEDIA}

    @property
    def holds_messages(self) -> bool:
        return self is not self.CATEGORY and not self.holds_posts


class MessageKind(IntEnum):
    """Discord's message types that occur here."""

    DEFAULT = 0
    PINNED = 6
    THREAD_CREATED = 18
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    THREAD_STARTER = 21
    CONTEXT_MENU_COMMAND = 23


class MessageFlag(IntFlag):
    """Discord's message flags that occur here."""

    NONE = 0
    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_VOICE_MESSAGE = 1 << 13
    HAS_SNAPSHOT = 1 << 14
    IS_COMPONENTS_V2 = 1 << 15


class InteractionKind(IntEnum):
    """Discord's interaction types."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


@dataclass(slots=True)
class User:
    """A person, a bot, or a webhook, which is a bot that is not a member anywhere.

    ``nitro`` raises a person's file limit to 500 MiB. With ``has_app``, a person has installed the
    application and can use it anywhere. With ``allows_age_restricted``, an adult has allowed
    age-restricted commands in direct messages of bots; Discord's default is not to.
    """

    id: int
    username: str
    global_name: str | None
    locale: str = "en-US"
    bot: bool = False
    webhook: bool = False
    avatar: str | None = None
    accepts_dms: bool = True
    nitro: bool = False
    has_app: bool = False
    allows_age_restricted: bool = False

    @property
    def display_name(self) -> str:
        return self.global_name or self.username


@dataclass(slots=True)
class Role:
    """A guild's role; @everyone has the guild's id."""

    id: int
    guild_id: int
    name: str
    permissions: Permission
    position: int = 0
    color: int = 0
    mentionable: bool = False
    managed: bool = False


@dataclass(slots=True)
class Member:
    """A user in a guild. ``timed_out_until`` (unix seconds) ends a moderator's time-out."""

    user_id: int
    guild_id: int
    joined_at: float
    role_ids: list[int] = field(default_factory=list)
    nick: str | None = None
    timed_out_until: float | None = None


@dataclass(frozen=True, slots=True)
class PermissionOverwrite:
    """A channel's permissions for one role or member."""

    id: int
    is_member: bool
    allow: Permission = Permission.NONE
    deny: Permission = Permission.NONE


@dataclass(slots=True)
class ForumTag:
    """A tag for posts of a forum."""

    id: int
    name: str


@dataclass(slots=True)
class ThreadState:
    """What a thread has in addition to a channel."""

    owner_id: int
    created_at: float
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 4320
    invitable: bool = True
    member_ids: list[int] = field(default_factory=list)
    applied_tags: list[int] = field(default_factory=list)
    message_count: int = 0
    total_sent: int = 0


@dataclass(slots=True)
class Channel:
    """A channel, thread or private conversation (``guild_id`` None)."""

    id: int
    kind: ChannelKind
    guild_id: int | None
    name: str
    position: int = 0
    parent_id: int | None = None
    topic: str | None = None
    nsfw: bool = False
    slowmode_s: int = 0
    overwrites: dict[int, PermissionOverwrite] = field(default_factory=dict)
    recipient_ids: tuple[int, ...] = ()
    tags: list[ForumTag] = field(default_factory=list)
    tag_required: bool = False
    thread: ThreadState | None = None
    last_message_id: int | None = None


@dataclass(slots=True)
class Guild:
    """A server. ``boost_tier`` 0 to 3; ``has_bot`` says whether the bot is a member.

    ``icon`` is the hash of its picture on the CDN.
    """

    id: int
    name: str
    owner_id: int
    created_at: float
    boost_tier: int = 0
    locale: str = "en-US"
    icon: str | None = None
    has_bot: bool = True
    system_channel_id: int | None = None
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channel_ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Attachment:
    """A stored file; its bytes are at ``path``."""

    id: int
    channel_id: int
    filename: str
    path: Path
    size: int
    content_type: str
    title: str | None = None
    description: str | None = None
    width: int | None = None
    height: int | None = None
    ephemeral: bool = False
    voice_s: float | None = None


@dataclass(frozen=True, slots=True)
class Emoji:
    """A unicode emoji (``id`` None) or a guild's own."""

    name: str
    id: int | None = None


@dataclass(slots=True)
class Reaction:
    """The users who reacted with one emoji, in order; a user can give both kinds."""

    emoji: Emoji
    user_ids: list[int] = field(default_factory=list)
    super_user_ids: list[int] = field(default_factory=list)

    def users_of(self, *, is_super: bool) -> list[int]:
        """Return the users with super reactions, or with normal ones."""
        return self.super_user_ids if is_super else self.user_ids


@dataclass(frozen=True, slots=True)
class MessageReference:
    """The message replied to or forwarded; none for a channel, such as a thread just opened."""

    message_id: int | None
    channel_id: int
    guild_id: int | None
    is_forward: bool = False


@dataclass(frozen=True, slots=True)
class MessageOrigin:
    """The interaction that a message responds to.

    ``name`` is the command's full name, or "". ``owners`` are Discord's authorizing integration
    owners (installation type → guild or user id). ``message_id`` is the message with the component,
    ``target_id`` that of a context menu.
    """

    interaction_id: int
    kind: InteractionKind
    user_id: int
    name: str
    owners: dict[str, str]
    message_id: int | None = None
    target_id: int | None = None
    original_response_id: int | None = None
    trigger: "MessageOrigin | None" = None


@dataclass(slots=True)
class Message:
    """A message. A deleted one is kept, with ``deleted_at`` in unix seconds.

    ``snapshot`` is the content of a forward: the forwarded message at that time.
    """

    id: int
    channel_id: int
    author_id: int
    created_at: float
    content: str = ""
    kind: MessageKind = MessageKind.DEFAULT
    flags: MessageFlag = MessageFlag.NONE
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    mention_ids: list[int] = field(default_factory=list)
    mention_role_ids: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    nonce: str | int | None = None
    tts: bool = False
    reference: MessageReference | None = None
    poll: Json | None = None
    stickers: list[Json] = field(default_factory=list)
    snapshot: "Message | None" = None
    reactions: list[Reaction] = field(default_factory=list)
    pinned: bool = False
    origin: MessageOrigin | None = None
    ephemeral_to: int | None = None
    thread_id: int | None = None
    edited_at: float | None = None
    edits: int = 0
    late_edits: list[float] = field(default_factory=list)
    """The times of edits that were made more than an hour after the message was written."""
    deleted_at: float | None = None

    @property
    def is_v2(self) -> bool:
        return MessageFlag.IS_COMPONENTS_V2 in self.flags
