"""Posts, edits, deletes and pins messages, and publishes their gateway events.

The bot gets events for channels that it can see, but never for ephemeral messages.

Rules: https://docs.discord.com/developers/resources/message
"""

from collections.abc import Iterable

from sandbox.discord import errors, guilds, payloads, serializers
from sandbox.discord.changes import MessageChanged
from sandbox.discord.components import ComponentKind, walk_components
from sandbox.discord.entities import (
    Channel,
    Message,
    MessageFlag,
    MessageKind,
    MessageOrigin,
    MessageReference,
)
from sandbox.discord.errors import DiscordError
from sandbox.discord.events import GatewayEvent, Intents
from sandbox.discord.form_fields import FormFields
from sandbox.discord.mentions import AllowedMentions
from sandbox.discord.message_builder import MessageDraft
from sandbox.discord.permissions import Permission
from sandbox.discord.rich_messages import RichParts
from sandbox.discord.world import DiscordWorld

NONCE_LIFETIME_S = 300.0
MAX_PINS = 250
LATE_EDIT_WINDOW_S = 3600.0
MAX_LATE_EDITS = 30
_BULK_DELETE_MAX_AGE_S = 14 * 24 * 3600
_EDITABLE_FLAGS = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.IS_COMPONENTS_V2


def require_can_post(world: DiscordWorld, channel: Channel, *, files: bool, embeds: bool) -> None:
    """Raise DiscordError 50001, 50007, 50008, 50013 or 50083 if the bot may not post here."""
    if channel.guild_id is None:
        person = world.users[channel.recipient_ids[0]]
        if not can_message_user(world, person.id):
            raise DiscordError(403, 50007, "Cannot send messages to this user")
        return
    needed = Permission.VIEW_CHANNEL
    needed |= Permission.SEND_MESSAGES_IN_THREADS if channel.thread else Permission.SEND_MESSAGES
    if files:
        needed |= Permission.ATTACH_FILES
    if embeds:
        needed |= Permission.EMBED_LINKS
    world.require_bot_permissions(channel, needed)
    if not channel.kind.holds_messages:
        raise DiscordError(400, 50008, "Cannot send messages in a non-text channel")
    locked = channel.thread is not None and channel.thread.locked
    if locked and Permission.MANAGE_THREADS not in world.permissions_of(world.bot.id, channel):
        raise DiscordError(400, 50083, "Thread is archived")


def can_message_user(world: DiscordWorld, user_id: int) -> bool:
    """Whether the bot may write to a person, who accepts it and shares a guild or wrote first."""
    person = world.users[user_id]
    if not person.accepts_dms:
        return False
    if any(user_id in world.guilds[i].members for i in world.guild_ids()):
        return True
    channel = world.get_direct_channel(user_id)
    return any(m.author_id == user_id for m in world.visible_messages(channel.id))


def read_reference(
    world: DiscordWorld, channel: Channel, fields: FormFields | None
) -> MessageReference | None:
    """Return the message that a body replies to, or None if it is missing and that is allowed.

    Raises DiscordError 50035 or 160002.
    """
    if fields is None:
        return None
    message_id = fields.snowflake("message_id", required=True)
    channel_id = fields.snowflake("channel_id")
    must_exist = fields.boolean("fail_if_not_exists", default=True)
    fields.one_of("type", [0])
    if channel_id not in {None, channel.id}:
        fields.add_error(
            "channel_id",
            "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL",
            "Cannot reply to a message in a different channel",
        )
    fields.errors.raise_if_any()
    granted = world.permissions_of(world.bot.id, channel)
    if Permission.READ_MESSAGE_HISTORY not in granted:
        raise DiscordError(403, 160002, "Cannot reply without permission to read message history")
    try:
        original = world.require_message(channel.id, message_id or 0)
    except DiscordError:
        if not must_exist:
            return None
        raise _unknown_reference() from None
    if original.kind in {MessageKind.PINNED, MessageKind.THREAD_CREATED}:
        raise errors.invalid_field(
            ("message_reference",),
            "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE",
            "Cannot reply to a system message",
        )
    return MessageReference(original.id, channel.id, channel.guild_id)


def read_forward(world: DiscordWorld, fields: FormFields) -> Message:
    """Return the message that a body forwards.

    Raises DiscordError 50035 (also for a poll, which cannot be forwarded), 10003, 50001 or 50013.
    """
    message_id = fields.snowflake("message_id", required=True)
    channel_id = fields.snowflake("channel_id", required=True)
    fields.errors.raise_if_any()
    channel = world.require_channel(channel_id or 0)
    world.require_bot_permissions(
        channel, Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
    )
    try:
        original = world.require_message(channel.id, message_id or 0)
    except DiscordError:
        raise _unknown_reference() from None
    is_system = original.kind in {MessageKind.PINNED, MessageKind.THREAD_CREATED}
    if is_system or original.poll is not None:
        raise errors.invalid_field(
            ("message_reference",), "SANDBOX_CANNOT_FORWARD", "This message cannot be forwarded"
        )
    return original


def _unknown_reference() -> DiscordError:
    return errors.invalid_field(
        ("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message"
    )


def find_message_with_nonce(
    world: DiscordWorld, channel: Channel, author_id: int, draft: MessageDraft
) -> Message | None:
    """With ``enforce_nonce``: the author's message of the last minutes with the same nonce.

    Raises DiscordError 10008 if it was deleted: Discord still finds the nonce
    (https://github.com/discord/discord-api-docs #6647).
    """
    if not draft.enforce_nonce or draft.nonce is None:
        return None
    since = world.clock.now() - NONCE_LIFETIME_S
    for message in reversed(world.messages.get(channel.id, {}).values()):
        if message.created_at < since:
            return None
        same = message.author_id == author_id and str(message.nonce) == str(draft.nonce)
        if same and message.nonce is not None:
            if message.deleted_at is not None:
                raise errors.unknown_message()
            return message
    return None


def post_message(
    world: DiscordWorld,
    channel: Channel,
    author_id: int,
    draft: MessageDraft,
    *,
    kind: MessageKind = MessageKind.DEFAULT,
    reference: MessageReference | None = None,
    origin: MessageOrigin | None = None,
    ephemeral_to: int | None = None,
    flags: MessageFlag = MessageFlag.NONE,
    message_id: int | None = None,
    parts: RichParts | None = None,
) -> Message:
    """Post a message and publish it."""
    draft.store_files(world)
    flags |= (draft.flags or MessageFlag.NONE) & ~MessageFlag.EPHEMERAL
    if ephemeral_to is not None:
        flags |= MessageFlag.EPHEMERAL
    message = Message(
        id=message_id or world.ids.next_id(),
        channel_id=channel.id,
        author_id=author_id,
        created_at=world.clock.now(),
        content=(draft.content or "").strip(),
        kind=MessageKind.REPLY if reference and kind is MessageKind.DEFAULT else kind,
        flags=flags,
        embeds=draft.embeds or [],
        components=draft.components or [],
        attachments=draft.attachments or [],
        nonce=draft.nonce,
        tts=draft.tts,
        reference=reference,
        origin=origin,
        ephemeral_to=ephemeral_to,
        poll=draft.poll,
    )
    if parts is not None:
        parts.apply_to(world, message)
    _set_mentions(world, channel, message, draft.allowed_mentions)
    add_message(world, channel, message)
    return message


def add_message(world: DiscordWorld, channel: Channel, message: Message) -> None:
    """Add a complete message to its channel and publish it."""
    world.messages.setdefault(channel.id, {})[message.id] = message
    if message.ephemeral_to is None:
        channel.last_message_id = message.id
        # A thread's count does not include its first message.
        if (state := channel.thread) is not None and message.kind is not MessageKind.THREAD_STARTER:
            state.message_count += 1
            state.total_sent += 1
            if message.author_id not in state.member_ids:
                state.member_ids.append(message.author_id)
            if state.archived:
                state.archived = False
                guilds.announce_channel(world, "THREAD_UPDATE", channel)
    announce_message(world, "MESSAGE_CREATE", message)


def require_late_edit_allowed(world: DiscordWorld, message: Message) -> None:
    """Count an edit of a message older than an hour. Raises DiscordError 30046 for too many.

    Discord does not document the limit. People report a few dozen.
    """
    now = world.clock.now()
    if now - message.created_at < LATE_EDIT_WINDOW_S:
        return
    message.late_edits = [each for each in message.late_edits if now - each < LATE_EDIT_WINDOW_S]
    if len(message.late_edits) >= MAX_LATE_EDITS:
        wait_s = message.late_edits[0] + LATE_EDIT_WINDOW_S - now
        raise errors.too_many_late_edits(wait_s)
    message.late_edits.append(now)


def edit_message(world: DiscordWorld, message: Message, draft: MessageDraft) -> None:
    """Change the fields that the draft has."""
    draft.store_files(world)
    channel = world.channels[message.channel_id]
    if draft.content is not None:
        message.content = draft.content.strip()
    if draft.embeds is not None:
        message.embeds = draft.embeds
    if draft.components is not None:
        message.components = draft.components
    if draft.attachments is not None:
        message.attachments = draft.attachments
    if draft.flags is not None:
        message.flags = (message.flags & ~_EDITABLE_FLAGS) | (draft.flags & _EDITABLE_FLAGS)
    loading = MessageFlag.LOADING in message.flags
    message.flags &= ~MessageFlag.LOADING
    if not loading:
        message.edited_at = world.clock.now()
    message.edits += 1
    if draft.content is not None or draft.components is not None:
        _set_mentions(world, channel, message, draft.allowed_mentions)
    announce_message(world, "MESSAGE_UPDATE", message)


def delete_message(world: DiscordWorld, message: Message) -> None:
    """Mark a message as deleted."""
    message.deleted_at = world.clock.now()
    world.changes.publish(MessageChanged(message))
    channel = world.channels[message.channel_id]
    if channel.thread is not None and message.ephemeral_to is None:
        channel.thread.message_count -= 1
    if _is_visible_to_bot(world, message):
        payload = {"id": str(message.id), "channel_id": str(message.channel_id)}
        world.publish_event(
            "MESSAGE_DELETE",
            payloads.add_guild_id(payload, channel.guild_id),
            guild_id=channel.guild_id,
            intents=_message_intent(channel),
        )


def delete_messages(world: DiscordWorld, channel: Channel, message_ids: Iterable[int]) -> None:
    """Delete several messages. Raises DiscordError 50034 if one is older than two weeks."""
    deleted = [
        m
        for i in message_ids
        if (m := world.messages.get(channel.id, {}).get(i)) and m.deleted_at is None
    ]
    oldest = world.clock.now() - _BULK_DELETE_MAX_AGE_S
    if any(message.created_at < oldest for message in deleted):
        raise DiscordError(
            400, 50034, "You can only bulk delete messages that are under 14 days old."
        )
    for message in deleted:
        message.deleted_at = world.clock.now()
        world.changes.publish(MessageChanged(message))
    world.publish_event(
        "MESSAGE_DELETE_BULK",
        {
            "ids": [str(message.id) for message in deleted],
            "channel_id": str(channel.id),
            "guild_id": str(channel.guild_id),
        },
        guild_id=channel.guild_id,
        intents=Intents.GUILD_MESSAGES,
    )


def set_pinned(world: DiscordWorld, message: Message, *, pinned: bool) -> None:
    """Pin or unpin a message. Raises DiscordError 30003 if the channel has too many pins."""
    channel = world.channels[message.channel_id]
    if pinned and sum(m.pinned for m in world.visible_messages(channel.id)) >= MAX_PINS:
        raise DiscordError(
            400, 30003, f"Maximum number of pins reached for the channel ({MAX_PINS})"
        )
    if message.pinned == pinned:
        return
    message.pinned = pinned
    announce_message(world, "MESSAGE_UPDATE", message)
    payload = {
        "channel_id": str(channel.id),
        "last_pin_timestamp": payloads.format_timestamp(world.clock.now()),
    }
    world.publish_event(
        "CHANNEL_PINS_UPDATE",
        payloads.add_guild_id(payload, channel.guild_id),
        guild_id=channel.guild_id,
        intents=Intents.GUILDS if channel.guild_id else Intents.DIRECT_MESSAGES,
    )


def announce_message(world: DiscordWorld, event: str, message: Message) -> None:
    """Publish a message's event to people, and to a bot that can see it."""
    world.changes.publish(MessageChanged(message))
    if not _is_visible_to_bot(world, message):
        return
    channel = world.channels[message.channel_id]
    world.hub.publish(
        GatewayEvent(
            event,
            lambda intents: serializers.serialize_event_message(world, message, intents),
            channel.guild_id,
            _message_intent(channel),
        )
    )


def _is_visible_to_bot(world: DiscordWorld, message: Message) -> bool:
    if message.ephemeral_to is not None:
        return False
    return world.can_bot_see(world.channels[message.channel_id])


def _message_intent(channel: Channel) -> Intents:
    return Intents.DIRECT_MESSAGES if channel.guild_id is None else Intents.GUILD_MESSAGES


def _set_mentions(
    world: DiscordWorld, channel: Channel, message: Message, allowed: AllowedMentions | None
) -> None:
    rules = allowed or AllowedMentions()
    text = "\n".join(
        [
            message.content,
            *(
                component["content"]
                for component in walk_components(message.components)
                if component["type"] == ComponentKind.TEXT_DISPLAY
            ),
        ]
    )
    message.mention_ids = [i for i in rules.mentioned_users(text) if i in world.users]
    guild = world.find_guild(channel.guild_id)
    may_ping_all = Permission.MENTION_EVERYONE in world.permissions_of(message.author_id, channel)
    message.mention_everyone = guild is not None and may_ping_all and rules.mentions_everyone(text)
    message.mention_role_ids = [
        i
        for i in rules.mentioned_roles(text)
        if guild and i in guild.roles and (guild.roles[i].mentionable or may_ping_all)
    ]
    is_response = message.origin is not None
    if is_response or message.reference is None or message.kind is not MessageKind.REPLY:
        return
    original = world.messages.get(channel.id, {}).get(message.reference.message_id or 0)
    if original is None or not rules.replied_user:
        return
    # A reply to an interaction's response mentions no one, so the bot cannot see its text.
    if original.origin is None and original.author_id not in message.mention_ids:
        message.mention_ids.append(original.author_id)
