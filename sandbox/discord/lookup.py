"""Finds users, channels and the like by what a person would type: names, mentions, links, ids."""

from sandbox.discord.entities import Channel, Guild, Message, Role, User
from sandbox.discord.errors import ActionForbidden, ActionRefused, UnknownEntity
from sandbox.discord.form_fields import parse_snowflake
from sandbox.discord.interaction import Interaction
from sandbox.discord.permissions import Permission
from sandbox.discord.world import DiscordWorld

EntityRef = str | int


def read_ref(value: object, what: str) -> EntityRef:
    """Return a name or id from JSON, or an object's ``id``. Raises ActionRefused."""
    if isinstance(value, dict):
        value = value.get("id")
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ActionRefused(f"{what} must be a name or an id")
    return value


def find_user(world: DiscordWorld, ref: EntityRef) -> User:
    """Return a user by id, mention, display name or username. Raises UnknownEntity."""
    if (user_id := _parse_id(ref, "<@!>")) is not None and user_id in world.users:
        return world.users[user_id]
    name = str(ref).lstrip("@").casefold()
    for user in world.users.values():
        if name in {user.display_name.casefold(), user.username.casefold()}:
            return user
    raise UnknownEntity(f"there is no user {ref!r}")


def find_guild(world: DiscordWorld, ref: EntityRef) -> Guild:
    """Return a guild by id or name. Raises UnknownEntity."""
    if (guild_id := _parse_id(ref)) is not None and guild_id in world.guilds:
        return world.guilds[guild_id]
    for guild in world.guilds.values():
        if guild.name.casefold() == str(ref).casefold():
            return guild
    raise UnknownEntity(f"there is no guild {ref!r}")


def find_channel(
    world: DiscordWorld, ref: EntityRef, *, acting: User | None = None, within: Guild | None = None
) -> Channel:
    """Return a channel by id, mention, name, or ``@Person`` for their direct messages with the bot.

    Of channels with the same name it is the first in a guild of ``acting``. Raises UnknownEntity.
    """
    if (channel_id := _parse_id(ref, "<#>")) is not None and channel_id in world.channels:
        return world.channels[channel_id]
    text = str(ref)
    if text.startswith("@"):
        person = find_user(world, text)
        if person.id == world.bot.id:
            if acting is None:
                raise UnknownEntity("@bot means a person's direct messages: name the person")
            person = acting
        return world.get_direct_channel(person.id)
    name = text.lstrip("#").casefold()
    for channel in world.channels.values():
        if channel.name.casefold() != name:
            continue
        guild = world.find_guild(channel.guild_id)
        if within is not None and guild is not within:
            continue
        members = guild.members if guild else dict.fromkeys(channel.recipient_ids)
        if acting is None or acting.id in members:
            return channel
    raise UnknownEntity(
        f"there is no channel {ref!r}" + (f" that {acting.display_name} is in" if acting else "")
    )


def find_message(world: DiscordWorld, ref: EntityRef) -> Message:
    """Return a message by id or link that is not deleted. Raises UnknownEntity."""
    message_id = parse_snowflake(str(ref).rsplit("/", 1)[-1])
    message = world.find_message(message_id) if message_id is not None else None
    if message is None or message.deleted_at is not None:
        raise UnknownEntity(f"there is no message {ref!r}")
    return message


def find_visible_message(world: DiscordWorld, ref: EntityRef, person: User) -> Message:
    """Return a message that this person can see. Raises UnknownEntity or ActionForbidden."""
    message = find_message(world, ref)
    require_permissions(world, person, world.channels[message.channel_id], Permission.VIEW_CHANNEL)
    if message.ephemeral_to not in {None, person.id}:
        raise ActionForbidden(f"{person.display_name} cannot see that message")
    return message


def find_role(guild: Guild, ref: EntityRef) -> Role:
    """Return a role by id, mention or name. Raises UnknownEntity."""
    if (role_id := _parse_id(ref, "<@&>")) is not None and role_id in guild.roles:
        return guild.roles[role_id]
    name = str(ref).casefold()
    for role in guild.roles.values():
        if role.name.casefold() in {name, "@" + name} or name.lstrip("@") == role.name.casefold():
            return role
    raise UnknownEntity(f"there is no role {ref!r} in {guild.name}")


def find_interaction(world: DiscordWorld, ref: EntityRef) -> Interaction:
    """Return an interaction by id. Raises UnknownEntity."""
    interaction = world.interactions.get(_parse_id(ref) or 0)
    if interaction is None:
        raise UnknownEntity(f"there is no interaction {ref!r}")
    return interaction


def require_permissions(
    world: DiscordWorld, person: User, channel: Channel, needed: Permission
) -> None:
    """Raise ActionForbidden, naming the permissions that a person lacks in a channel."""
    missing = needed & ~world.permissions_of(person.id, channel)
    if missing:
        names = ", ".join(bit.name or "" for bit in Permission if bit.value and bit in missing)
        raise ActionForbidden(
            f"{person.display_name} lacks {names} in #{channel.name or channel.id}"
        )


def _parse_id(ref: EntityRef, marks: str = "") -> int | None:
    return parse_snowflake(ref.strip(marks) if isinstance(ref, str) and marks else ref)
