"""The bot's first answer to an interaction.

It comes within 3 seconds or not at all, once, and of a kind that fits what the person did: a
message, "thinking", an update of the component's message, choices, or a modal.

Rules: https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from collections.abc import Mapping

from sandbox.discord import errors, messages, showing
from sandbox.discord.drafts import Draft, read_draft
from sandbox.discord.errors import DiscordError
from sandbox.discord.files import Upload
from sandbox.discord.form import Fields
from sandbox.discord.interaction import CallbackKind, Interaction
from sandbox.discord.locales import LOCALES
from sandbox.discord.modals import read_modal
from sandbox.discord.model import (
    InteractionKind,
    Json,
    Message,
    MessageFlag,
    MessageKind,
    Reference,
)
from sandbox.discord.world import World

C = CallbackKind
_ALLOWED = {
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


def find(world: World, interaction_id: int, token: str) -> Interaction:
    """The interaction a callback is for. Raises DiscordError 10062."""
    interaction = world.interactions.get(interaction_id)
    if interaction is None or interaction.token != token:
        raise errors.unknown_interaction()
    return interaction


def require_open(interaction: Interaction, received_at: float) -> None:
    """Whether it can still get a first answer. Raises DiscordError 40060 or 10062."""
    if interaction.acknowledged_at is not None:
        raise DiscordError(400, 40060, "Interaction has already been acknowledged.")
    if interaction.is_late(received_at):
        raise errors.unknown_interaction()


async def answer(
    world: World,
    interaction: Interaction,
    fields: Fields,
    uploads: Mapping[int, Upload],
    *,
    received_at: float,
) -> Json:
    """Takes the first answer and returns what ``with_response`` shows of it.

    ``received_at``: when the request began, unix seconds; a slow upload is no delay of the bot.
    """
    require_open(interaction, received_at)
    allowed: tuple[CallbackKind, ...] = _ALLOWED[interaction.kind]
    if interaction.kind is InteractionKind.MODAL and interaction.message_id is not None:
        allowed = (*allowed, C.DEFERRED_UPDATE, C.UPDATE)
    kind = fields.one_of("type", [int(k) for k in allowed], required=True)
    fields.errors.raise_if_any()
    callback = CallbackKind(kind)
    data = fields.child("data") or Fields({}, fields.errors, ("data",))
    shown: Message | None = None
    if callback in {C.MESSAGE, C.DEFERRED_MESSAGE}:
        shown = await _message(world, interaction, callback, data, uploads)
    elif callback is C.UPDATE:
        shown = await _update(world, interaction, data, uploads)
    elif callback is C.DEFERRED_UPDATE:
        interaction.response_id = interaction.message_id
    elif callback is C.AUTOCOMPLETE:
        choices = _read_choices(data, interaction)
        fields.errors.raise_if_any()
        interaction.choices = choices
    else:
        fields.child("data", required=True)
        modal = read_modal(data)
        fields.errors.raise_if_any()
        interaction.modal = modal
    _acknowledge(interaction, callback, received_at)
    return _response(world, interaction, callback, shown)


async def _message(
    world: World,
    interaction: Interaction,
    callback: CallbackKind,
    data: Fields,
    uploads: Mapping[int, Upload],
) -> Message:
    hidden = wants_ephemeral(interaction, data)
    if callback is C.DEFERRED_MESSAGE:
        data.errors.raise_if_any()
        draft, flags = Draft(), MessageFlag.LOADING
    else:
        draft = await read_draft(world, interaction.channel_id, data, uploads, ephemeral=hidden)
        flags = MessageFlag.NONE
        require_still_open(interaction)
    message = messages.post(
        world,
        world.place(interaction.channel_id),
        world.bot.id,
        draft,
        kind=_message_kind(interaction),
        reference=source(world, interaction),
        origin=interaction.origin(),
        ephemeral_to=interaction.user_id if hidden else None,
        flags=flags,
    )
    interaction.response_id = message.id
    interaction.message_ids.append(message.id)
    interaction.first_follow_up_due = callback is C.DEFERRED_MESSAGE
    return message


async def _update(
    world: World, interaction: Interaction, data: Fields, uploads: Mapping[int, Upload]
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
    require_still_open(interaction)
    messages.edit(world, message, draft)
    interaction.response_id = message.id
    interaction.message_ids.append(message.id)
    return message


def require_still_open(interaction: Interaction) -> None:
    """Another answer may have been taken while this one's files were read."""
    if interaction.acknowledged_at is not None:
        raise DiscordError(400, 40060, "Interaction has already been acknowledged.")


def wants_ephemeral(interaction: Interaction, data: Fields) -> bool:
    """Whether an answer is for the person alone."""
    flags = data.integer("flags", low=0, high=2**31 - 1) or 0
    return interaction.forced_ephemeral or bool(flags & MessageFlag.EPHEMERAL)


def source(world: World, interaction: Interaction) -> Reference | None:
    """The message with the component, to which answers are shown as replies."""
    message = world.find_message(interaction.message_id or 0)
    if message is None:
        return None
    return Reference(message.id, message.channel_id, interaction.guild_id)


def _message_kind(interaction: Interaction) -> MessageKind:
    if interaction.kind is InteractionKind.COMMAND:
        menu = interaction.payload["data"]["type"] != 1
        return MessageKind.CONTEXT_MENU_COMMAND if menu else MessageKind.CHAT_INPUT_COMMAND
    return MessageKind.DEFAULT


def _acknowledge(interaction: Interaction, callback: CallbackKind, at: float) -> None:
    interaction.acknowledged_at = at
    interaction.acknowledged_by = callback
    if interaction.on_acknowledged is not None:
        interaction.on_acknowledged()


def _read_choices(data: Fields, interaction: Interaction) -> list[Json]:
    choices: list[Json] = []
    for item in data.objects("choices", high=25):
        choice: Json = {"name": item.text("name", low=1, high=100, required=True)}
        if interaction.focused_kind == 4:
            choice["value"] = item.integer("value", required=True)
        elif interaction.focused_kind == 10:
            choice["value"] = item.number("value")
        else:
            choice["value"] = item.text("value", low=1, high=100, required=True)
        if (localized := item.child("name_localizations")) is not None:
            for locale in localized.names():
                if locale not in LOCALES:
                    localized.wrong(
                        locale, "ENUM_TYPE_COERCE", f'Value "{locale}" is not a known locale.'
                    )
                localized.text(locale, low=1, high=100)
        choices.append(choice)
    return choices


def _response(
    world: World, interaction: Interaction, callback: CallbackKind, shown: Message | None
) -> Json:
    facts: Json = {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "channel_id": str(interaction.channel_id),
    }
    if interaction.guild_id is not None:
        facts["guild_id"] = str(interaction.guild_id)
    if callback is C.DEFERRED_UPDATE:
        shown = world.find_message(interaction.message_id or 0)
    response: Json = {"interaction": facts}
    if shown is not None:
        # Deferred answers are told of by what they will become.
        update = callback in {C.UPDATE, C.DEFERRED_UPDATE}
        response["resource"] = {
            "type": int(C.UPDATE if update else C.MESSAGE),
            "message": showing.message(world, shown),
        }
        facts |= {
            "response_message_id": str(shown.id),
            "response_message_loading": MessageFlag.LOADING in shown.flags,
            "response_message_ephemeral": shown.ephemeral_to is not None,
        }
    return response
