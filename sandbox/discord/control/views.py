"""How the control API shows things: as Discord's client would, with ids as strings."""

from sandbox.discord import payloads, showing
from sandbox.discord.files import limit_of
from sandbox.discord.interaction import Interaction
from sandbox.discord.model import Channel, Guild, Json, Member, Message, Role, User
from sandbox.discord.permissions import names
from sandbox.discord.world import World


def message(world: World, shown: Message) -> Json:
    """A message with everything a person sees, and what only a test asks for.

    ``attachments`` (and ``files``) list every file in it, those in components and embeds as well,
    which the wire leaves out there: a person sees them all the same. ``edits`` counts.
    """
    channel = world.channels.get(shown.channel_id)
    files = [showing.attachment(world, each) for each in shown.attachments]
    return showing.message(world, shown) | {
        "guild_id": str(channel.guild_id) if channel and channel.guild_id else None,
        "attachments": files,
        "files": files,
        "edits": shown.edits,
        "deleted": shown.deleted_at is not None,
        "ephemeral": shown.ephemeral_to is not None,
        "visible_to": None if shown.ephemeral_to is None else str(shown.ephemeral_to),
    }


def interaction(world: World, shown: Interaction) -> Json:
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
        "messages": [message(world, m) for m in found if m and m.deleted_at is None],
    }
    if shown.modal is not None:
        view["modal"] = shown.modal
    if shown.choices is not None:
        view["choices"] = shown.choices
    return view


def role(shown: Role) -> Json:
    return {
        "id": str(shown.id),
        "name": shown.name,
        "permissions": names(shown.permissions),
        "managed": shown.managed,
    }


def member(world: World, guild: Guild, shown: Member) -> Json:
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


def user(shown: User) -> Json:
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


def channel(world: World, shown: Channel) -> Json:
    """A channel as Discord describes it, with its kind in words and what the bot may do there."""
    payload = world.channel_payload(shown)
    payload["kind"] = shown.kind.name.lower()
    payload["bot_permissions"] = names(world.permissions_of(world.bot.id, shown))
    if shown.overwrites:
        payload["overwrites"] = [
            {
                "id": str(overwrite.id),
                "type": "member" if overwrite.is_member else "role",
                "allow": names(overwrite.allow),
                "deny": names(overwrite.deny),
            }
            for overwrite in shown.overwrites.values()
        ]
    return payload


def guild(world: World, shown: Guild) -> Json:
    """A guild with its channels, roles and members."""
    return {
        "id": str(shown.id),
        "name": shown.name,
        "owner_id": str(shown.owner_id),
        "boost_tier": shown.boost_tier,
        "file_limit": limit_of(shown.boost_tier),
        "locale": shown.locale,
        "bot": shown.has_bot,
        "created_at": payloads.timestamp(shown.created_at),
        "channels": [channel(world, world.channels[i]) for i in shown.channel_ids],
        "roles": [role(item) for item in shown.roles.values()],
        "members": [member(world, shown, item) for item in shown.members.values()],
    }


def world_view(world: World) -> Json:
    """All there is, but for messages."""
    return {
        "application": {
            "id": str(world.app.id),
            "name": world.app.name,
            "bot": user(world.bot),
            "owner_id": str(world.app.owner_id),
            "privileged_intents": [i.name for i in world.app.intents],
            "commands": [c.payload() for c in world.commands.all(None)],
        },
        "guilds": [guild(world, item) for item in world.guilds.values()],
        "users": [user(item) for item in world.users.values()],
        "direct_messages": [
            channel(world, item) for item in world.channels.values() if item.kind.is_private
        ],
    }
