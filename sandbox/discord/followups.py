"""What the bot says after its first answer, with the interaction's token.

Fifteen minutes, no permissions needed, and only this interaction's own messages. The first
follow-up after "thinking" takes its place; a user-installed app has five.

Rules: https://docs.discord.com/developers/interactions/receiving-and-responding#followup-messages
"""

from collections.abc import Mapping

from sandbox.discord import callbacks, errors, messages
from sandbox.discord.drafts import read_draft
from sandbox.discord.errors import DiscordError
from sandbox.discord.files import Upload
from sandbox.discord.form import Fields
from sandbox.discord.interaction import USER_INSTALL_FOLLOW_UPS, Interaction
from sandbox.discord.model import InteractionKind, Message, Reference
from sandbox.discord.world import World


def find(world: World, webhook_id: int, token: str) -> Interaction:
    """The acknowledged interaction of a token. Raises DiscordError 10015 or 50027."""
    if webhook_id != world.app.id:
        raise errors.unknown_webhook()
    interaction = world.interactions_by_token.get(token)
    if interaction is None or interaction.is_expired(world.clock.now()):
        raise DiscordError(401, 50027, "Invalid Webhook Token")
    unanswered = interaction.acknowledged_at is None
    if unanswered or interaction.kind is InteractionKind.AUTOCOMPLETE:
        raise errors.unknown_webhook()
    return interaction


def message_of(world: World, interaction: Interaction, which: str) -> Message:
    """``@original`` or one of the interaction's messages by id. Raises DiscordError 10008."""
    if which == "@original":
        message_id = interaction.response_id
    else:
        message_id = int(which) if which.isdecimal() else None
        if message_id not in {*interaction.message_ids, interaction.response_id}:
            message_id = None
    message = None
    if message_id is not None:
        message = world.messages.get(interaction.channel_id, {}).get(message_id)
    if message is None or message.deleted_at is not None:
        raise errors.unknown_message()
    return message


async def follow_up(
    world: World, interaction: Interaction, fields: Fields, uploads: Mapping[int, Upload]
) -> Message:
    """A further message, or the one that "thinking" announced."""
    if interaction.first_follow_up_due:
        message = message_of(world, interaction, "@original")
        return await edit(world, interaction, message, fields, uploads)
    _require_follow_up_left(interaction)
    hidden = callbacks.wants_ephemeral(interaction, fields)
    draft = await read_draft(world, interaction.channel_id, fields, uploads, ephemeral=hidden)
    _require_follow_up_left(interaction)
    interaction.follow_ups += 1
    message = messages.post(
        world,
        world.place(interaction.channel_id),
        world.bot.id,
        draft,
        reference=_original(world, interaction) or callbacks.source(world, interaction),
        origin=interaction.origin(interaction.response_id),
        ephemeral_to=interaction.user_id if hidden else None,
    )
    interaction.message_ids.append(message.id)
    return message


async def edit(
    world: World,
    interaction: Interaction,
    message: Message,
    fields: Fields,
    uploads: Mapping[int, Upload],
) -> Message:
    """Changes one of the interaction's messages."""
    draft = await read_draft(
        world,
        interaction.channel_id,
        fields,
        uploads,
        editing=message,
        ephemeral=message.ephemeral_to is not None,
    )
    if message.deleted_at is not None:
        raise errors.unknown_message()
    messages.edit(world, message, draft)
    if message.id == interaction.response_id:
        interaction.first_follow_up_due = False
    if message.id not in interaction.message_ids:
        interaction.message_ids.append(message.id)
    return message


def delete(world: World, interaction: Interaction, message: Message) -> None:
    """Removes one of the interaction's messages."""
    messages.delete(world, message)
    if message.id == interaction.response_id:
        interaction.first_follow_up_due = False


def _require_follow_up_left(interaction: Interaction) -> None:
    if interaction.is_user_install and interaction.follow_ups >= USER_INSTALL_FOLLOW_UPS:
        raise DiscordError(
            400, 40094, "This interaction has reached the maximum number of follow-up messages"
        )


def _original(world: World, interaction: Interaction) -> Reference | None:
    original = world.messages.get(interaction.channel_id, {}).get(interaction.response_id or 0)
    if original is None or original.deleted_at is not None:
        return None
    return Reference(original.id, original.channel_id, interaction.guild_id)
