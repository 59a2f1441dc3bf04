"""How messages look: to the bot over REST and gateway, and to the people.

Without the message-content intent Discord blanks what a message says, unless the bot wrote it, is
mentioned by it (a reply with ping counts) or it is a direct message. Links to files are signed
anew each time a message is shown.

Rules: https://docs.discord.com/developers/events/gateway#message-content-intent
"""

from typing import Any

from sandbox.discord import payloads
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


def serialize_message(world: DiscordWorld, shown: Message, *, content: bool = True) -> Json:
    """A message as the REST shows it to the bot; ``content`` False blanks it where that applies."""
    payload = _serialize_basics(world, shown, content=content)
    if shown.reactions:
        payload["reactions"] = [_serialize_reaction(world, r) for r in shown.reactions]
    if shown.kind in {MessageKind.REPLY, MessageKind.THREAD_STARTER} and shown.reference:
        payload["referenced_message"] = _serialize_referenced(world, shown, content=content)
    return payload


def serialize_rest_message(world: DiscordWorld, shown: Message) -> Json:
    """A message as a GET shows it: blanked as the application's granted intents say."""
    return serialize_message(world, shown, content=Intents.MESSAGE_CONTENT in world.app.intents)


def serialize_event_message(world: DiscordWorld, shown: Message, intents: Intents) -> Json:
    """A message as MESSAGE_CREATE and MESSAGE_UPDATE carry it to a session."""
    payload = serialize_message(world, shown, content=Intents.MESSAGE_CONTENT in intents)
    guild_id = world.channels[shown.channel_id].guild_id
    if guild_id is None:
        return payload
    members = world.guilds[guild_id].members
    payload["guild_id"] = str(guild_id)
    if author := members.get(shown.author_id):
        payload["member"] = payloads.build_member(author, None)
    for mention in payload["mentions"]:
        if member := members.get(int(mention["id"])):
            mention["member"] = payloads.build_member(member, None)
    return payload


def serialize_attachment(world: DiscordWorld, shown: Attachment) -> Json:
    """A file with fresh links."""
    url = signed_file_url(world, shown)
    payload: Json = {
        "id": str(shown.id),
        "filename": shown.filename,
        "size": shown.size,
        "url": url,
        "proxy_url": url,
        "content_type": shown.content_type,
        "content_scan_version": 0,
        "flags": 0,
    }
    optional: dict[str, Any] = {
        "title": shown.title,
        "description": shown.description,
        "width": shown.width,
        "height": shown.height,
        "ephemeral": True if shown.ephemeral else None,
    }
    return payload | {k: v for k, v in optional.items() if v is not None}


def signed_file_url(world: DiscordWorld, shown: Attachment) -> str:
    """A link good for 24 hours."""
    return world.public_base + world.files.sign_link(link_path(shown), world.clock.now())


def is_content_hidden(world: DiscordWorld, shown: Message) -> bool:
    """Whether the bot needs the message-content intent to read it."""
    return (
        shown.author_id != world.bot.id
        and world.bot.id not in shown.mention_ids
        and world.channels[shown.channel_id].guild_id is not None
    )


def _serialize_basics(world: DiscordWorld, shown: Message, *, content: bool) -> Json:
    blank = not content and is_content_hidden(world, shown)
    files = {str(a.id): a for a in shown.attachments}
    embeds, components, used = _resolve_files(world, shown, files)
    payload: Json = {
        "id": str(shown.id),
        "channel_id": str(shown.channel_id),
        "type": int(shown.kind),
        "author": payloads.build_user(world.users[shown.author_id]),
        "content": "" if blank else shown.content,
        "embeds": [] if blank else embeds,
        "components": [] if blank else components,
        "attachments": []
        if blank
        else [serialize_attachment(world, a) for i, a in files.items() if i not in used],
        "mentions": [payloads.build_user(world.users[i]) for i in shown.mention_ids],
        "mention_roles": [str(i) for i in shown.mention_role_ids],
        "mention_everyone": shown.mention_everyone,
        "timestamp": payloads.format_timestamp(shown.created_at),
        "edited_timestamp": None
        if shown.edited_at is None
        else payloads.format_timestamp(shown.edited_at),
        "flags": int(shown.flags),
        "pinned": shown.pinned,
        "tts": shown.tts,
    }
    if shown.nonce is not None:
        payload["nonce"] = shown.nonce
    if shown.reference is not None:
        reference: Json = {
            "type": 0,
            "channel_id": str(shown.reference.channel_id),
            "message_id": str(shown.reference.message_id),
        }
        if shown.reference.guild_id is not None:
            reference["guild_id"] = str(shown.reference.guild_id)
        payload["message_reference"] = reference
    if shown.origin is not None:
        payload |= _serialize_interaction(world, shown.origin)
    if shown.thread_id is not None and (thread := world.channels.get(shown.thread_id)):
        payload["thread"] = world.thread_payload(thread)
    return payload


def _resolve_files(
    world: DiscordWorld, shown: Message, files: dict[str, Attachment]
) -> tuple[list[Json], list[Json], set[str]]:
    """Embeds and components with links in place of attachment ids, and the files they use."""
    used: set[str] = set()

    def resolve_media(kept: Json) -> Json:
        attachment_id = kept.get("attachment_id")
        if attachment_id is None:
            url = kept.get("url", "")
            return {"id": str(shown.id), "url": url, "proxy_url": url}
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

    def resolve_component(kept: Json) -> Json:
        drawn = dict(kept)
        if "components" in kept:
            drawn["components"] = [resolve_component(c) for c in kept["components"]]
        if "accessory" in kept:
            drawn["accessory"] = resolve_component(kept["accessory"])
        if kept["type"] == K.THUMBNAIL:
            drawn["media"] = resolve_media(kept["media"])
        if kept["type"] == K.FILE:
            drawn["file"] = resolve_media(kept["file"])
            file = files.get(kept["file"].get("attachment_id", ""))
            drawn |= {"name": file and file.filename, "size": file and file.size}
        if kept["type"] == K.MEDIA_GALLERY:
            drawn["items"] = [
                item | {"media": resolve_media(item["media"])} for item in kept["items"]
            ]
        return drawn

    def resolve_embed(kept: Json) -> Json:
        drawn = dict(kept)
        for name, key in (
            ("image", "url"),
            ("thumbnail", "url"),
            ("author", "icon_url"),
            ("footer", "icon_url"),
        ):
            link = kept.get(name, {}).get(key)
            if isinstance(link, dict):
                facts = resolve_media(link)
                drawn[name] = kept[name] | {key: facts["url"], f"proxy_{key}": facts["url"]}
                if key == "url":
                    size = {k: facts[k] for k in ("width", "height") if facts.get(k)}
                    drawn[name] |= size | {"content_type": facts["content_type"]}
        return drawn

    embeds = [resolve_embed(e) for e in shown.embeds]
    if MessageFlag.SUPPRESS_EMBEDS in shown.flags:
        embeds = []
    return embeds, [resolve_component(c) for c in shown.components], used


def _serialize_referenced(world: DiscordWorld, shown: Message, *, content: bool) -> Json | None:
    if (reference := shown.reference) is None:
        return None
    original = world.messages.get(reference.channel_id, {}).get(reference.message_id)
    if original is None or original.deleted_at is not None:
        return None
    return _serialize_basics(world, original, content=content)


def _serialize_reaction(world: DiscordWorld, shown: Reaction) -> Json:
    count = len(shown.user_ids)
    return {
        "emoji": payloads.build_emoji(shown.emoji),
        "count": count,
        "count_details": {"burst": 0, "normal": count},
        "burst_colors": [],
        "me_burst": False,
        "burst_me": False,
        "burst_count": 0,
        "me": world.bot.id in shown.user_ids,
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
