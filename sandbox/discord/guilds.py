"""Creating and changing guilds, members, roles and channels, with their gateway events."""

from collections.abc import Iterable
from dataclasses import replace

from sandbox.discord import payloads, permissions
from sandbox.discord.entities import (
    Channel,
    ChannelKind,
    ForumTag,
    Guild,
    Json,
    Member,
    PermissionOverwrite,
    Role,
    User,
)
from sandbox.discord.events import GatewayEvent, Intents
from sandbox.discord.permissions import Permission
from sandbox.discord.world import DiscordWorld


def create_guild(
    world: DiscordWorld,
    name: str,
    owner: User,
    *,
    boost_tier: int = 0,
    locale: str = "en-US",
    has_bot: bool = True,
    bot_permissions: Permission = permissions.POSTING_BOT_PERMISSIONS,
) -> Guild:
    """Create a guild with its owner and, with ``has_bot``, the bot and its managed role."""
    guild = Guild(
        world.ids.next_guild_id(),
        name,
        owner.id,
        world.clock.now(),
        boost_tier=boost_tier,
        locale=locale,
        has_bot=False,
    )
    world.guilds[guild.id] = guild
    guild.roles[guild.id] = Role(guild.id, guild.id, "@everyone", permissions.EVERYONE_PERMISSIONS)
    add_member(world, guild, owner)
    if has_bot:
        add_bot(world, guild, bot_permissions)
    return guild


def add_bot(
    world: DiscordWorld, guild: Guild, bits: Permission = permissions.POSTING_BOT_PERMISSIONS
) -> None:
    """Install the bot in a guild (GUILD_CREATE)."""
    role = add_role(world, guild, world.app.name, bits, managed=True)
    add_member(world, guild, world.bot, [role.id])
    guild.has_bot = True
    guild_id = guild.id
    world.hub.publish(
        GatewayEvent(
            "GUILD_CREATE",
            lambda intents: world.guild_create_payload(guild_id, intents),
            guild_id,
            Intents.GUILDS,
        )
    )


def remove_bot(world: DiscordWorld, guild: Guild) -> None:
    """Remove the bot from a guild (GUILD_DELETE)."""
    world.publish_event(
        "GUILD_DELETE", {"id": str(guild.id)}, guild_id=guild.id, intents=Intents.GUILDS
    )
    guild.has_bot = False
    member = guild.members.pop(world.bot.id)
    for role_id in member.role_ids:
        if guild.roles[role_id].managed:
            del guild.roles[role_id]


def update_guild(
    world: DiscordWorld,
    guild: Guild,
    *,
    name: str | None = None,
    boost_tier: int | None = None,
    locale: str | None = None,
    icon: str | None = None,
    system_channel: Channel | None = None,
) -> None:
    """Change the given values; an empty ``icon`` removes it.

    In the system channel, Discord posts its own notices.
    """
    guild.name = guild.name if name is None else name
    guild.boost_tier = guild.boost_tier if boost_tier is None else boost_tier
    guild.locale = guild.locale if locale is None else locale
    if icon is not None:
        guild.icon = icon or None
    if system_channel is not None:
        guild.system_channel_id = system_channel.id
    world.publish_event(
        "GUILD_UPDATE", payloads.build_guild(guild), guild_id=guild.id, intents=Intents.GUILDS
    )


def add_role(
    world: DiscordWorld, guild: Guild, name: str, bits: Permission, *, managed: bool = False
) -> Role:
    """Add a role above all others."""
    role = Role(
        world.ids.next_id(), guild.id, name, bits, position=len(guild.roles), managed=managed
    )
    guild.roles[role.id] = role
    _announce_role(world, "GUILD_ROLE_CREATE", guild, role)
    return role


def update_role(world: DiscordWorld, guild: Guild, role: Role, bits: Permission) -> None:
    """Give a role other permissions."""
    role.permissions = bits
    _announce_role(world, "GUILD_ROLE_UPDATE", guild, role)


def _announce_role(world: DiscordWorld, event: str, guild: Guild, role: Role) -> None:
    world.publish_event(
        event,
        {"guild_id": str(guild.id), "role": payloads.build_role(role)},
        guild_id=guild.id,
        intents=Intents.GUILDS,
    )


def add_member(
    world: DiscordWorld,
    guild: Guild,
    user: User,
    role_ids: Iterable[int] = (),
    nick: str | None = None,
) -> Member:
    """Make a user a member, or give a member these roles and this nickname."""
    member = guild.members.get(user.id)
    event = "GUILD_MEMBER_UPDATE" if member else "GUILD_MEMBER_ADD"
    if member is None:
        member = Member(user.id, guild.id, world.clock.now())
        guild.members[user.id] = member
    member.role_ids = list(dict.fromkeys(role_ids))
    member.nick = nick
    own_update = user.id == world.bot.id and event == "GUILD_MEMBER_UPDATE"
    world.publish_event(
        event,
        payloads.build_member(member, user) | {"guild_id": str(guild.id)},
        guild_id=guild.id,
        intents=Intents.NONE if own_update else Intents.GUILD_MEMBERS,
    )
    return member


def time_out_member(world: DiscordWorld, guild: Guild, member: Member, seconds: float) -> None:
    """Time a member out for ``seconds``, or end the time-out if 0."""
    member.timed_out_until = world.clock.now() + seconds if seconds else None
    user = world.users[member.user_id]
    world.publish_event(
        "GUILD_MEMBER_UPDATE",
        payloads.build_member(member, user) | {"guild_id": str(guild.id)},
        guild_id=guild.id,
        intents=Intents.NONE if user is world.bot else Intents.GUILD_MEMBERS,
    )


def remove_member(world: DiscordWorld, guild: Guild, user: User) -> None:
    """Remove a person from a guild."""
    if guild.members.pop(user.id, None) is not None:
        world.publish_event(
            "GUILD_MEMBER_REMOVE",
            {"guild_id": str(guild.id), "user": payloads.build_user(user)},
            guild_id=guild.id,
            intents=Intents.GUILD_MEMBERS,
        )


def add_channel(
    world: DiscordWorld,
    guild: Guild,
    name: str,
    kind: ChannelKind = ChannelKind.TEXT,
    *,
    nsfw: bool = False,
    topic: str | None = None,
    parent_id: int | None = None,
    overwrites: Iterable[PermissionOverwrite] = (),
    tags: Iterable[str] = (),
    tag_required: bool = False,
) -> Channel:
    """Add a channel that is not a thread."""
    channel = Channel(
        world.ids.next_id(),
        kind,
        guild.id,
        name,
        position=len(guild.channel_ids),
        nsfw=nsfw,
        topic=topic,
        parent_id=parent_id,
        overwrites={overwrite.id: overwrite for overwrite in overwrites},
        tags=[ForumTag(world.ids.next_id(), tag) for tag in tags],
        tag_required=tag_required,
    )
    world.channels[channel.id] = channel
    guild.channel_ids.append(channel.id)
    if world.can_bot_see(channel):
        announce_channel(world, "CHANNEL_CREATE", channel)
    return channel


def set_overwrite(world: DiscordWorld, channel: Channel, overwrite: PermissionOverwrite) -> None:
    """Set a channel's permissions for a role or member, or remove them if they are empty."""
    if overwrite.allow or overwrite.deny:
        channel.overwrites[overwrite.id] = replace(overwrite)
    else:
        channel.overwrites.pop(overwrite.id, None)
    announce_channel(world, "CHANNEL_UPDATE", channel)


def delete_channel(world: DiscordWorld, channel: Channel) -> None:
    """Remove a channel with its threads and messages."""
    guild = world.require_guild_of(channel)
    children = [
        world.channels[i] for i in guild.channel_ids if world.channels[i].parent_id == channel.id
    ]
    for thread in children:
        if thread.thread is not None:
            delete_channel(world, thread)
    event = "THREAD_DELETE" if channel.thread else "CHANNEL_DELETE"
    if world.can_bot_see(channel):
        announce_channel(world, event, channel)
    now = world.clock.now()
    for message in world.messages.get(channel.id, {}).values():
        message.deleted_at = message.deleted_at or now
    guild.channel_ids.remove(channel.id)
    del world.channels[channel.id]


def add_entitlement(world: DiscordWorld, user: User, sku_id: int) -> Json:
    """Record a purchase in the application's shop (ENTITLEMENT_CREATE)."""
    entitlement: Json = {
        "id": str(world.ids.next_id()),
        "sku_id": str(sku_id),
        "application_id": str(world.app.id),
        "user_id": str(user.id),
        "guild_id": None,
        "deleted": False,
        "starts_at": payloads.format_timestamp(world.clock.now()),
        "ends_at": None,
        "type": 8,
        "consumed": False,
    }
    world.entitlements.append(entitlement)
    world.publish_event("ENTITLEMENT_CREATE", entitlement, guild_id=None)
    return entitlement


def set_age_restriction(world: DiscordWorld, channel: Channel, *, is_restricted: bool) -> None:
    """Change whether a channel is age-restricted. Its threads follow it."""
    for each in world.channels.values():
        if each is channel or (each.thread is not None and each.parent_id == channel.id):
            each.nsfw = is_restricted


def announce_channel(world: DiscordWorld, event: str, channel: Channel) -> None:
    """Publish an event of a channel or thread."""
    world.publish_event(
        event,
        world.channel_payload(channel),
        guild_id=channel.guild_id,
        intents=Intents.GUILDS,
    )
