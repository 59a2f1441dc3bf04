"""Reactions to messages.

Rules: https://docs.discord.com/developers/resources/message#create-reaction
"""

from sandbox.discord import errors, payloads
from sandbox.discord.changes import MessageChanged
from sandbox.discord.entities import Emoji, Json, Message, Reaction
from sandbox.discord.errors import DiscordError
from sandbox.discord.events import Intents
from sandbox.discord.interactive_components import is_unicode_emoji
from sandbox.discord.world import DiscordWorld

MAX_REACTIONS = 20
NORMAL_TYPE, SUPER_TYPE = 0, 1


def parse_emoji(text: str) -> Emoji:
    """Return an emoji from a URL: unicode, or ``name:id``. Raises DiscordError 10014."""
    name, colon, number = text.partition(":")
    if colon and number.isdecimal() and name:
        return Emoji(name, int(number))
    if not is_unicode_emoji(text):
        raise errors.unknown_emoji()
    return Emoji(text)


def find_reaction(message: Message, emoji: Emoji) -> Reaction | None:
    """Return the message's reaction with this emoji, if any."""
    for reaction in message.reactions:
        same_name = reaction.emoji.id is None and reaction.emoji.name == emoji.name
        if reaction.emoji.id == emoji.id and (emoji.id is not None or same_name):
            return reaction
    return None


def add_reaction(
    world: DiscordWorld, message: Message, user_id: int, emoji: Emoji, *, is_super: bool = False
) -> None:
    """Add a reaction, once per user and kind. Raises DiscordError 30010 for too many emoji."""
    reaction = find_reaction(message, emoji)
    if reaction is None:
        if len(message.reactions) >= MAX_REACTIONS:
            raise DiscordError(400, 30010, f"Maximum number of reactions reached ({MAX_REACTIONS})")
        reaction = Reaction(emoji)
        message.reactions.append(reaction)
    users = reaction.users_of(is_super=is_super)
    if user_id in users:
        return
    users.append(user_id)
    _announce_reaction(world, "MESSAGE_REACTION_ADD", message, user_id, emoji, is_super=is_super)


def remove_reaction(
    world: DiscordWorld, message: Message, user_id: int, emoji: Emoji, *, is_super: bool = False
) -> None:
    """Remove a user's reaction of a kind. Raises DiscordError 10014 if there is none."""
    reaction = find_reaction(message, emoji)
    if reaction is None or user_id not in reaction.users_of(is_super=is_super):
        raise errors.unknown_emoji()
    reaction.users_of(is_super=is_super).remove(user_id)
    if not reaction.user_ids and not reaction.super_user_ids:
        message.reactions.remove(reaction)
    _announce_reaction(world, "MESSAGE_REACTION_REMOVE", message, user_id, emoji, is_super=is_super)


def clear_reactions(world: DiscordWorld, message: Message, emoji: Emoji | None = None) -> None:
    """Remove all reactions, or all of one emoji."""
    message.reactions = (
        []
        if emoji is None
        else [r for r in message.reactions if r is not find_reaction(message, emoji)]
    )
    event = "MESSAGE_REACTION_REMOVE_ALL" if emoji is None else "MESSAGE_REACTION_REMOVE_EMOJI"
    payload: Json = {} if emoji is None else {"emoji": payloads.build_emoji(emoji)}
    _publish_reaction_event(world, event, message, payload)


def _announce_reaction(
    world: DiscordWorld,
    event: str,
    message: Message,
    user_id: int,
    emoji: Emoji,
    *,
    is_super: bool,
) -> None:
    payload: Json = {
        "user_id": str(user_id),
        "emoji": payloads.build_emoji(emoji),
        "burst": is_super,
        "type": SUPER_TYPE if is_super else NORMAL_TYPE,
    }
    if is_super and event == "MESSAGE_REACTION_ADD":
        payload["burst_colors"] = ["#ffffff"]
    guild_id = world.channels[message.channel_id].guild_id
    if event == "MESSAGE_REACTION_ADD":
        payload["message_author_id"] = str(message.author_id)
        if guild_id is not None:
            payload["member"] = payloads.build_member(
                world.guilds[guild_id].members[user_id], world.users[user_id]
            )
    _publish_reaction_event(world, event, message, payload)


def _publish_reaction_event(
    world: DiscordWorld, event: str, message: Message, payload: Json
) -> None:
    world.changes.publish(MessageChanged(message))
    channel = world.channels[message.channel_id]
    if not world.can_bot_see(channel):
        return
    payload |= {"message_id": str(message.id), "channel_id": str(channel.id)}
    world.publish_event(
        event,
        payloads.add_guild_id(payload, channel.guild_id),
        guild_id=channel.guild_id,
        intents=Intents.DIRECT_MESSAGE_REACTIONS
        if channel.guild_id is None
        else Intents.GUILD_MESSAGE_REACTIONS,
    )
