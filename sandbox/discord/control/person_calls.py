"""What people do, from the JSON of a call: the control API and the page share it."""

from sandbox.discord import lookup, person_actions, person_interactions, rich_messages
from sandbox.discord.control.requests import ControlBody
from sandbox.discord.entities import Channel, Message, User
from sandbox.discord.errors import ActionRefused, StateConflict
from sandbox.discord.interaction import Interaction
from sandbox.discord.rich_messages import RichParts
from sandbox.discord.world import DiscordWorld


class PersonCalls:
    """Acts as the person in a call's ``user``. Refusals are raised as ActionRefused."""

    def __init__(self, world: DiscordWorld) -> None:
        self._world = world

    async def use_command(self, body: ControlBody, *, focused: str | None = None) -> Interaction:
        """Use a slash command or, with ``focused``, ask for the choices of an option."""
        person = self._find_actor(body)
        return await person_interactions.use_command(
            self._world,
            person,
            self._find_channel(body, person),
            body.text_value("command"),
            {**body.object_value("options"), **body.object_value("attachments")},
            locale=body.optional_text("locale"),
            user_install=body.flag_value("user_install", default=person.has_app),
            focused=focused,
        )

    def use_context_menu(self, body: ControlBody) -> Interaction:
        """Use a command of the menu of a ``message`` or a user (``target``)."""
        person = self._find_actor(body)
        target: Message | User
        if "message" in body:
            target = lookup.find_visible_message(self._world, body.reference("message"), person)
            channel = self._find_channel(body, person, default=self._channel_of(target))
            if self._channel_of(target) is not channel:
                raise ActionRefused("the message is in another channel")
        else:
            target = lookup.find_user(self._world, body.reference("target"))
            channel = self._find_channel(body, person)
        return person_interactions.use_context_menu(
            self._world,
            person,
            body.text_value("command"),
            target=target,
            channel=channel,
            locale=body.optional_text("locale"),
            user_install=body.flag_value("user_install", default=person.has_app),
        )

    def use_component(self, body: ControlBody) -> Interaction:
        """Press a button or choose in a select."""
        person = self._find_actor(body)
        return person_interactions.use_component(
            self._world,
            person,
            lookup.find_visible_message(self._world, body.reference("message"), person),
            body.text_value("custom_id"),
            body.list_value("values"),
            locale=body.optional_text("locale"),
        )

    async def submit_modal(self, body: ControlBody) -> Interaction:
        """Submit the modal that an interaction was answered with."""
        trigger = lookup.find_interaction(self._world, body.reference("interaction"))
        return await person_interactions.submit_modal(
            self._world,
            self._find_actor(body),
            trigger,
            body.object_value("fields"),
            locale=body.optional_text("locale"),
        )

    async def post_message(self, body: ControlBody) -> Message:
        """Write a message; other bots and webhooks may, too."""
        author = self._find_author(body)
        reply_to = None
        if "reply_to" in body:
            reply_to = lookup.find_visible_message(self._world, body.reference("reply_to"), author)
        default = self._channel_of(reply_to) if reply_to else None
        return await person_actions.post_as_person(
            self._world,
            author,
            self._find_channel(body, author, default=default),
            body.text_value("content", ""),
            reply_to=reply_to,
            ping=body.flag_value("ping", default=True),
            paths=[str(path) for path in body.list_value("attachments")],
            parts=self._read_parts(body, author),
        )

    def edit_message(self, body: ControlBody, ref: str) -> Message:
        """Edit the person's own message."""
        person = self._find_actor(body)
        message = lookup.find_visible_message(self._world, ref, person)
        person_actions.edit_as_person(self._world, person, message, body.text_value("content"))
        return message

    def delete_message(self, body: ControlBody, ref: str) -> Message:
        """Delete a message that the person may delete."""
        person = self._find_actor(body)
        message = lookup.find_visible_message(self._world, ref, person)
        person_actions.delete_as_person(self._world, person, message)
        return message

    def change_reaction(self, body: ControlBody) -> Message:
        """Add or remove a reaction."""
        person = self._find_author(body)
        message = lookup.find_visible_message(self._world, body.reference("message"), person)
        person_actions.react_as_person(
            self._world,
            person,
            message,
            body.text_value("emoji"),
            is_removal=body.flag_value("remove"),
            is_super=body.flag_value("super"),
        )
        return message

    async def open_thread(self, body: ControlBody) -> Channel:
        """Open a thread, or a post of a forum."""
        person = self._find_actor(body)
        source = None
        if "message" in body:
            source = lookup.find_visible_message(self._world, body.reference("message"), person)
        default = self._channel_of(source) if source else None
        return await person_actions.open_thread_as_person(
            self._world,
            person,
            self._find_channel(body, person, default=default),
            body.text_value("name"),
            source=source,
            private=body.flag_value("private"),
            content=body.text_value("content", ""),
            paths=[str(path) for path in body.list_value("attachments")],
            tags=[str(tag) for tag in body.list_value("tags")],
        )

    def _find_author(self, body: ControlBody) -> User:
        author = lookup.find_user(self._world, body.reference("user"))
        if author is self._world.bot:
            raise ActionRefused("the bot acts by itself")
        return author

    def _find_actor(self, body: ControlBody) -> User:
        person = self._find_author(body)
        if person.bot:
            raise ActionRefused("only people use commands, buttons, forms and threads")
        return person

    def _find_channel(
        self, body: ControlBody, person: User, *, default: Channel | None = None
    ) -> Channel:
        if "channel" not in body and default is not None:
            return default
        within = (
            lookup.find_guild(self._world, body.reference("guild")) if "guild" in body else None
        )
        channel = lookup.find_channel(
            self._world,
            body.reference("channel"),
            acting=None if person.webhook else person,
            within=within,
        )
        if channel.guild_id is None and person.id not in channel.recipient_ids:
            raise StateConflict(f"{person.display_name} is not part of that conversation")
        return channel

    def _channel_of(self, message: Message) -> Channel:
        return self._world.channels[message.channel_id]

    def _read_parts(self, body: ControlBody, author: User) -> RichParts:
        forward = None
        if "forward" in body:
            forward = lookup.find_visible_message(self._world, body.reference("forward"), author)
        return RichParts(
            poll=rich_messages.read_poll(self._world, body.object_value("poll"))
            if "poll" in body
            else None,
            stickers=rich_messages.read_stickers(self._world, body.list_value("stickers")),
            forward=forward,
            is_voice=body.flag_value("voice"),
        )
