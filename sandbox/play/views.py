"""JSON of the page's API: the world and its messages as one person's client shows them."""

import time
from typing import Final

from sandbox.discord import payloads, serializers
from sandbox.discord.entities import Channel, ChannelKind, Guild, Json, Message, User
from sandbox.discord.files import file_limit_bytes
from sandbox.discord.interaction import Interaction
from sandbox.discord.permissions import Permission
from sandbox.discord.world import DiscordWorld

_SHOWN_PERMISSIONS: Final = {
    "send": Permission.SEND_MESSAGES,
    "send_in_threads": Permission.SEND_MESSAGES_IN_THREADS,
    "attach": Permission.ATTACH_FILES,
    "react": Permission.ADD_REACTIONS,
    "open_threads": Permission.CREATE_PUBLIC_THREADS,
    "manage_messages": Permission.MANAGE_MESSAGES,
    "use_commands": Permission.USE_APPLICATION_COMMANDS,
}


def can_see(world: DiscordWorld, person: User, message: Message) -> bool:
    """Whether a message, even a deleted one, is shown to a person."""
    channel = world.channels.get(message.channel_id)
    if channel is None or message.ephemeral_to not in {None, person.id}:
        return False
    return Permission.VIEW_CHANNEL in world.permissions_of(person.id, channel)


def view_message(world: DiscordWorld, person: User, message: Message) -> Json:
    """Return a message with the person's own reactions marked (the wire marks the bot's)."""
    view = serializers.serialize_message(world, message)
    view["is_ephemeral"] = message.ephemeral_to is not None
    view["reactions"] = [
        {
            "emoji": payloads.build_emoji(reaction.emoji),
            "count": len(reaction.user_ids) + len(reaction.super_user_ids),
            "me": person.id in reaction.user_ids,
            "names": [
                world.users[i].display_name
                for i in dict.fromkeys([*reaction.user_ids, *reaction.super_user_ids])
            ],
        }
        for reaction in message.reactions
    ]
    return view


def view_interaction(world: DiscordWorld, interaction: Interaction) -> Json:
    """Return what became of a person's interaction: ``pending``, ``failed``, a modal, choices."""
    view: Json = {
        "id": str(interaction.id),
        "state": interaction.state(world.clock.now()),
    }
    if interaction.modal is not None:
        view["modal"] = interaction.modal
    if interaction.choices is not None:
        view["choices"] = interaction.choices
    return view


def view_world(world: DiscordWorld, person: User, *, is_bot_online: bool) -> Json:
    """Return all that a person's client knows besides messages."""
    return {
        "me": _view_user(person)
        | {
            "locale": person.locale,
            "has_app": person.has_app,
            "allows_age_restricted": person.allows_age_restricted,
        },
        "people": [_view_person(world, user) for user in list_people(world)],
        "users": [_view_user(user) for user in world.users.values()],
        "bot": {
            "id": str(world.bot.id),
            "name": world.bot.display_name,
            "application": str(world.app.id),
            "is_online": is_bot_online,
        },
        "guilds": [
            _view_guild(world, guild, person)
            for guild in world.guilds.values()
            if person.id in guild.members
        ],
        "conversations": [
            _view_channel(world, channel, person)
            for channel in world.channels.values()
            if channel.kind.is_private and person.id in channel.recipient_ids
        ],
        "clock_ahead_s": round(world.clock.now() - time.time(), 1),
        "commands_version": max(
            (
                command.version
                for scope in (None, *world.guilds)
                for command in world.commands.list_commands(scope)
            ),
            default=0,
        ),
    }


def list_people(world: DiscordWorld) -> list[User]:
    """Return the users whom somebody at the page can be: people who are in a server."""
    members = {user_id for guild in world.guilds.values() for user_id in guild.members}
    return [user for user in world.users.values() if not user.bot and user.id in members]


def _view_user(user: User) -> Json:
    return {
        "id": str(user.id),
        "name": user.display_name,
        "username": user.username,
        "bot": user.bot,
    }


def _view_person(world: DiscordWorld, user: User) -> Json:
    """Return a person with their part in the first server that they are in."""
    guild = next(guild for guild in world.guilds.values() if user.id in guild.members)
    roles = [guild.roles[i].name for i in guild.members[user.id].role_ids]
    part = "owner" if guild.owner_id == user.id else ", ".join(roles) or "member"
    return _view_user(user) | {"part": part}


def _view_guild(world: DiscordWorld, guild: Guild, person: User) -> Json:
    channels = [world.channels[i] for i in guild.channel_ids]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "has_bot": guild.has_bot,
        "file_limit": file_limit_bytes(guild.boost_tier),
        "channels": [
            _view_channel(world, channel, person)
            for channel in channels
            if channel.kind is ChannelKind.CATEGORY
            or Permission.VIEW_CHANNEL in world.permissions_of(person.id, channel)
        ],
        "roles": [
            {
                "id": str(role.id),
                "name": role.name,
                "color": role.color,
                "position": role.position,
                "is_everyone": role.id == guild.id,
            }
            for role in guild.roles.values()
        ],
        "members": [
            _view_user(world.users[member.user_id])
            | {
                "nick": member.nick,
                "owner": member.user_id == guild.owner_id,
                "roles": [str(role_id) for role_id in member.role_ids],
            }
            for member in guild.members.values()
        ],
    }


def _view_channel(world: DiscordWorld, channel: Channel, person: User) -> Json:
    granted = world.permissions_of(person.id, channel)
    thread = channel.thread
    return {
        "id": str(channel.id),
        "guild_id": None if channel.guild_id is None else str(channel.guild_id),
        "name": channel.name,
        "kind": channel.kind.name.lower(),
        "type": int(channel.kind),
        "holds_posts": channel.kind.holds_posts,
        "holds_messages": channel.kind.holds_messages,
        "parent_id": None if channel.parent_id is None else str(channel.parent_id),
        "topic": channel.topic,
        "nsfw": channel.nsfw,
        "recipients": [_view_user(world.users[i]) for i in channel.recipient_ids],
        "tags": [tag.name for tag in channel.tags],
        "tag_required": channel.tag_required,
        "thread": None
        if thread is None
        else {"archived": thread.archived, "locked": thread.locked},
        "can": {name: bit in granted for name, bit in _SHOWN_PERMISSIONS.items()},
    }
