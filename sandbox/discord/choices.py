"""Resolves a person's choices in selects: offered values, or users, roles and channels by name."""

from typing import Any

from sandbox.discord import lookup, modals
from sandbox.discord.components import ComponentKind
from sandbox.discord.entities import Channel, Json, User
from sandbox.discord.errors import ActionRefused, UnknownEntity
from sandbox.discord.interaction_create import ResolvedObjects
from sandbox.discord.world import DiscordWorld


def choose_values(
    world: DiscordWorld,
    person: User,
    channel: Channel,
    component: Json,
    values: list[Any],
    resolved: ResolvedObjects,
) -> list[str]:
    """Return the values that a select sends. Raises ActionRefused if they are not allowed."""
    minimum, maximum = component["min_values"], component["max_values"]
    if not minimum <= len(values) <= maximum:
        raise ActionRefused(
            f"{component['custom_id']}: {len(values)} chosen; must be {minimum} to {maximum}"
        )
    if component["type"] == ComponentKind.STRING_SELECT:
        chosen = [str(value) for value in values]
    else:
        chosen = resolve_choices(world, person, channel, component, values, resolved)
    modals.require_offered(component, chosen)
    return chosen


def resolve_choices(
    world: DiscordWorld,
    person: User,
    channel: Channel,
    component: Json,
    refs: list[Any],
    resolved: ResolvedObjects,
) -> list[str]:
    """Return the ids of the users, roles or channels chosen by name."""
    kind = component["type"]
    ids: list[str] = []
    for value in refs:
        ref = lookup.read_ref(value, component["custom_id"])
        if kind == ComponentKind.CHANNEL_SELECT:
            selected = lookup.find_channel(world, ref, acting=person)
            types = component.get("channel_types")
            if types and int(selected.kind) not in types:
                raise ActionRefused(f"#{selected.name} is not a channel of the kind asked for")
            resolved.add_channel(selected.id)
            ids.append(str(selected.id))
            continue
        if kind in {ComponentKind.USER_SELECT, ComponentKind.MENTIONABLE_SELECT}:
            try:
                user = lookup.find_user(world, ref)
            except UnknownEntity:
                if kind == ComponentKind.USER_SELECT:
                    raise
            else:
                resolved.add_user(user.id)
                ids.append(str(user.id))
                continue
        if channel.guild_id is None:
            raise ActionRefused("there are no roles here")
        role = lookup.find_role(world.guilds[channel.guild_id], ref)
        resolved.add_role(role.id)
        ids.append(str(role.id))
    return ids
