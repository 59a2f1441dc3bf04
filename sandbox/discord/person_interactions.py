"""People's commands, context menus, buttons, selects, modals and autocompletions.

People can only use what Discord's client offers: commands that are registered and allowed, enabled
components, offered values, and modals that were shown.
"""

from collections.abc import Mapping
from typing import Any

from sandbox.discord import (
    choices,
    command_options,
    components,
    interaction_create,
    lookup,
    modals,
    payloads,
    person_actions,
)
from sandbox.discord.command_rules import CommandKind
from sandbox.discord.commands import ApplicationCommand
from sandbox.discord.components import ComponentKind
from sandbox.discord.entities import (
    Attachment,
    Channel,
    ChannelKind,
    InteractionKind,
    Json,
    Message,
    User,
)
from sandbox.discord.errors import ActionForbidden, ActionRefused, StateConflict, UnknownEntity
from sandbox.discord.interaction import Interaction
from sandbox.discord.interaction_create import ResolvedObjects
from sandbox.discord.locales import LOCALES
from sandbox.discord.permissions import ALL_PERMISSIONS, Permission, permission_names
from sandbox.discord.world import DiscordWorld


async def use_command(
    world: DiscordWorld,
    person: User,
    channel: Channel,
    command: str,
    option_values: Mapping[str, Any],
    *,
    locale: str | None = None,
    user_install: bool = False,
    focused: str | None = None,
) -> Interaction:
    """Use a slash command or, with ``focused``, autocomplete one of its options.

    Files are given as local paths. Raises ActionRefused.
    """
    name, *path = command.lstrip("/").split()
    registered = _find_offered_command(
        world, person, channel, CommandKind.CHAT_INPUT, name, user_install=user_install
    )
    _require_known_locale(locale)
    options = command_options.find_subcommand_options(registered, path)
    focused_kind = 3
    if focused is not None:
        option = next((o for o in options if o["name"] == focused), None)
        if option is None or not option.get("autocomplete"):
            raise ActionRefused(f"the option {focused!r} has no completion")
        focused_kind = option["type"]
    data = _command_data(registered)
    resolved = ResolvedObjects(world, channel, person)
    filler = command_options.OptionFiller(
        world,
        person,
        channel,
        resolved,
        _PersonUploads(world, person, channel, resolved).upload_file,
    )
    values = await filler.fill_options(options, option_values, focused=focused)
    data["options"] = command_options.nest_values(registered, path, values)
    return interaction_create.create_interaction(
        world,
        InteractionKind.COMMAND if focused is None else InteractionKind.AUTOCOMPLETE,
        person,
        channel,
        resolved.add_to(data),
        owners=interaction_create.integration_owners(
            world, channel, person, user_install=user_install
        ),
        locale=locale,
        command_name=" ".join([name, *path]),
        focused_kind=focused_kind,
    )


def use_context_menu(
    world: DiscordWorld,
    person: User,
    command: str,
    *,
    target: Message | User,
    channel: Channel,
    locale: str | None = None,
    user_install: bool = False,
) -> Interaction:
    """Use an entry of a message's or user's context menu. Raises ActionRefused."""
    kind = CommandKind.MESSAGE if isinstance(target, Message) else CommandKind.USER
    registered = _find_offered_command(
        world, person, channel, kind, command, user_install=user_install
    )
    _require_known_locale(locale)
    resolved = ResolvedObjects(world, channel, person)
    if isinstance(target, Message):
        resolved.add_message(target)
    else:
        resolved.add_user(target.id)
    data = _command_data(registered) | {"target_id": str(target.id)}
    return interaction_create.create_interaction(
        world,
        InteractionKind.COMMAND,
        person,
        channel,
        resolved.add_to(data),
        owners=interaction_create.integration_owners(
            world, channel, person, user_install=user_install
        ),
        locale=locale,
        command_name=registered.name,
        target_id=target.id if isinstance(target, Message) else None,
    )


def use_component(
    world: DiscordWorld,
    person: User,
    message: Message,
    custom_id: str,
    values: list[Any] | None,
    *,
    locale: str | None = None,
) -> Interaction:
    """Press a button or choose in a select. Raises ActionRefused."""
    _require_known_locale(locale)
    component = components.find_component(message.components, custom_id)
    if message.author_id != world.bot.id or component is None:
        custom_ids = [
            c["custom_id"]
            for c in components.walk_components(message.components)
            if "custom_id" in c
        ]
        raise UnknownEntity(f"the message has no component {custom_id!r}; it has {custom_ids}")
    if component.get("disabled"):
        raise StateConflict(f"{custom_id!r} is disabled")
    channel = world.channels[message.channel_id]
    resolved = ResolvedObjects(world, channel, person)
    data: Json = {
        "custom_id": custom_id,
        "component_type": component["type"],
        "id": component["id"],
    }
    if component["type"] == ComponentKind.BUTTON:
        if values:
            raise ActionRefused("a button takes no values")
    else:
        data["values"] = choices.choose_values(
            world, person, channel, component, values or [], resolved
        )
    origin = message.origin
    owners = (
        dict(origin.owners)
        if origin
        else interaction_create.integration_owners(world, channel, person, user_install=False)
    )
    return interaction_create.create_interaction(
        world,
        InteractionKind.COMPONENT,
        person,
        channel,
        resolved.add_to(data),
        owners=owners,
        locale=locale,
        message=message,
    )


async def submit_modal(
    world: DiscordWorld,
    person: User,
    trigger: Interaction,
    fields: Mapping[str, Any],
    *,
    locale: str | None = None,
) -> Interaction:
    """Fill in and submit the modal that an interaction showed. Raises ActionRefused."""
    _require_known_locale(locale)
    if trigger.modal is None:
        raise StateConflict("that interaction was not answered with a modal")
    if trigger.user_id != person.id:
        raise ActionForbidden(f"the modal was not shown to {person.display_name}")
    if trigger.modal_submitted:
        raise StateConflict("the modal has been submitted already")
    channel = world.require_existing_channel(trigger.channel_id)
    resolved = ResolvedObjects(world, channel, person)
    values: dict[str, Any] = dict(fields)
    files: dict[str, list[Attachment]] = {}
    uploading = _PersonUploads(world, person, channel, resolved)
    for component in modals.modal_inputs(trigger.modal):
        name, kind = component["custom_id"], component["type"]
        if kind == ComponentKind.FILE_UPLOAD and name in values:
            paths = values[name] if isinstance(values[name], list) else [values[name]]
            for path in paths:
                await uploading.upload_file(str(path))
            files[name] = uploading.take_attachments()
        elif (
            kind in components.SELECT_KINDS
            and kind != ComponentKind.STRING_SELECT
            and (values.get(name) is not None)
        ):
            refs = values[name] if isinstance(values[name], list) else [values[name]]
            values[name] = choices.resolve_choices(
                world, person, channel, component, refs, resolved
            )
    parts = modals.build_submission(trigger.modal, values, files)
    trigger.modal_submitted = True
    message = world.find_message(trigger.message_id or 0)
    if message is not None and message.deleted_at is not None:
        message = None
    return interaction_create.create_interaction(
        world,
        InteractionKind.MODAL,
        person,
        channel,
        resolved.add_to({"custom_id": trigger.modal["custom_id"], "components": parts}),
        owners=dict(trigger.owners),
        locale=locale,
        message=message,
        modal_trigger=trigger,
    )


class _PersonUploads:
    """Uploads a person's files for a command or modal, as ephemeral attachments."""

    def __init__(
        self, world: DiscordWorld, person: User, channel: Channel, resolved: ResolvedObjects
    ) -> None:
        self._world = world
        self._person = person
        self._channel = channel
        self._resolved = resolved
        self._attachments: list[Attachment] = []

    async def upload_file(self, path: str) -> int:
        attachment, upload = await person_actions.attach_file(
            self._world, self._person, self._channel, path, ephemeral=True
        )
        attachment.path = self._world.files.keep_upload(upload, attachment.id)
        self._world.attachments[attachment.id] = attachment
        self._resolved.add_attachment(attachment)
        self._attachments.append(attachment)
        return attachment.id

    def take_attachments(self) -> list[Attachment]:
        """Return the files uploaded since the last call."""
        attachments, self._attachments = self._attachments, []
        return attachments


def list_offered_commands(
    world: DiscordWorld, person: User, channel: Channel
) -> list[ApplicationCommand]:
    """Return the commands and menu entries that Discord's client offers a person in a channel."""
    offered = []
    scopes = [None, channel.guild_id] if channel.guild_id is not None else [None]
    for scope in scopes:
        for command in world.commands.list_commands(scope):
            try:
                found = _find_offered_command(
                    world,
                    person,
                    channel,
                    command.kind,
                    command.name,
                    user_install=person.has_app,
                )
            except ActionRefused:
                continue
            if found is command:  # a server's own command hides the global one of its name
                offered.append(command)
    return offered


def _find_offered_command(
    world: DiscordWorld,
    person: User,
    channel: Channel,
    kind: CommandKind,
    name: str,
    *,
    user_install: bool,
) -> ApplicationCommand:
    """Return a command that the client offers to this person here. Raises ActionRefused."""
    guild = world.find_guild(channel.guild_id)
    installed = guild.has_bot if guild else channel.recipient_ids == (person.id,)
    if not installed and not user_install:
        raise StateConflict(
            f"the app is not installed in {guild.name if guild else 'this conversation'}"
        )
    scope = guild.id if guild and guild.has_bot else None
    command = world.commands.find(scope, kind, name)
    if command is None:
        known = [c.name for c in world.commands.list_commands(None) if c.kind is kind]
        raise UnknownEntity(f"there is no command {name!r}; registered are {known}")
    if not channel.kind.holds_messages:
        raise StateConflict(
            f"nothing is typed into a {channel.kind.name.lower()}: open a post or go to a channel"
        )
    context = interaction_create.interaction_context(channel)
    if not command.is_usable_in(context):
        raise StateConflict(f"{name!r} is not offered in this context ({context.name})")
    if not (installed and command.is_installable_for(user=False)) and not (
        user_install and command.is_installable_for(user=True)
    ):
        raise StateConflict(
            f"{name!r} is not offered to {'user' if user_install else 'guild'} installations"
        )
    if command.body["nsfw"]:
        _require_age_restriction(person, channel, name)
    lookup.require_permissions(
        world, person, channel, Permission.VIEW_CHANNEL | Permission.USE_APPLICATION_COMMANDS
    )
    _require_default_permissions(world, person, channel, command)
    return command


def _require_age_restriction(person: User, channel: Channel, name: str) -> None:
    """Raise StateConflict where Discord does not offer age-restricted commands.

    In a direct message of the bot it offers them to adults who allow that, elsewhere in
    age-restricted channels only
    (https://docs.discord.com/developers/interactions/application-commands#agerestricted-commands).
    """
    if channel.kind is ChannelKind.DM:
        if not person.allows_age_restricted:
            raise StateConflict(
                f"{name!r} is age-restricted, and {person.display_name} has not allowed such"
                " commands in direct messages"
            )
    elif not channel.nsfw:
        raise StateConflict(f"{name!r} is only offered in age-restricted channels")


def _require_default_permissions(
    world: DiscordWorld, person: User, channel: Channel, command: ApplicationCommand
) -> None:
    needed = command.default_member_permissions
    if needed is None or channel.guild_id is None:
        return
    granted = world.permissions_of(person.id, channel)
    required = Permission(needed)
    # "0" means administrators only.
    if (needed == 0 and granted != ALL_PERMISSIONS) or required & ~granted:
        names = ", ".join(permission_names(required)) or "ADMINISTRATOR"
        raise ActionForbidden(
            f"{person.display_name} may not use {command.name!r}: it needs {names}"
        )


def _command_data(command: ApplicationCommand) -> Json:
    data: Json = {"id": str(command.id), "name": command.name, "type": int(command.kind)}
    return payloads.add_guild_id(data, command.guild_id)


def _require_known_locale(locale: str | None) -> None:
    if locale is not None and locale not in LOCALES:
        raise ActionRefused(f"{locale!r} is not a locale of Discord's")
