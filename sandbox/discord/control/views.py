"""JSON of the control API: what Discord's client would show, with ids as strings."""

from sandbox.discord import payloads, serializers
from sandbox.discord.entities import Channel, Guild, Json, Member, Message, Role, User
from sandbox.discord.files import file_limit_bytes
from sandbox.discord.interaction import Interaction
from sandbox.discord.permissions import permission_names
from sandbox.discord.world import DiscordWorld


def view_message(world: DiscordWorld, message: Message) -> Json:
    """Return a message as people see it, with facts for tests.

    ``attachments`` (and ``files``) list every file, even those in components and embeds, which the
    wire leaves out. ``edits`` is their number.
    """
    channel = world.channels.get(message.channel_id)
    files = [
        serializers.serialize_attachment(world, attachment) for attachment in message.attachments
    ]
    return serializers.serialize_message(world, message) | {
        "guild_id": str(channel.guild_id) if channel and channel.guild_id else None,
        "attachments": files,
        "files": files,
        "edits": message.edits,
        "deleted": message.deleted_at is not None,
        "ephemeral": message.ephemeral_to is not None,
        "visible_to": None if message.ephemeral_to is None else str(message.ephemeral_to),
    }


def view_interaction(world: DiscordWorld, interaction: Interaction) -> Json:
    """Return an interaction as its person sees it."""
    acknowledged_ms = None
    if interaction.acknowledged_at is not None:
        acknowledged_ms = round((interaction.acknowledged_at - interaction.created_at) * 1000)
    messages = (
        world.messages.get(interaction.channel_id, {}).get(i) for i in interaction.message_ids
    )
    view: Json = {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "user_id": str(interaction.user_id),
        "channel_id": str(interaction.channel_id),
        "guild_id": None if interaction.guild_id is None else str(interaction.guild_id),
        "command": interaction.command_name or None,
        "message_id": None if interaction.message_id is None else str(interaction.message_id),
        "state": interaction.state(world.clock.now()),
        "acknowledged_ms": acknowledged_ms,
        "acknowledged_by": None
        if interaction.acknowledged_by is None
        else int(interaction.acknowledged_by),
        "messages": [view_message(world, m) for m in messages if m and m.deleted_at is None],
    }
    if interaction.modal is not None:
        view["modal"] = interaction.modal
    if interaction.choices is not None:
        view["choices"] = interaction.choices
    return view


def view_role(role: Role) -> Json:
    return {
        "id": str(role.id),
        "name": role.name,
        "permissions": permission_names(role.permissions),
        "managed": role.managed,
    }


def view_member(world: DiscordWorld, guild: Guild, member: Member) -> Json:
    user = world.users[member.user_id]
    return {
        "id": str(user.id),
        "name": user.display_name,
        "username": user.username,
        "nick": member.nick,
        "bot": user.bot,
        "owner": user.id == guild.owner_id,
        "locale": user.locale,
        "roles": [
            {"id": str(role_id), "name": guild.roles[role_id].name} for role_id in member.role_ids
        ],
    }


def view_user(user: User) -> Json:
    return {
        "id": str(user.id),
        "name": user.display_name,
        "username": user.username,
        "bot": user.bot,
        "locale": user.locale,
        "accepts_dms": user.accepts_dms,
        "nitro": user.nitro,
        "has_app": user.has_app,
        "allows_age_restricted": user.allows_age_restricted,
    }


def view_channel(world: DiscordWorld, channel: Channel) -> Json:
    """Return a channel as in Discord's API, with its kind in words and the bot's permissions."""
    payload = world.channel_payload(channel)
    payload["kind"] = channel.kind.name.lower()
    payload["bot_permissions"] = permission_names(world.permissions_of(world.bot.id, channel))
    if channel.overwrites:
        payload["overwrites"] = [
            {
                "id": str(overwrite.id),
                "type": "member" if overwrite.is_member else "role",
                "allow": permission_names(overwrite.allow),
                "deny": permission_names(overwrite.deny),
            }
            for overwrite in channel.overwrites.values()
        ]
    return payload


def view_guild(world: DiscordWorld, guild: Guild) -> Json:
    """Return a guild with its channels, roles and members."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner_id),
        "boost_tier": guild.boost_tier,
        "file_limit": file_limit_bytes(guild.boost_tier),
        "locale": guild.locale,
        "icon": guild.icon,
        "bot": guild.has_bot,
        "created_at": payloads.format_timestamp(guild.created_at),
        "channels": [view_channel(world, world.channels[i]) for i in guild.channel_ids],
        "roles": [view_role(item) for item in guild.roles.values()],
        "members": [view_member(world, guild, item) for item in guild.members.values()],
    }


def view_world(world: DiscordWorld) -> Json:
    """Return the whole world without messages."""
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
