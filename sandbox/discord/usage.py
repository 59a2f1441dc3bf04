"""People using the bot: commands, menus, buttons, selects, modals and completions.

Only what Discord's client offers can be used: registered commands where they are allowed,
components that are there and enabled, values that are offered, modals that were shown.
"""

from collections.abc import Mapping
from typing import Any

from sandbox.discord import choosing, components, invocation, lookup, modals, options, people
from sandbox.discord.command_rules import CommandKind
from sandbox.discord.commands import Command
from sandbox.discord.components import ComponentKind
from sandbox.discord.errors import Conflict, Forbidden, PersonRefused, Unknown
from sandbox.discord.interaction import Interaction
from sandbox.discord.invocation import Resolved
from sandbox.discord.locales import LOCALES
from sandbox.discord.model import (
    Attachment,
    Channel,
    InteractionKind,
    Json,
    Message,
    User,
)
from sandbox.discord.permissions import EVERYTHING, Permission, names
from sandbox.discord.world import World


async def use_command(
    world: World,
    person: User,
    channel: Channel,
    command: str,
    given: Mapping[str, Any],
    *,
    locale: str | None = None,
    user_install: bool = False,
    focused: str | None = None,
) -> Interaction:
    """A slash command, or with ``focused`` the completion of one of its options.

    Files are given as paths. Raises PersonRefused and its kinds.
    """
    name, *path = command.lstrip("/").split()
    registered = _offered(
        world, person, channel, CommandKind.CHAT_INPUT, name, user_install=user_install
    )
    _check_locale(locale)
    leaf = options.branch(registered, path)
    focused_kind = 3
    if focused is not None:
        option = next((o for o in leaf if o["name"] == focused), None)
        if option is None or not option.get("autocomplete"):
            msg = f"the option {focused!r} has no completion"
            raise PersonRefused(msg)
        focused_kind = option["type"]
    resolved = Resolved(world, channel, person)
    typing = options.Typing(
        world, person, channel, resolved, _Uploading(world, person, channel, resolved).upload
    )
    values = await typing.fill(leaf, given, focused=focused)
    data: Json = {
        "id": str(registered.id),
        "name": registered.name,
        "type": int(registered.kind),
        "options": options.nested(registered, path, values),
    }
    return invocation.begin(
        world,
        InteractionKind.COMMAND if focused is None else InteractionKind.AUTOCOMPLETE,
        person,
        channel,
        resolved.into(_of_guild(registered, data)),
        owners=invocation.owners_of(world, channel, person, user_install=user_install),
        locale=locale,
        command_name=" ".join([name, *path]),
        focused_kind=focused_kind,
    )


def use_menu(
    world: World,
    person: User,
    command: str,
    *,
    target: Message | User,
    channel: Channel,
    locale: str | None = None,
    user_install: bool = False,
) -> Interaction:
    """A context menu's entry on a message or a user. Raises PersonRefused and its kinds."""
    kind = CommandKind.MESSAGE if isinstance(target, Message) else CommandKind.USER
    registered = _offered(world, person, channel, kind, command, user_install=user_install)
    _check_locale(locale)
    resolved = Resolved(world, channel, person)
    if isinstance(target, Message):
        resolved.message(target)
    else:
        resolved.user(target.id)
    data: Json = {
        "id": str(registered.id),
        "name": registered.name,
        "type": int(registered.kind),
        "target_id": str(target.id),
    }
    return invocation.begin(
        world,
        InteractionKind.COMMAND,
        person,
        channel,
        resolved.into(_of_guild(registered, data)),
        owners=invocation.owners_of(world, channel, person, user_install=user_install),
        locale=locale,
        command_name=registered.name,
        target_id=target.id if isinstance(target, Message) else None,
    )


def use_component(
    world: World,
    person: User,
    message: Message,
    custom_id: str,
    values: list[Any] | None,
    *,
    locale: str | None = None,
) -> Interaction:
    """A press of a button or a choice in a select. Raises PersonRefused and its kinds."""
    _check_locale(locale)
    component = components.find(message.components, custom_id)
    if message.author_id != world.bot.id or component is None:
        there = [c["custom_id"] for c in components.walk(message.components) if "custom_id" in c]
        msg = f"the message has no component {custom_id!r}; it has {there}"
        raise Unknown(msg)
    if component.get("disabled"):
        msg = f"{custom_id!r} is disabled"
        raise Conflict(msg)
    channel = world.channels[message.channel_id]
    resolved = Resolved(world, channel, person)
    data: Json = {
        "custom_id": custom_id,
        "component_type": component["type"],
        "id": component["id"],
    }
    if component["type"] == ComponentKind.BUTTON:
        if values:
            msg = "a button takes no values"
            raise PersonRefused(msg)
    else:
        data["values"] = choosing.chosen(world, person, channel, component, values or [], resolved)
    origin = message.origin
    owners = (
        dict(origin.owners)
        if origin
        else invocation.owners_of(world, channel, person, user_install=False)
    )
    return invocation.begin(
        world,
        InteractionKind.COMPONENT,
        person,
        channel,
        resolved.into(data),
        owners=owners,
        locale=locale,
        message=message,
    )


async def submit_modal(
    world: World,
    person: User,
    shown: Interaction,
    fields: Mapping[str, Any],
    *,
    locale: str | None = None,
) -> Interaction:
    """Fills in and submits the modal that an interaction was answered with."""
    _check_locale(locale)
    if shown.modal is None:
        msg = "that interaction was not answered with a modal"
        raise Conflict(msg)
    if shown.user_id != person.id:
        msg = f"the modal was not shown to {person.display_name}"
        raise Forbidden(msg)
    if shown.modal_submitted:
        msg = "the modal has been submitted already"
        raise Conflict(msg)
    channel = world.place(shown.channel_id)
    resolved = Resolved(world, channel, person)
    answers: dict[str, Any] = dict(fields)
    files: dict[str, list[Attachment]] = {}
    uploading = _Uploading(world, person, channel, resolved)
    for component in modals.inputs_of(shown.modal):
        name, kind = component["custom_id"], component["type"]
        if kind == ComponentKind.FILE_UPLOAD and name in answers:
            paths = answers[name] if isinstance(answers[name], list) else [answers[name]]
            for path in paths:
                await uploading.upload(str(path))
            files[name] = uploading.take()
        elif (
            kind in components.SELECTS
            and kind != ComponentKind.STRING_SELECT
            and (answers.get(name) is not None)
        ):
            refs = answers[name] if isinstance(answers[name], list) else [answers[name]]
            answers[name] = choosing.things(world, person, channel, component, refs, resolved)
    parts = modals.submitted(shown.modal, answers, files)
    shown.modal_submitted = True
    message = world.find_message(shown.message_id or 0)
    if message is not None and message.deleted_at is not None:
        message = None
    return invocation.begin(
        world,
        InteractionKind.MODAL,
        person,
        channel,
        resolved.into({"custom_id": shown.modal["custom_id"], "components": parts}),
        owners=dict(shown.owners),
        locale=locale,
        message=message,
        modal_trigger=shown,
    )


class _Uploading:
    """Files that a person hands to a command or modal: uploaded at once, shown as ephemeral."""

    def __init__(self, world: World, person: User, channel: Channel, resolved: Resolved) -> None:
        self._world = world
        self._person = person
        self._channel = channel
        self._resolved = resolved
        self._taken: list[Attachment] = []

    async def upload(self, path: str) -> int:
        attachment, upload = await people.attach(
            self._world, self._person, self._channel, path, ephemeral=True
        )
        attachment.path = self._world.files.keep(upload, attachment.id)
        self._world.attachments[attachment.id] = attachment
        self._resolved.attachment(attachment)
        self._taken.append(attachment)
        return attachment.id

    def take(self) -> list[Attachment]:
        """The files since the last call."""
        taken, self._taken = self._taken, []
        return taken


def _offered(
    world: World,
    person: User,
    channel: Channel,
    kind: CommandKind,
    name: str,
    *,
    user_install: bool,
) -> Command:
    """The command, if the client offers it to this person here. Raises PersonRefused's kinds."""
    guild = world.guilds.get(channel.guild_id) if channel.guild_id is not None else None
    installed = guild.has_bot if guild else channel.recipient_ids == (person.id,)
    if not installed and not user_install:
        msg = f"the app is not installed in {guild.name if guild else 'this conversation'}"
        raise Conflict(msg)
    scope = guild.id if guild and guild.has_bot else None
    command = world.commands.find(scope, kind, name)
    if command is None:
        known = [c.name for c in world.commands.all(None) if c.kind is kind]
        msg = f"there is no command {name!r}; registered are {known}"
        raise Unknown(msg)
    if not channel.kind.holds_messages:
        msg = f"nothing is typed into a {channel.kind.name.lower()}: open a post or go to a channel"
        raise Conflict(msg)
    context = invocation.context_of(channel)
    if not command.usable_in(context):
        msg = f"{name!r} is not offered in this context ({context.name})"
        raise Conflict(msg)
    if not (installed and command.installable_for(user=False)) and not (
        user_install and command.installable_for(user=True)
    ):
        msg = f"{name!r} is not offered to {'user' if user_install else 'guild'} installations"
        raise Conflict(msg)
    if command.body["nsfw"] and guild is not None and not channel.nsfw:
        msg = f"{name!r} is only offered in age-restricted channels"
        raise Conflict(msg)
    lookup.require(
        world, person, channel, Permission.VIEW_CHANNEL | Permission.USE_APPLICATION_COMMANDS
    )
    _require_default_permissions(world, person, channel, command)
    return command


def _require_default_permissions(
    world: World, person: User, channel: Channel, command: Command
) -> None:
    needed = command.default_member_permissions
    if needed is None or channel.guild_id is None:
        return
    held = world.permissions_of(person.id, channel)
    bits = Permission(needed)
    # "0" means nobody but administrators.
    if (needed == 0 and held != EVERYTHING) or bits & ~held:
        wanted = ", ".join(names(bits)) or "ADMINISTRATOR"
        msg = f"{person.display_name} may not use {command.name!r}: it needs {wanted}"
        raise Forbidden(msg)


def _of_guild(command: Command, data: Json) -> Json:
    return data if command.guild_id is None else data | {"guild_id": str(command.guild_id)}


def _check_locale(locale: str | None) -> None:
    if locale is not None and locale not in LOCALES:
        msg = f"{locale!r} is not a locale of Discord's"
        raise PersonRefused(msg)
