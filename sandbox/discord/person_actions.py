"""People's messages, replies, reactions, files and threads.

Discord's permissions and limits apply. What its client would not allow raises ActionRefused.
"""

import asyncio
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from sandbox.discord import lookup, messages, reactions, threads
from sandbox.discord.entities import (
    Attachment,
    Channel,
    ChannelKind,
    Message,
    MessageReference,
    User,
)
from sandbox.discord.errors import ActionForbidden, ActionRefused, StateConflict
from sandbox.discord.files import NITRO_LIMIT_BYTES, Upload
from sandbox.discord.mentions import AllowedMentions
from sandbox.discord.message_builder import (
    MAX_CONTENT_LENGTH,
    MAX_FILES,
    MessageDraft,
    create_attachment,
)
from sandbox.discord.permissions import Permission
from sandbox.discord.rich_messages import RichParts
from sandbox.discord.world import DiscordWorld

NO_PARTS = RichParts()
_NAME_MENTION = re.compile(r"(?<![\w<])@([\w.]+)")


async def post_as_person(
    world: DiscordWorld,
    person: User,
    channel: Channel,
    content: str,
    *,
    reply_to: Message | None = None,
    ping: bool = True,
    paths: Sequence[str] = (),
    parts: RichParts = NO_PARTS,
) -> Message:
    """Post a message as a person, another bot or a webhook. ``@Name`` mentions that user.

    Raises ActionForbidden, StateConflict or ActionRefused.
    """
    _require_can_post(world, person, channel, files=bool(paths))
    if reply_to is not None:
        if reply_to.channel_id != channel.id:
            raise ActionRefused("a reply goes into the channel of the message it answers")
        if reply_to.ephemeral_to is not None:
            raise StateConflict("an ephemeral message cannot be replied to")
        lookup.require_permissions(world, person, channel, Permission.READ_MESSAGE_HISTORY)
    if parts.is_voice and (len(paths) != 1 or content):
        raise ActionRefused("a voice message is one file and no text")
    draft = await compose_draft(
        world, person, channel, content, paths, may_be_empty=not parts.is_empty
    )
    draft.allowed_mentions = AllowedMentions(replied_user=ping)
    reference = None
    if reply_to is not None:
        reference = MessageReference(reply_to.id, channel.id, channel.guild_id)
    threads.add_mentioned_members(world, channel, draft.content or "")
    return messages.post_message(world, channel, person.id, draft, reference=reference, parts=parts)


async def compose_draft(
    world: DiscordWorld,
    person: User,
    channel: Channel,
    content: str,
    paths: Sequence[str],
    *,
    may_be_empty: bool = False,
) -> MessageDraft:
    """Return the draft of a person's message. Raises ActionRefused."""
    if len(content) > MAX_CONTENT_LENGTH:
        raise ActionRefused(
            f"{len(content)} characters; a message has at most {MAX_CONTENT_LENGTH}"
        )
    if len(paths) > MAX_FILES:
        raise ActionRefused(f"{len(paths)} files; a message has at most {MAX_FILES}")
    if not content.strip() and not paths and not may_be_empty:
        raise ActionRefused("an empty message cannot be sent")
    draft = MessageDraft(content=_resolve_mentions(world, content))
    attachments = []
    for path in paths:
        attachment, upload = await attach_file(world, person, channel, path)
        draft.uploads[attachment.id] = upload
        attachments.append(attachment)
    draft.attachments = attachments
    return draft


async def attach_file(
    world: DiscordWorld, person: User, channel: Channel, path: str, *, ephemeral: bool = False
) -> tuple[Attachment, Upload]:
    """Upload a local file as a person. Raises ActionRefused if it is missing or too large."""
    source = Path(path)
    if not await asyncio.to_thread(source.is_file):
        raise ActionRefused(f"there is no file {path!r}")
    size = (await asyncio.to_thread(source.stat)).st_size
    limit = world.file_limit_bytes(channel.guild_id)
    limit = max(limit, NITRO_LIMIT_BYTES) if person.nitro else limit
    if size > limit:
        raise ActionRefused(f"{source.name} has {size} bytes; the limit here is {limit}")
    upload = Upload(world.files.new_upload_path(), source.name, size)
    await asyncio.to_thread(shutil.copyfile, source, upload.path)
    attachment = await create_attachment(world, channel.id, upload, None, None, ephemeral=ephemeral)
    return attachment, upload


def edit_as_person(world: DiscordWorld, person: User, message: Message, content: str) -> None:
    """Edit a person's own message. Raises ActionForbidden or ActionRefused."""
    if message.author_id != person.id:
        raise ActionForbidden("only the author can edit a message")
    if not content.strip() and not message.attachments:
        raise ActionRefused("an empty message cannot be sent")
    if len(content) > MAX_CONTENT_LENGTH:
        raise ActionRefused(
            f"{len(content)} characters; a message has at most {MAX_CONTENT_LENGTH}"
        )
    messages.edit_message(world, message, MessageDraft(content=_resolve_mentions(world, content)))


def delete_as_person(world: DiscordWorld, person: User, message: Message) -> None:
    """Delete the person's own message, or any with Manage Messages. Raises ActionForbidden."""
    channel = world.channels[message.channel_id]
    if message.ephemeral_to == person.id:
        messages.delete_message(world, message)
        return
    if message.author_id != person.id:
        if channel.guild_id is None:
            raise ActionForbidden("in direct messages one can only delete one's own")
        lookup.require_permissions(
            world, person, channel, Permission.VIEW_CHANNEL | Permission.MANAGE_MESSAGES
        )
    messages.delete_message(world, message)


def react_as_person(
    world: DiscordWorld,
    person: User,
    message: Message,
    emoji: str,
    *,
    is_removal: bool,
    is_super: bool = False,
) -> None:
    """Add or remove a reaction. Raises ActionForbidden, or DiscordError for a bad emoji."""
    if message.ephemeral_to is not None:
        raise StateConflict("an ephemeral message takes no reactions")
    channel = world.channels[message.channel_id]
    lookup.require_permissions(
        world, person, channel, Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
    )
    parsed = reactions.parse_emoji(emoji)
    if is_removal:
        reactions.remove_reaction(world, message, person.id, parsed, is_super=is_super)
        return
    if reactions.find_reaction(message, parsed) is None:
        lookup.require_permissions(world, person, channel, Permission.ADD_REACTIONS)
    reactions.add_reaction(world, message, person.id, parsed, is_super=is_super)


async def open_thread_as_person(
    world: DiscordWorld,
    person: User,
    channel: Channel,
    name: str,
    *,
    source: Message | None = None,
    private: bool = False,
    content: str = "",
    paths: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> Channel:
    """Start a thread, or in a forum a post with its first message."""
    if not 1 <= len(name) <= 100:
        raise ActionRefused("a thread's name has 1 to 100 characters")
    if channel.kind.holds_posts:
        lookup.require_permissions(
            world, person, channel, Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES
        )
        draft = await compose_draft(world, person, channel, content, paths)
        tag_ids = {tag.name.casefold(): tag.id for tag in channel.tags}
        applied_tags = [tag_ids[tag.casefold()] for tag in tags if tag.casefold() in tag_ids]
        thread, _ = threads.create_forum_post(
            world, channel, person.id, name, draft, applied_tags=applied_tags
        )
        return thread
    needed = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
    lookup.require_permissions(world, person, channel, Permission.VIEW_CHANNEL | needed)
    thread = threads.start_thread(
        world,
        channel,
        person.id,
        name,
        kind=ChannelKind.PRIVATE_THREAD if private else ChannelKind.THREAD,
        source=source,
    )
    if content or paths:
        await post_as_person(world, person, thread, content, paths=paths)
    return thread


def _require_can_post(world: DiscordWorld, person: User, channel: Channel, *, files: bool) -> None:
    if not channel.kind.holds_messages:
        raise StateConflict(f"#{channel.name} holds no messages; a forum takes posts")
    if person.webhook:
        return  # it belongs to the channel and has no permissions
    needed = Permission.VIEW_CHANNEL
    needed |= Permission.SEND_MESSAGES_IN_THREADS if channel.thread else Permission.SEND_MESSAGES
    needed |= Permission.ATTACH_FILES if files else Permission.NONE
    lookup.require_permissions(world, person, channel, needed)
    if channel.thread and channel.thread.locked:
        raise StateConflict(f"the thread {channel.name!r} is locked")


def _resolve_mentions(world: DiscordWorld, content: str) -> str:
    """Turn ``@Name`` into a mention, as Discord's client does."""
    by_name = {
        name.casefold(): person
        for person in world.users.values()
        for name in (person.username, person.display_name)
    }

    def replace_mention(match: re.Match[str]) -> str:
        person = by_name.get(match[1].casefold())
        return f"<@{person.id}>" if person else match[0]

    return _NAME_MENTION.sub(replace_mention, content)
