"""Serializes messages for the REST API, the gateway and the control API.

Without the message-content intent, Discord blanks a message's content, unless it is a direct
message, was written by the bot, or mentions the bot (as replies with a ping do). Links to files get
a new signature each time.

Rules: https://docs.discord.com/developers/events/gateway#message-content-intent
"""

from typing import Any

from sandbox.discord import payloads, rich_messages
from sandbox.discord.components import ComponentKind as K
from sandbox.discord.entities import (
    Attachment,
    InteractionKind,
    Json,
    Message,
    MessageFlag,
    MessageKind,
    MessageOrigin,
    Reaction,
)
from sandbox.discord.events import Intents
from sandbox.discord.files import link_path
from sandbox.discord.world import DiscordWorld


def serialize_message(world: DiscordWorld, message: Message, *, content: bool = True) -> Json:
    """Return a message in the REST API. Without ``content``, it is blanked as Discord does."""
    payload = _serialize_basics(world, message, content=content)
    if message.reactions:
        payload["reactions"] = [_serialize_reaction(world, r) for r in message.reactions]
    if message.kind in {MessageKind.REPLY, MessageKind.THREAD_STARTER} and message.reference:
        payload["referenced_message"] = _serialize_referenced(world, message, content=content)
    return payload


def serialize_rest_message(world: DiscordWorld, message: Message) -> Json:
    """Return a message in response to a GET, blanked according to the application's intents."""
    return serialize_message(world, message, content=Intents.MESSAGE_CONTENT in world.app.intents)


def serialize_event_message(world: DiscordWorld, message: Message, intents: Intents) -> Json:
    """Return a message as in MESSAGE_CREATE and MESSAGE_UPDATE for a session's intents."""
    payload = serialize_message(world, message, content=Intents.MESSAGE_CONTENT in intents)
    guild_id = world.channels[message.channel_id].guild_id
    if guild_id is None:
        return payload
    members = world.guilds[guild_id].members
    payload["guild_id"] = str(guild_id)
    if author := members.get(message.author_id):
        payload["member"] = payloads.build_member(author, None)
    for mention in payload["mentions"]:
        if member := members.get(int(mention["id"])):
            mention["member"] = payloads.build_member(member, None)
    return payload


def serialize_attachment(world: DiscordWorld, attachment: Attachment) -> Json:
    """Return an attachment with new links."""
    url = signed_file_url(world, attachment)
    payload: Json = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": attachment.size,
        "url": url,
        "proxy_url": url,
        "content_type": attachment.content_type,
        "content_scan_version": 0,
        "flags": 0,
    }
    optional: dict[str, Any] = {
        "title": attachment.title,
        "description": attachment.description,
        "width": attachment.width,
        "height": attachment.height,
        "ephemeral": True if attachment.ephemeral else None,
    }
    if attachment.voice_s is not None:
        optional |= rich_messages.serialize_voice(attachment.voice_s)
    return payload | {k: v for k, v in optional.items() if v is not None}


def signed_file_url(world: DiscordWorld, attachment: Attachment) -> str:
    """Return a link that is valid for 24 hours."""
    return world.public_base + world.files.sign_link(link_path(attachment), world.clock.now())


def is_content_hidden(world: DiscordWorld, message: Message) -> bool:
    """Whether the bot needs the message-content intent to read a message."""
    return (
        message.author_id != world.bot.id
        and world.bot.id not in message.mention_ids
        and world.channels[message.channel_id].guild_id is not None
    )


def _serialize_basics(world: DiscordWorld, message: Message, *, content: bool) -> Json:
    is_hidden = not content and is_content_hidden(world, message)
    files = {str(a.id): a for a in message.attachments}
    embeds, components, used_ids = _resolve_files(world, message, files)
    payload: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel_id),
        "type": int(message.kind),
        "content": "" if is_hidden else message.content,
        "embeds": [] if is_hidden else embeds,
        "components": [] if is_hidden else components,
        "attachments": []
        if is_hidden
        else [serialize_attachment(world, a) for i, a in files.items() if i not in used_ids],
        "mentions": [payloads.build_user(world.users[i]) for i in message.mention_ids],
        "mention_roles": [str(i) for i in message.mention_role_ids],
        "mention_everyone": message.mention_everyone,
        "timestamp": payloads.format_timestamp(message.created_at),
        "edited_timestamp": None
        if message.edited_at is None
        else payloads.format_timestamp(message.edited_at),
        "flags": int(message.flags),
        "pinned": message.pinned,
        "tts": message.tts,
    }
    payload |= payloads.build_author(world.users[message.author_id])
    payload |= rich_messages.serialize_parts(message, is_hidden=is_hidden)
    if message.snapshot is not None:
        payload["message_snapshots"] = [_serialize_snapshot(world, message.snapshot, is_hidden)]
    if message.nonce is not None:
        payload["nonce"] = message.nonce
    if message.reference is not None:
        reference: Json = {
            "type": int(message.reference.is_forward),
            "channel_id": str(message.reference.channel_id),
        }
        if message.reference.message_id is not None:
            reference["message_id"] = str(message.reference.message_id)
        payload["message_reference"] = payloads.add_guild_id(reference, message.reference.guild_id)
    if message.origin is not None:
        payload |= _serialize_interaction(world, message.origin)
    if message.thread_id is not None and (thread := world.channels.get(message.thread_id)):
        payload["thread"] = world.thread_payload(thread)
    return payload


def _serialize_snapshot(world: DiscordWorld, snapshot: Message, is_hidden: bool) -> Json:
    """Return the content of a forward, which is blanked like the message's own content."""
    basics = _serialize_basics(world, snapshot, content=True)
    names = ("type", "content", "embeds", "attachments", "timestamp", "edited_timestamp", "flags")
    shown = {name: basics[name] for name in (*names, "mentions", "mention_roles", "components")}
    if is_hidden:
        shown |= {"content": "", "embeds": [], "attachments": [], "components": []}
    return {"message": shown}


def _resolve_files(
    world: DiscordWorld, message: Message, files: dict[str, Attachment]
) -> tuple[list[Json], list[Json], set[str]]:
    """Embeds and components with links instead of attachment ids, and the ids they use."""
    used: set[str] = set()

    def resolve_media(stored: Json) -> Json:
        attachment_id = stored.get("attachment_id")
        if attachment_id is None:
            url = stored.get("url", "")
            return {"id": str(message.id), "url": url, "proxy_url": url}
        used.add(attachment_id)
        if (file := files.get(attachment_id)) is None:
            return {"id": attachment_id, "url": "", "proxy_url": "", "content_type": ""}
        url = signed_file_url(world, file)
        return {
            "id": attachment_id,
            "url": url,
            "proxy_url": url,
            "width": file.width,
            "height": file.height,
            "content_type": file.content_type,
            "attachment_id": attachment_id,
        }

    def resolve_component(stored: Json) -> Json:
        resolved = dict(stored)
        if "components" in stored:
            resolved["components"] = [resolve_component(c) for c in stored["components"]]
        if "accessory" in stored:
            resolved["accessory"] = resolve_component(stored["accessory"])
        if stored["type"] == K.THUMBNAIL:
            resolved["media"] = resolve_media(stored["media"])
        if stored["type"] == K.FILE:
            resolved["file"] = resolve_media(stored["file"])
            file = files.get(stored["file"].get("attachment_id", ""))
            resolved |= {"name": file and file.filename, "size": file and file.size}
        if stored["type"] == K.MEDIA_GALLERY:
            resolved["items"] = [
                item | {"media": resolve_media(item["media"])} for item in stored["items"]
            ]
        return resolved

    def resolve_embed(stored: Json) -> Json:
        resolved = dict(stored)
        for name, key in (
            ("image", "url"),
            ("thumbnail", "url"),
            ("author", "icon_url"),
            ("footer", "icon_url"),
        ):
            link = stored.get(name, {}).get(key)
            if isinstance(link, dict):
                media = resolve_media(link)
                resolved[name] = stored[name] | {key: media["url"], f"proxy_{key}": media["url"]}
                if key == "url":
                    size = {k: media[k] for k in ("width", "height") if media.get(k)}
                    resolved[name] |= size | {"content_type": media["content_type"]}
        return resolved

    embeds = [resolve_embed(e) for e in message.embeds]
    if MessageFlag.SUPPRESS_EMBEDS in message.flags:
        embeds = []
    return embeds, [resolve_component(c) for c in message.components], used


def _serialize_referenced(world: DiscordWorld, message: Message, *, content: bool) -> Json | None:
    if (reference := message.reference) is None:
        return None
    original = world.messages.get(reference.channel_id, {}).get(reference.message_id or 0)
    if original is None or original.deleted_at is not None:
        return None
    return _serialize_basics(world, original, content=content)


def _serialize_reaction(world: DiscordWorld, reaction: Reaction) -> Json:
    normal, burst = len(reaction.user_ids), len(reaction.super_user_ids)
    has_own = world.bot.id in reaction.super_user_ids
    return {
        "emoji": payloads.build_emoji(reaction.emoji),
        "count": normal + burst,
        "count_details": {"burst": burst, "normal": normal},
        "burst_colors": ["#ffffff"] if burst else [],
        "me_burst": has_own,
        "burst_me": has_own,
        "burst_count": burst,
        "me": world.bot.id in reaction.user_ids,
    }


def _serialize_interaction(world: DiscordWorld, origin: MessageOrigin) -> Json:
    fields: Json = {
        "application_id": str(world.app.id),
        "webhook_id": str(world.app.id),
        "interaction_metadata": _serialize_interaction_metadata(world, origin),
    }
    if origin.kind is InteractionKind.COMMAND:
        fields["interaction"] = {
            "id": str(origin.interaction_id),
            "type": int(origin.kind),
            "name": origin.name,
            "user": payloads.build_user(world.users[origin.user_id]),
        }
    return fields


def _serialize_interaction_metadata(world: DiscordWorld, origin: MessageOrigin) -> Json:
    metadata: Json = {
        "id": str(origin.interaction_id),
        "type": int(origin.kind),
        "user": payloads.build_user(world.users[origin.user_id]),
        "authorizing_integration_owners": origin.owners,
    }
    if origin.original_response_id is not None:
        metadata["original_response_message_id"] = str(origin.original_response_id)
    if origin.kind is InteractionKind.COMPONENT:
        metadata["interacted_message_id"] = str(origin.message_id)
    if origin.kind is InteractionKind.COMMAND:
        metadata["name"] = origin.name
        if origin.target_id is not None:
            metadata["target_message_id"] = str(origin.target_id)
    if origin.kind is InteractionKind.MODAL and origin.trigger is not None:
        metadata["triggering_interaction_metadata"] = _serialize_interaction_metadata(
            world, origin.trigger
        )
    return metadata
