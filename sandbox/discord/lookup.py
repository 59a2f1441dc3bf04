"""How people call things: names, #channels, @people, links and ids alike.

Tests and the demo speak as a person would; Discord's ids stay out of the way until they matter.
"""

from sandbox.discord.entities import Channel, Guild, Message, Role, User
from sandbox.discord.errors import ActionForbidden, ActionRefused, UnknownEntity
from sandbox.discord.form_fields import parse_snowflake
from sandbox.discord.interaction import Interaction
from sandbox.discord.permissions import Permission
from sandbox.discord.world import DiscordWorld

EntityRef = str | int


def read_ref(value: object, what: str) -> EntityRef:
    """A name or id out of JSON; an object with an ``id`` will do. Raises PersonRefused."""
    if isinstance(value, dict):
        value = value.get("id")
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        msg = f"{what} must be a name or an id"
        raise ActionRefused(msg)
    return value


def find_user(world: DiscordWorld, ref: EntityRef) -> User:
    """A user by id, mention, display name or username. Raises Unknown."""
    if (number := _parse_id(ref, "<@!>")) is not None and number in world.users:
        return world.users[number]
    name = str(ref).lstrip("@").casefold()
    for person in world.users.values():
        if name in {person.display_name.casefold(), person.username.casefold()}:
            return person
    msg = f"there is no user {ref!r}"
    raise UnknownEntity(msg)


def find_guild(world: DiscordWorld, ref: EntityRef) -> Guild:
    """A guild by id or name. Raises Unknown."""
    if (number := _parse_id(ref)) is not None and number in world.guilds:
        return world.guilds[number]
    for found in world.guilds.values():
        if found.name.casefold() == str(ref).casefold():
            return found
    msg = f"there is no guild {ref!r}"
    raise UnknownEntity(msg)


def find_channel(
    world: DiscordWorld, ref: EntityRef, *, acting: User | None = None, within: Guild | None = None
) -> Channel:
    """A channel by id, mention, name, or ``@Person`` for that person's talk with the bot.

    The same name in several guilds means the first one of the person's own guilds. Raises Unknown.
    """
    if (number := _parse_id(ref, "<#>")) is not None and number in world.channels:
        return world.channels[number]
    text = str(ref)
    if text.startswith("@"):
        person = find_user(world, text)
        if person.id == world.bot.id:
            if acting is None:
                msg = "whose direct messages with the bot?"
                raise UnknownEntity(msg)
            person = acting
        return world.get_direct_channel(person.id)
    name = text.lstrip("#").casefold()
    for found in world.channels.values():
        if found.name.casefold() != name:
            continue
        home = world.guilds.get(found.guild_id) if found.guild_id is not None else None
        if within is not None and home is not within:
            continue
        members = home.members if home else dict.fromkeys(found.recipient_ids)
        if acting is None or acting.id in members:
            return found
    msg = f"there is no channel {ref!r}" + (f" that {acting.display_name} is in" if acting else "")
    raise UnknownEntity(msg)


def find_message(world: DiscordWorld, ref: EntityRef) -> Message:
    """A message by id or link; not one that was deleted. Raises Unknown."""
    number = parse_snowflake(str(ref).rsplit("/", 1)[-1])
    found = world.find_message(number) if number is not None else None
    if found is None or found.deleted_at is not None:
        msg = f"there is no message {ref!r}"
        raise UnknownEntity(msg)
    return found


def find_visible_message(world: DiscordWorld, ref: EntityRef, person: User) -> Message:
    """A message that this person can see. Raises Unknown or Forbidden."""
    found = find_message(world, ref)
    require_permissions(world, person, world.channels[found.channel_id], Permission.VIEW_CHANNEL)
    if found.ephemeral_to not in {None, person.id}:
        msg = f"{person.display_name} cannot see that message"
        raise ActionForbidden(msg)
    return found


def find_role(found: Guild, ref: EntityRef) -> Role:
    """A role by id, mention or name. Raises Unknown."""
    if (number := _parse_id(ref, "<@&>")) is not None and number in found.roles:
        return found.roles[number]
    name = str(ref).casefold()
    for item in found.roles.values():
        if item.name.casefold() in {name, "@" + name} or name.lstrip("@") == item.name.casefold():
            return item
    msg = f"there is no role {ref!r} in {found.name}"
    raise UnknownEntity(msg)


def find_interaction(world: DiscordWorld, ref: EntityRef) -> Interaction:
    """An interaction by id. Raises Unknown."""
    found = world.interactions.get(_parse_id(ref) or 0)
    if found is None:
        msg = f"there is no interaction {ref!r}"
        raise UnknownEntity(msg)
    return found


def require_permissions(
    world: DiscordWorld, person: User, place: Channel, needed: Permission
) -> None:
    """A person's permissions in a channel. Raises Forbidden naming what is missing."""
    missing = needed & ~world.permissions_of(person.id, place)
    if missing:
        names = ", ".join(bit.name or "" for bit in Permission if bit.value and bit in missing)
        msg = f"{person.display_name} lacks {names} in #{place.name or place.id}"
        raise ActionForbidden(msg)


def _parse_id(ref: EntityRef, marks: str = "") -> int | None:
    return parse_snowflake(ref.strip(marks) if isinstance(ref, str) and marks else ref)
