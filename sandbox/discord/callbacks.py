"""The bot's initial response to an interaction, which it must send within 3 seconds.

Depending on the kind of interaction, it is a message, a deferred one ("thinking…"), an update of
the component's message, autocomplete choices or a modal.

Rules: https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from collections.abc import Mapping

from sandbox.discord import errors, messages, serializers
from sandbox.discord.entities import (
    InteractionKind,
    Json,
    Message,
    MessageFlag,
    MessageKind,
    MessageReference,
)
from sandbox.discord.errors import DiscordError
from sandbox.discord.files import Upload
from sandbox.discord.form_fields import FormFields
from sandbox.discord.interaction import CallbackKind, Interaction
from sandbox.discord.locales import LOCALES
from sandbox.discord.message_builder import MessageDraft, read_draft
from sandbox.discord.modals import read_modal
from sandbox.discord.world import DiscordWorld

C = CallbackKind
_ALLOWED_CALLBACKS = {
    InteractionKind.COMMAND: (C.MESSAGE, C.DEFERRED_MESSAGE, C.MODAL),
    InteractionKind.COMPONENT: (
        C.MESSAGE,
        C.DEFERRED_MESSAGE,
        C.DEFERRED_UPDATE,
        C.UPDATE,
        C.MODAL,
    ),
    InteractionKind.AUTOCOMPLETE: (C.AUTOCOMPLETE,),
    InteractionKind.MODAL: (C.MESSAGE, C.DEFERRED_MESSAGE),
}


def find_callback_interaction(world: DiscordWorld, interaction_id: int, token: str) -> Interaction:
    """Return the interaction that a callback is for. Raises DiscordError 10062."""
    interaction = world.interactions.get(interaction_id)
    if interaction is None or interaction.token != token:
        raise errors.unknown_interaction()
    return interaction


def require_unanswered(interaction: Interaction, received_at: float) -> None:
    """Raise DiscordError 40060 or 10062 if a response is no longer possible."""
    if interaction.acknowledged_at is not None:
        raise DiscordError(400, 40060, "Interaction has already been acknowledged.")
    if interaction.is_late(received_at):
        raise errors.unknown_interaction()


async def answer_interaction(
    world: DiscordWorld,
    interaction: Interaction,
    fields: FormFields,
    uploads: Mapping[int, Upload],
    *,
    received_at: float,
) -> Json:
    """Apply the initial response and return the JSON for ``with_response``.

    ``received_at`` is the time in unix seconds when the request began, because the time for uploads
    does not count.
    """
    require_unanswered(interaction, received_at)
    allowed: tuple[CallbackKind, ...] = _ALLOWED_CALLBACKS[interaction.kind]
    if interaction.kind is InteractionKind.MODAL and interaction.message_id is not None:
        allowed = (*allowed, C.DEFERRED_UPDATE, C.UPDATE)
    kind = fields.one_of("type", [int(k) for k in allowed], required=True)
    fields.errors.raise_if_any()
    callback = CallbackKind(kind)
    data = fields.child_object("data") or FormFields({}, fields.errors, ("data",))
    message: Message | None = None
    if callback in {C.MESSAGE, C.DEFERRED_MESSAGE}:
        message = await _post_response(world, interaction, callback, data, uploads)
    elif callback is C.UPDATE:
        message = await _update_source_message(world, interaction, data, uploads)
    elif callback is C.DEFERRED_UPDATE:
        interaction.response_id = interaction.message_id
    elif callback is C.AUTOCOMPLETE:
        choices = _read_choices(data, interaction)
        fields.errors.raise_if_any()
        interaction.choices = choices
    else:
        fields.child_object("data", required=True)
        modal = read_modal(data)
        fields.errors.raise_if_any()
        interaction.modal = modal
    _mark_acknowledged(interaction, callback, received_at)
    return _build_callback_response(world, interaction, callback, message)


async def _post_response(
    world: DiscordWorld,
    interaction: Interaction,
    callback: CallbackKind,
    data: FormFields,
    uploads: Mapping[int, Upload],
) -> Message:
    ephemeral = wants_ephemeral(interaction, data)
    if callback is C.DEFERRED_MESSAGE:
        data.errors.raise_if_any()
        draft, flags = MessageDraft(), MessageFlag.LOADING
    else:
        draft = await read_draft(world, interaction.channel_id, data, uploads, ephemeral=ephemeral)
        flags = MessageFlag.NONE
        require_still_unanswered(interaction)
    message = messages.post_message(
        world,
        world.require_existing_channel(interaction.channel_id),
        world.bot.id,
        draft,
        kind=_response_message_kind(interaction),
        reference=find_source_message(world, interaction),
        origin=interaction.message_origin(),
        ephemeral_to=interaction.user_id if ephemeral else None,
        flags=flags,
    )
    interaction.response_id = message.id
    interaction.message_ids.append(message.id)
    interaction.first_follow_up_due = callback is C.DEFERRED_MESSAGE
    return message


async def _update_source_message(
    world: DiscordWorld, interaction: Interaction, data: FormFields, uploads: Mapping[int, Upload]
) -> Message:
    message = world.find_message(interaction.message_id or 0)
    if message is None or message.deleted_at is not None:
        raise errors.unknown_message()
    draft = await read_draft(
        world,
        interaction.channel_id,
        data,
        uploads,
        editing=message,
        ephemeral=message.ephemeral_to is not None,
    )
    require_still_unanswered(interaction)
    messages.edit_message(world, message, draft)
    interaction.response_id = message.id
    interaction.message_ids.append(message.id)
    return message


def require_still_unanswered(interaction: Interaction) -> None:
    """Raise DiscordError 40060 if another response arrived while this one's files were read."""
    if interaction.acknowledged_at is not None:
        raise DiscordError(400, 40060, "Interaction has already been acknowledged.")


def wants_ephemeral(interaction: Interaction, data: FormFields) -> bool:
    """Whether a response should only be visible to the person."""
    flags = data.integer("flags", low=0, high=2**31 - 1) or 0
    return interaction.forced_ephemeral or bool(flags & MessageFlag.EPHEMERAL)


def find_source_message(world: DiscordWorld, interaction: Interaction) -> MessageReference | None:
    """Return the message with the component, to which responses are shown as replies."""
    message = world.find_message(interaction.message_id or 0)
    if message is None:
        return None
    return MessageReference(message.id, message.channel_id, interaction.guild_id)


def _response_message_kind(interaction: Interaction) -> MessageKind:
    if interaction.kind is InteractionKind.COMMAND:
        menu = interaction.payload["data"]["type"] != 1
        return MessageKind.CONTEXT_MENU_COMMAND if menu else MessageKind.CHAT_INPUT_COMMAND
    return MessageKind.DEFAULT


def _mark_acknowledged(interaction: Interaction, callback: CallbackKind, at: float) -> None:
    interaction.acknowledged_at = at
    interaction.acknowledged_by = callback
    if interaction.on_acknowledged is not None:
        interaction.on_acknowledged()


def _read_choices(data: FormFields, interaction: Interaction) -> list[Json]:
    choices: list[Json] = []
    for item in data.objects("choices", high=25):
        choice: Json = {"name": item.text("name", low=1, high=100, required=True)}
        if interaction.focused_kind == 4:
            choice["value"] = item.integer("value", required=True)
        elif interaction.focused_kind == 10:
            choice["value"] = item.number("value")
        else:
            choice["value"] = item.text("value", low=1, high=100, required=True)
        if (localized := item.child_object("name_localizations")) is not None:
            for locale in localized.field_names():
                if locale not in LOCALES:
                    localized.add_error(
                        locale, "ENUM_TYPE_COERCE", f'Value "{locale}" is not a known locale.'
                    )
                localized.text(locale, low=1, high=100)
        choices.append(choice)
    return choices


def _build_callback_response(
    world: DiscordWorld, interaction: Interaction, callback: CallbackKind, message: Message | None
) -> Json:
    description: Json = {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "channel_id": str(interaction.channel_id),
    }
    if interaction.guild_id is not None:
        description["guild_id"] = str(interaction.guild_id)
    if callback is C.DEFERRED_UPDATE:
        message = world.find_message(interaction.message_id or 0)
    response: Json = {"interaction": description}
    if message is not None:
        # A deferred response already has its final type.
        update = callback in {C.UPDATE, C.DEFERRED_UPDATE}
        response["resource"] = {
            "type": int(C.UPDATE if update else C.MESSAGE),
            "message": serializers.serialize_message(world, message),
        }
        description |= {
            "response_message_id": str(message.id),
            "response_message_loading": MessageFlag.LOADING in message.flags,
            "response_message_ephemeral": message.ephemeral_to is not None,
        }
    return response
