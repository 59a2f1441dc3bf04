"""Messages after the initial response, sent with the interaction's token.

The token is valid for 15 minutes. It needs no permissions, and only works for the interaction's own
messages. The first follow-up after a deferred response replaces it. A user-installed app can send
five follow-ups.

Rules: https://docs.discord.com/developers/interactions/receiving-and-responding#followup-messages
"""

from collections.abc import Mapping

from sandbox.discord import callbacks, errors, messages
from sandbox.discord.entities import InteractionKind, Message, MessageReference
from sandbox.discord.errors import DiscordError
from sandbox.discord.files import Upload
from sandbox.discord.form_fields import FormFields
from sandbox.discord.interaction import MAX_USER_INSTALL_FOLLOW_UPS, Interaction
from sandbox.discord.message_builder import read_draft
from sandbox.discord.world import DiscordWorld


def find_acknowledged_interaction(world: DiscordWorld, webhook_id: int, token: str) -> Interaction:
    """Return the acknowledged interaction of a token. Raises DiscordError 10015 or 50027."""
    if webhook_id != world.app.id:
        raise errors.unknown_webhook()
    interaction = world.interactions_by_token.get(token)
    if interaction is None or interaction.is_expired(world.clock.now()):
        raise DiscordError(401, 50027, "Invalid Webhook Token")
    unanswered = interaction.acknowledged_at is None
    if unanswered or interaction.kind is InteractionKind.AUTOCOMPLETE:
        raise errors.unknown_webhook()
    return interaction


def find_response_message(world: DiscordWorld, interaction: Interaction, which: str) -> Message:
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


async def post_follow_up(
    world: DiscordWorld, interaction: Interaction, fields: FormFields, uploads: Mapping[int, Upload]
) -> Message:
    """Post a further message, or the deferred one if it is still missing."""
    if interaction.first_follow_up_due:
        message = find_response_message(world, interaction, "@original")
        return await edit_response_message(world, interaction, message, fields, uploads)
    _require_follow_up_left(interaction)
    ephemeral = callbacks.wants_ephemeral(interaction, fields)
    draft = await read_draft(world, interaction.channel_id, fields, uploads, ephemeral=ephemeral)
    _require_follow_up_left(interaction)
    interaction.follow_ups += 1
    message = messages.post_message(
        world,
        world.require_existing_channel(interaction.channel_id),
        world.bot.id,
        draft,
        reference=_original_reference(world, interaction)
        or callbacks.find_source_message(world, interaction),
        origin=interaction.message_origin(interaction.response_id),
        ephemeral_to=interaction.user_id if ephemeral else None,
    )
    interaction.message_ids.append(message.id)
    return message


async def edit_response_message(
    world: DiscordWorld,
    interaction: Interaction,
    message: Message,
    fields: FormFields,
    uploads: Mapping[int, Upload],
) -> Message:
    """Change one of the interaction's messages."""
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
    messages.edit_message(world, message, draft)
    if message.id == interaction.response_id:
        interaction.first_follow_up_due = False
    if message.id not in interaction.message_ids:
        interaction.message_ids.append(message.id)
    return message


def delete_response_message(
    world: DiscordWorld, interaction: Interaction, message: Message
) -> None:
    """Remove one of the interaction's messages."""
    messages.delete_message(world, message)
    if message.id == interaction.response_id:
        interaction.first_follow_up_due = False


def _require_follow_up_left(interaction: Interaction) -> None:
    if interaction.is_user_install and interaction.follow_ups >= MAX_USER_INSTALL_FOLLOW_UPS:
        raise DiscordError(
            400, 40094, "This interaction has reached the maximum number of follow-up messages"
        )


def _original_reference(world: DiscordWorld, interaction: Interaction) -> MessageReference | None:
    original = world.messages.get(interaction.channel_id, {}).get(interaction.response_id or 0)
    if original is None or original.deleted_at is not None:
        return None
    return MessageReference(original.id, original.channel_id, interaction.guild_id)
