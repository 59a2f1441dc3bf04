"""Threads from messages, threads without one, and forum posts.

Rules: https://docs.discord.com/developers/topics/threads
"""

import re
from collections.abc import Iterable

from sandbox.discord import errors, guilds, messages
from sandbox.discord.entities import (
    Channel,
    ChannelKind,
    Message,
    MessageFlag,
    MessageKind,
    MessageReference,
    ThreadState,
)
from sandbox.discord.errors import DiscordError
from sandbox.discord.events import Intents
from sandbox.discord.message_builder import MessageDraft
from sandbox.discord.world import DiscordWorld

ARCHIVE_MINUTES = (60, 1440, 4320, 10080)


def start_thread(
    world: DiscordWorld,
    parent: Channel,
    owner_id: int,
    name: str,
    *,
    kind: ChannelKind = ChannelKind.THREAD,
    source: Message | None = None,
    auto_archive_minutes: int | None = None,
    slowmode_s: int = 0,
    applied_tags: Iterable[int] = (),
    invitable: bool = True,
) -> Channel:
    """Start a thread. With ``source``, it belongs to that message and has its id.

    Raises DiscordError 160004 if that message has a thread, 50024 where threads are impossible.
    """
    if parent.kind not in {ChannelKind.TEXT, ChannelKind.NEWS} and not parent.kind.holds_posts:
        raise errors.wrong_channel_type()
    if source is not None and source.thread_id is not None:
        raise DiscordError(400, 160004, "A thread has already been created for this message")
    thread = Channel(
        source.id if source else world.ids.next_id(),
        kind,
        parent.guild_id,
        name,
        parent_id=parent.id,
        nsfw=parent.nsfw,
        slowmode_s=slowmode_s,
        thread=ThreadState(
            owner_id,
            world.clock.now(),
            auto_archive_minutes=auto_archive_minutes or 4320,
            invitable=invitable,
            member_ids=[owner_id],
            applied_tags=list(applied_tags),
        ),
    )
    world.channels[thread.id] = thread
    world.require_guild_of(parent).channel_ids.append(thread.id)
    if world.can_bot_see(thread):
        world.publish_event(
            "THREAD_CREATE",
            world.thread_payload(thread) | {"newly_created": True},
            guild_id=parent.guild_id,
            intents=Intents.GUILDS,
        )
    if source is not None:
        _link_to_message(world, thread, source)
    return thread


def _link_to_message(world: DiscordWorld, thread: Channel, source: Message) -> None:
    source.thread_id = thread.id
    source.flags |= MessageFlag.HAS_THREAD
    messages.announce_message(world, "MESSAGE_UPDATE", source)
    _write_about_thread(world, thread, source)


def _write_about_thread(world: DiscordWorld, thread: Channel, source: Message) -> None:
    """Write Discord's two messages about a new thread, with its owner as the author.

    One in the parent channel names the thread. The other, its first one, refers to the message.
    """
    assert thread.thread is not None
    opener = thread.thread.owner_id
    messages.post_message(
        world,
        world.channels[source.channel_id],
        opener,
        MessageDraft(content=thread.name),
        kind=MessageKind.THREAD_CREATED,
        reference=MessageReference(None, thread.id, thread.guild_id),
    )
    messages.post_message(
        world,
        thread,
        opener,
        MessageDraft(),
        kind=MessageKind.THREAD_STARTER,
        reference=MessageReference(source.id, source.channel_id, thread.guild_id),
    )


def create_forum_post(
    world: DiscordWorld,
    forum: Channel,
    owner_id: int,
    name: str,
    draft: MessageDraft,
    *,
    auto_archive_minutes: int | None = None,
    applied_tags: Iterable[int] = (),
) -> tuple[Channel, Message]:
    """Start a forum post, which is a thread and its first message with the same id."""
    tags = list(applied_tags)
    if forum.tag_required and not tags:
        raise DiscordError(400, 40067, "A tag is required to create a forum post in this channel")
    thread = start_thread(
        world,
        forum,
        owner_id,
        name,
        auto_archive_minutes=auto_archive_minutes,
        applied_tags=tags,
    )
    message = messages.post_message(world, thread, owner_id, draft, message_id=thread.id)
    return thread, message


def add_mentioned_members(world: DiscordWorld, thread: Channel, content: str) -> None:
    """Add the members that a message in a private thread mentions, before it is posted."""
    state = thread.thread
    if state is None or thread.kind is not ChannelKind.PRIVATE_THREAD:
        return
    for mention in re.finditer(r"<@!?(\d+)>", content):
        user_id = int(mention[1])
        if user_id in state.member_ids or user_id not in world.require_guild_of(thread).members:
            continue
        state.member_ids.append(user_id)
        if user_id == world.bot.id and world.can_bot_see(thread):
            world.publish_event(
                "THREAD_CREATE",
                world.thread_payload(thread),
                guild_id=thread.guild_id,
                intents=Intents.GUILDS,
            )


def update_thread(
    world: DiscordWorld,
    thread: Channel,
    *,
    name: str | None = None,
    archived: bool | None = None,
    locked: bool | None = None,
) -> None:
    """Rename, archive or lock a thread."""
    thread.name = thread.name if name is None else name
    if (state := thread.thread) is not None:
        state.archived = state.archived if archived is None else archived
        state.locked = state.locked if locked is None else locked
    guilds.announce_channel(world, "THREAD_UPDATE", thread)
