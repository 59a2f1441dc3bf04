"""Choosing in selects: values that are offered, or users, roles and channels by name."""

from typing import Any

from sandbox.discord import lookup, modals
from sandbox.discord.components import ComponentKind
from sandbox.discord.errors import PersonRefused, Unknown
from sandbox.discord.invocation import Resolved
from sandbox.discord.model import Channel, Json, User
from sandbox.discord.world import World


def chosen(
    world: World,
    person: User,
    channel: Channel,
    component: Json,
    values: list[Any],
    resolved: Resolved,
) -> list[str]:
    """The values a select sends. Raises PersonRefused for too few, too many or unknown ones."""
    least, most = component["min_values"], component["max_values"]
    if not least <= len(values) <= most:
        msg = f"{component['custom_id']}: {len(values)} chosen; must be {least} to {most}"
        raise PersonRefused(msg)
    if component["type"] == ComponentKind.STRING_SELECT:
        taken = [str(value) for value in values]
    else:
        taken = things(world, person, channel, component, values, resolved)
    modals.check_offered(component, taken)
    return taken


def things(
    world: World,
    person: User,
    channel: Channel,
    component: Json,
    refs: list[Any],
    resolved: Resolved,
) -> list[str]:
    """Ids of the users, roles or channels chosen by name."""
    kind = component["type"]
    found: list[str] = []
    for value in refs:
        ref = lookup.as_ref(value, component["custom_id"])
        if kind == ComponentKind.CHANNEL_SELECT:
            place = lookup.channel(world, ref, acting=person)
            types = component.get("channel_types")
            if types and int(place.kind) not in types:
                msg = f"#{place.name} is not a channel of the kind asked for"
                raise PersonRefused(msg)
            resolved.channel(place.id)
            found.append(str(place.id))
            continue
        if kind in {ComponentKind.USER_SELECT, ComponentKind.MENTIONABLE_SELECT}:
            try:
                user = lookup.user(world, ref)
            except Unknown:
                if kind == ComponentKind.USER_SELECT:
                    raise
            else:
                resolved.user(user.id)
                found.append(str(user.id))
                continue
        if channel.guild_id is None:
            msg = "there are no roles here"
            raise PersonRefused(msg)
        role = lookup.role(world.guilds[channel.guild_id], ref)
        resolved.role(role.id)
        found.append(str(role.id))
    return found
