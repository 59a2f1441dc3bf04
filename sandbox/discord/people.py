"""What people do by themselves: talk, reply, react, attach files, delete, open threads.

They are bound by the same permissions and limits as in Discord; what their client would not let
them do is refused with the reason.
"""

import asyncio
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from sandbox.discord import lookup, messages, reactions, threads
from sandbox.discord.drafts import MAX_CONTENT, MAX_FILES, Draft, new_attachment
from sandbox.discord.errors import Conflict, Forbidden, PersonRefused
from sandbox.discord.files import NITRO_LIMIT, Upload
from sandbox.discord.mentions import AllowedMentions
from sandbox.discord.model import (
    Attachment,
    Channel,
    ChannelKind,
    Message,
    Reference,
    User,
)
from sandbox.discord.permissions import Permission
from sandbox.discord.world import World

_NAMED = re.compile(r"(?<![\w<])@([\w.]+)")


async def say(
    world: World,
    person: User,
    channel: Channel,
    content: str,
    *,
    reply_to: Message | None = None,
    ping: bool = True,
    paths: Sequence[str] = (),
) -> Message:
    """Posts a message as a person. ``@Name`` in the text mentions that user.

    Raises Forbidden, Conflict or PersonRefused.
    """
    _require_talking(world, person, channel, files=bool(paths))
    if reply_to is not None:
        if reply_to.channel_id != channel.id:
            msg = "a reply goes into the channel of the message it answers"
            raise PersonRefused(msg)
        if reply_to.ephemeral_to is not None:
            msg = "an ephemeral message cannot be replied to"
            raise Conflict(msg)
        lookup.require(world, person, channel, Permission.READ_MESSAGE_HISTORY)
    draft = await compose(world, person, channel, content, paths)
    draft.allowed_mentions = AllowedMentions(replied_user=ping)
    reference = None
    if reply_to is not None:
        reference = Reference(reply_to.id, channel.id, channel.guild_id)
    threads.bring_in(world, channel, draft.content or "")
    return messages.post(world, channel, person.id, draft, reference=reference)


async def compose(
    world: World, person: User, channel: Channel, content: str, paths: Sequence[str]
) -> Draft:
    """A person's message before it is sent. Raises PersonRefused."""
    if len(content) > MAX_CONTENT:
        msg = f"{len(content)} characters; a message has at most {MAX_CONTENT}"
        raise PersonRefused(msg)
    if len(paths) > MAX_FILES:
        msg = f"{len(paths)} files; a message has at most {MAX_FILES}"
        raise PersonRefused(msg)
    if not content.strip() and not paths:
        msg = "an empty message cannot be sent"
        raise PersonRefused(msg)
    draft = Draft(content=_with_mentions(world, content))
    attachments = []
    for path in paths:
        attachment, upload = await attach(world, person, channel, path)
        draft.uploads[attachment.id] = upload
        attachments.append(attachment)
    draft.attachments = attachments
    return draft


async def attach(
    world: World, person: User, channel: Channel, path: str, *, ephemeral: bool = False
) -> tuple[Attachment, Upload]:
    """Uploads a file of this machine as a person. Raises PersonRefused when it is too large."""
    source = Path(path)
    if not await asyncio.to_thread(source.is_file):
        msg = f"there is no file {path!r}"
        raise PersonRefused(msg)
    size = (await asyncio.to_thread(source.stat)).st_size
    limit = world.file_limit(channel.guild_id)
    limit = max(limit, NITRO_LIMIT) if person.nitro else limit
    if size > limit:
        msg = f"{source.name} has {size} bytes; the limit here is {limit}"
        raise PersonRefused(msg)
    upload = Upload(world.files.new_upload(), source.name, size)
    await asyncio.to_thread(shutil.copyfile, source, upload.path)
    attachment = await new_attachment(world, channel.id, upload, None, None, ephemeral=ephemeral)
    return attachment, upload


def rewrite(world: World, person: User, message: Message, content: str) -> None:
    """Edits a person's own message. Raises Forbidden or PersonRefused."""
    if message.author_id != person.id:
        msg = "only the author can edit a message"
        raise Forbidden(msg)
    if not content.strip() and not message.attachments:
        msg = "an empty message cannot be sent"
        raise PersonRefused(msg)
    if len(content) > MAX_CONTENT:
        msg = f"{len(content)} characters; a message has at most {MAX_CONTENT}"
        raise PersonRefused(msg)
    messages.edit(world, message, Draft(content=_with_mentions(world, content)))


def remove(world: World, person: User, message: Message) -> None:
    """Deletes a message: one's own, or with Manage Messages. Raises Forbidden."""
    channel = world.channels[message.channel_id]
    if message.ephemeral_to == person.id:
        messages.delete(world, message)
        return
    if message.author_id != person.id:
        if channel.guild_id is None:
            msg = "in direct messages one can only delete one's own"
            raise Forbidden(msg)
        lookup.require(world, person, channel, Permission.VIEW_CHANNEL | Permission.MANAGE_MESSAGES)
    messages.delete(world, message)


def react(world: World, person: User, message: Message, emoji: str, *, remove: bool) -> None:
    """Adds or takes back a reaction. Raises Forbidden, or DiscordError for a bad emoji."""
    if message.ephemeral_to is not None:
        msg = "an ephemeral message takes no reactions"
        raise Conflict(msg)
    channel = world.channels[message.channel_id]
    lookup.require(
        world, person, channel, Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
    )
    parsed = reactions.parse_emoji(emoji)
    if remove:
        reactions.remove(world, message, person.id, parsed)
        return
    if reactions.find(message, parsed) is None:
        lookup.require(world, person, channel, Permission.ADD_REACTIONS)
    reactions.add(world, message, person.id, parsed)


async def open_thread(
    world: World,
    person: User,
    channel: Channel,
    name: str,
    *,
    under: Message | None = None,
    private: bool = False,
    content: str = "",
    paths: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> Channel:
    """Opens a thread, or in a forum a post with its first message."""
    if not 1 <= len(name) <= 100:
        msg = "a thread's name has 1 to 100 characters"
        raise PersonRefused(msg)
    if channel.kind is ChannelKind.FORUM:
        lookup.require(world, person, channel, Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES)
        draft = await compose(world, person, channel, content, paths)
        known = {tag.name.casefold(): tag.id for tag in channel.tags}
        chosen = [known[tag.casefold()] for tag in tags if tag.casefold() in known]
        thread, _ = threads.post_in_forum(
            world, channel, person.id, name, draft, applied_tags=chosen
        )
        return thread
    needed = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
    lookup.require(world, person, channel, Permission.VIEW_CHANNEL | needed)
    thread = threads.start(
        world,
        channel,
        person.id,
        name,
        kind=ChannelKind.PRIVATE_THREAD if private else ChannelKind.THREAD,
        under=under,
    )
    if content or paths:
        await say(world, person, thread, content, paths=paths)
    return thread


def _require_talking(world: World, person: User, channel: Channel, *, files: bool) -> None:
    if not channel.kind.holds_messages:
        msg = f"#{channel.name} holds no messages; a forum takes posts"
        raise Conflict(msg)
    needed = Permission.VIEW_CHANNEL
    needed |= Permission.SEND_MESSAGES_IN_THREADS if channel.thread else Permission.SEND_MESSAGES
    needed |= Permission.ATTACH_FILES if files else Permission.NONE
    lookup.require(world, person, channel, needed)
    if channel.thread and channel.thread.locked:
        msg = f"the thread {channel.name!r} is locked"
        raise Conflict(msg)


def _with_mentions(world: World, content: str) -> str:
    """Turns ``@Name`` into a mention, as Discord's client does while one types."""
    by_name = {
        name.casefold(): person
        for person in world.users.values()
        for name in (person.username, person.display_name)
    }

    def mention(match: re.Match[str]) -> str:
        person = by_name.get(match[1].casefold())
        return f"<@{person.id}>" if person else match[0]

    return _NAMED.sub(mention, content)
