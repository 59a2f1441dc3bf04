"""Creates interactions and publishes INTERACTION_CREATE."""

import secrets

from sandbox.discord import payloads, serializers
from sandbox.discord.commands import InteractionContext
from sandbox.discord.entities import (
    Attachment,
    Channel,
    ChannelKind,
    Guild,
    InteractionKind,
    Json,
    Message,
    User,
)
from sandbox.discord.events import GatewayEvent
from sandbox.discord.files import NITRO_LIMIT_BYTES
from sandbox.discord.interaction import Interaction
from sandbox.discord.permissions import Permission
from sandbox.discord.world import DiscordWorld

# Permissions of a user-installed app in a guild where it is not installed.
_USER_INSTALL_PERMISSIONS = (
    Permission.ATTACH_FILES
    | Permission.EMBED_LINKS
    | Permission.MENTION_EVERYONE
    | Permission.USE_EXTERNAL_EMOJIS
)


def interaction_context(channel: Channel) -> InteractionContext:
    """Return the interaction context of a channel."""
    if channel.guild_id is not None:
        return InteractionContext.GUILD
    return (
        InteractionContext.BOT_DM
        if channel.kind is ChannelKind.DM
        else InteractionContext.PRIVATE_CHANNEL
    )


def integration_owners(
    world: DiscordWorld, channel: Channel, person: User, *, user_install: bool
) -> dict[str, str]:
    """Discord's ``authorizing_integration_owners``."""
    owners = {"1": str(person.id)} if user_install else {}
    guild = world.find_guild(channel.guild_id)
    if guild is not None and guild.has_bot:
        owners["0"] = str(guild.id)
    elif channel.kind is ChannelKind.DM and not user_install:
        owners["0"] = "0"
    return owners


def create_interaction(
    world: DiscordWorld,
    kind: InteractionKind,
    person: User,
    channel: Channel,
    data: Json,
    *,
    owners: dict[str, str],
    locale: str | None = None,
    command_name: str = "",
    message: Message | None = None,
    target_id: int | None = None,
    modal_trigger: Interaction | None = None,
    focused_kind: int = 3,
) -> Interaction:
    """Create an interaction and publish it; the bot's 3 seconds start now."""
    person_permissions = world.permissions_of(person.id, channel)
    interaction = Interaction(
        id=world.ids.next_id(),
        token=secrets.token_urlsafe(96),
        kind=kind,
        user_id=person.id,
        channel_id=channel.id,
        guild_id=channel.guild_id,
        created_at=world.clock.now(),
        owners=owners,
        command_name=command_name,
        message_id=message.id if message else None,
        target_id=target_id,
        modal_trigger=modal_trigger,
        focused_kind=focused_kind,
    )
    interaction.forced_ephemeral = (
        interaction.is_user_install
        and channel.guild_id is not None
        and Permission.USE_EXTERNAL_APPS not in person_permissions
    )
    interaction.payload = _interaction_payload(
        world, interaction, person, channel, data, locale, message
    )
    world.interactions[interaction.id] = interaction
    world.interactions_by_token[interaction.token] = interaction
    guild = world.find_guild(channel.guild_id)
    world.hub.publish(
        GatewayEvent(
            "INTERACTION_CREATE",
            lambda _: interaction.payload,
            guild.id if guild and guild.has_bot else None,
        )
    )
    return interaction


def _interaction_payload(
    world: DiscordWorld,
    interaction: Interaction,
    person: User,
    channel: Channel,
    data: Json,
    locale: str | None,
    message: Message | None,
) -> Json:
    payload: Json = {
        "id": str(interaction.id),
        "application_id": str(world.app.id),
        "type": int(interaction.kind),
        "token": interaction.token,
        "version": 1,
        "data": data,
        "channel_id": str(channel.id),
        "channel": channel_payload(world, channel, person),
        "app_permissions": str(_app_permissions(world, channel, interaction).value),
        "locale": locale or person.locale,
        "entitlements": world.entitlements_of(person.id, channel.guild_id),
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": interaction.owners,
        "context": int(interaction_context(channel)),
        "attachment_size_limit": _attachment_size_limit(world, channel, person),
    }
    if channel.guild_id is None:
        payload["user"] = payloads.build_user(person)
    else:
        guild = world.guilds[channel.guild_id]
        payload |= {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
            "guild_locale": guild.locale,
            "member": member_payload(world, guild, person, channel),
        }
    if message is not None:
        payload["message"] = serializers.serialize_message(world, message)
    return payload


def _attachment_size_limit(world: DiscordWorld, channel: Channel, person: User) -> int:
    """Return the larger of the guild's limit and the person's, which is higher with Nitro.

    Responses may use it; the bot's ordinary messages have the guild's (discord-api-docs #7603).
    """
    limit = world.file_limit_bytes(channel.guild_id)
    return max(limit, NITRO_LIMIT_BYTES) if person.nitro else limit


def member_payload(world: DiscordWorld, guild: Guild, person: User, channel: Channel) -> Json:
    """Return a member with their permissions in a channel."""
    return payloads.add_permissions(
        payloads.build_member(guild.members[person.id], person),
        world.permissions_of(person.id, channel),
    )


def channel_payload(world: DiscordWorld, channel: Channel, person: User) -> Json:
    """Return a channel with the person's permissions, as in interactions."""
    return payloads.add_permissions(
        world.channel_payload(channel), world.permissions_of(person.id, channel)
    )


def _app_permissions(world: DiscordWorld, channel: Channel, interaction: Interaction) -> Permission:
    if interaction.is_user_install and channel.kind is not ChannelKind.DM:
        return _USER_INSTALL_PERMISSIONS
    # a time-out of the bot is not visible here: https://github.com/discord/discord-api-docs #6847
    return world.permissions_without_time_out(world.bot.id, channel)


class ResolvedObjects:
    """Collects an interaction's ``resolved`` data: the objects of the ids in it."""

    def __init__(self, world: DiscordWorld, channel: Channel, person: User) -> None:
        self._world = world
        self._channel = channel
        self._person = person
        self._objects: Json = {}

    def add_user(self, user_id: int) -> None:
        user = self._world.users[user_id]
        self._objects.setdefault("users", {})[str(user_id)] = payloads.build_user(user)
        if self._channel.guild_id is None:
            return
        guild = self._world.guilds[self._channel.guild_id]
        if user_id in guild.members:
            member = member_payload(self._world, guild, user, self._channel)
            del member["user"], member["mute"], member["deaf"]
            self._objects.setdefault("members", {})[str(user_id)] = member

    def add_role(self, role_id: int) -> None:
        role = self._world.require_guild_of(self._channel).roles[role_id]
        self._objects.setdefault("roles", {})[str(role_id)] = payloads.build_role(role)

    def add_channel(self, channel_id: int) -> None:
        payload = channel_payload(self._world, self._world.channels[channel_id], self._person)
        self._objects.setdefault("channels", {})[str(channel_id)] = payload

    def add_message(self, message: Message) -> None:
        payload = serializers.serialize_message(self._world, message)
        self._objects.setdefault("messages", {})[str(message.id)] = payload

    def add_attachment(self, attachment: Attachment) -> None:
        payload = serializers.serialize_attachment(self._world, attachment)
        self._objects.setdefault("attachments", {})[str(attachment.id)] = payload

    def add_to(self, data: Json) -> Json:
        """``data`` with ``resolved``, if there is any."""
        return data | {"resolved": self._objects} if self._objects else data
