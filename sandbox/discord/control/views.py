"""How the control API shows things: as Discord's client would, with ids as strings."""

from sandbox.discord import payloads, serializers
from sandbox.discord.entities import Channel, Guild, Json, Member, Message, Role, User
from sandbox.discord.files import file_limit_bytes
from sandbox.discord.interaction import Interaction
from sandbox.discord.permissions import permission_names
from sandbox.discord.world import DiscordWorld


def view_message(world: DiscordWorld, shown: Message) -> Json:
    """A message with everything a person sees, and what only a test asks for.

    ``attachments`` (and ``files``) list every file in it, those in components and embeds as well,
    which the wire leaves out there: a person sees them all the same. ``edits`` counts.
    """
    channel = world.channels.get(shown.channel_id)
    files = [serializers.serialize_attachment(world, each) for each in shown.attachments]
    return serializers.serialize_message(world, shown) | {
        "guild_id": str(channel.guild_id) if channel and channel.guild_id else None,
        "attachments": files,
        "files": files,
        "edits": shown.edits,
        "deleted": shown.deleted_at is not None,
        "ephemeral": shown.ephemeral_to is not None,
        "visible_to": None if shown.ephemeral_to is None else str(shown.ephemeral_to),
    }


def view_interaction(world: DiscordWorld, shown: Interaction) -> Json:
    """An interaction as the person who caused it sees it."""
    acknowledged_ms = None
    if shown.acknowledged_at is not None:
        acknowledged_ms = round((shown.acknowledged_at - shown.created_at) * 1000)
    found = (world.messages.get(shown.channel_id, {}).get(i) for i in shown.message_ids)
    view: Json = {
        "id": str(shown.id),
        "type": int(shown.kind),
        "user_id": str(shown.user_id),
        "channel_id": str(shown.channel_id),
        "guild_id": None if shown.guild_id is None else str(shown.guild_id),
        "command": shown.command_name or None,
        "message_id": None if shown.message_id is None else str(shown.message_id),
        "state": shown.state(world.clock.now()),
        "acknowledged_ms": acknowledged_ms,
        "acknowledged_by": None if shown.acknowledged_by is None else int(shown.acknowledged_by),
        "messages": [view_message(world, m) for m in found if m and m.deleted_at is None],
    }
    if shown.modal is not None:
        view["modal"] = shown.modal
    if shown.choices is not None:
        view["choices"] = shown.choices
    return view


def view_role(shown: Role) -> Json:
    return {
        "id": str(shown.id),
        "name": shown.name,
        "permissions": permission_names(shown.permissions),
        "managed": shown.managed,
    }


def view_member(world: DiscordWorld, guild: Guild, shown: Member) -> Json:
    person = world.users[shown.user_id]
    return {
        "id": str(person.id),
        "name": person.display_name,
        "username": person.username,
        "nick": shown.nick,
        "bot": person.bot,
        "owner": person.id == guild.owner_id,
        "locale": person.locale,
        "roles": [
            {"id": str(role_id), "name": guild.roles[role_id].name} for role_id in shown.role_ids
        ],
    }


def view_user(shown: User) -> Json:
    return {
        "id": str(shown.id),
        "name": shown.display_name,
        "username": shown.username,
        "bot": shown.bot,
        "locale": shown.locale,
        "accepts_dms": shown.accepts_dms,
        "nitro": shown.nitro,
        "has_app": shown.has_app,
    }


def view_channel(world: DiscordWorld, shown: Channel) -> Json:
    """A channel as Discord describes it, with its kind in words and what the bot may do there."""
    payload = world.channel_payload(shown)
    payload["kind"] = shown.kind.name.lower()
    payload["bot_permissions"] = permission_names(world.permissions_of(world.bot.id, shown))
    if shown.overwrites:
        payload["overwrites"] = [
            {
                "id": str(overwrite.id),
                "type": "member" if overwrite.is_member else "role",
                "allow": permission_names(overwrite.allow),
                "deny": permission_names(overwrite.deny),
            }
            for overwrite in shown.overwrites.values()
        ]
    return payload


def view_guild(world: DiscordWorld, shown: Guild) -> Json:
    """A guild with its channels, roles and members."""
    return {
        "id": str(shown.id),
        "name": shown.name,
        "owner_id": str(shown.owner_id),
        "boost_tier": shown.boost_tier,
        "file_limit": file_limit_bytes(shown.boost_tier),
        "locale": shown.locale,
        "bot": shown.has_bot,
        "created_at": payloads.format_timestamp(shown.created_at),
        "channels": [view_channel(world, world.channels[i]) for i in shown.channel_ids],
        "roles": [view_role(item) for item in shown.roles.values()],
        "members": [view_member(world, shown, item) for item in shown.members.values()],
    }


def view_world(world: DiscordWorld) -> Json:
    """All there is, but for messages."""
    return {
        "application": {
            "id": str(world.app.id),
            "name": world.app.name,
            "bot": view_user(world.bot),
            "owner_id": str(world.app.owner_id),
            "privileged_intents": [i.name for i in world.app.intents],
            "commands": [c.to_payload() for c in world.commands.list_commands(None)],
        },
        "guilds": [view_guild(world, item) for item in world.guilds.values()],
        "users": [view_user(item) for item in world.users.values()],
        "direct_messages": [
            view_channel(world, item) for item in world.channels.values() if item.kind.is_private
        ],
    }
