"""The page's API: reading as a person, and acting as one by the code of the control API.

A call that Discord's client would refuse is answered as in the control API, with ``error`` and
``message``. Files are uploaded first and named by their tokens.
"""

from pathlib import Path
from typing import Any, Final

from aiohttp import web

from sandbox.discord import lookup, person_interactions
from sandbox.discord.control.person_calls import PersonCalls
from sandbox.discord.control.requests import ControlBody, read_control_body
from sandbox.discord.entities import Channel, Json, Message, User
from sandbox.discord.errors import ActionRefused, DiscordError
from sandbox.discord.gateway import Gateway
from sandbox.discord.interaction import Interaction, wait_for_acknowledgement
from sandbox.discord.permissions import Permission
from sandbox.discord.world import DiscordWorld
from sandbox.error_responses import json_response
from sandbox.play import views
from sandbox.play.pages import PlayPages
from sandbox.play.socket import PlaySockets
from sandbox.play.uploads import PlayUploads
from sandbox.request_log import Handler, RequestLog

_SHOWN_MESSAGES: Final = 100


class Play:
    """The page, its API and its WebSockets over one world. ``folder`` keeps uploads."""

    def __init__(
        self,
        world: DiscordWorld,
        gateway: Gateway,
        request_log: RequestLog,
        *,
        base: str,
        folder: Path,
    ) -> None:
        self._world = world
        self._calls = PersonCalls(world)
        self._uploads = PlayUploads(folder)
        self._pages = PlayPages(base)
        self._sockets = PlaySockets(world, gateway, request_log)

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes, to be mounted at the root."""
        return [
            *self._pages.build_routes(),
            web.get("/play/socket", self._open_socket),
            _route("GET", "/people", self._list_people),
            _route("GET", "/channels/{channel}/messages", self._list_messages),
            _route("GET", "/channels/{channel}/commands", self._list_commands),
            _route("POST", "/files", self._upload_file),
            _route("POST", "/commands", self._use_command),
            _route("POST", "/autocomplete", self._autocomplete_option),
            _route("POST", "/context-menus", self._use_context_menu),
            _route("POST", "/components", self._use_component),
            _route("POST", "/modals", self._submit_modal),
            _route("POST", "/messages", self._post_message),
            _route("PATCH", "/messages/{message}", self._edit_message),
            _route("DELETE", "/messages/{message}", self._delete_message),
            _route("POST", "/reactions", self._change_reaction),
            _route("POST", "/threads", self._open_thread),
            _route("POST", "/conversations", self._open_conversation),
        ]

    async def close(self) -> None:
        """Close all WebSockets."""
        await self._sockets.close()

    async def _open_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._sockets.serve(request, self._find_person(request))

    async def _list_people(self, request: web.Request) -> web.Response:
        people = views.list_people(self._world)
        return json_response([{"id": str(user.id), "name": user.display_name} for user in people])

    async def _list_messages(self, request: web.Request) -> web.Response:
        person = self._find_person(request)
        channel = self._find_channel(request, person)
        lookup.require_permissions(
            self._world, person, channel, Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
        )
        shown = [
            message
            for message in self._world.messages.get(channel.id, {}).values()
            if message.deleted_at is None and message.ephemeral_to in {None, person.id}
        ]
        return json_response(
            [
                views.view_message(self._world, person, message)
                for message in shown[-_SHOWN_MESSAGES:]
            ]
        )

    async def _list_commands(self, request: web.Request) -> web.Response:
        person = self._find_person(request)
        channel = self._find_channel(request, person)
        commands = person_interactions.list_offered_commands(self._world, person, channel)
        return json_response([command.to_payload() for command in commands])

    async def _upload_file(self, request: web.Request) -> web.Response:
        name = request.query.get("name", "")
        return json_response({"file": await self._uploads.keep(request, name)})

    async def _use_command(self, request: web.Request) -> web.Response:
        body = await self._read_body(request)
        return await self._answer_interaction(await self._calls.use_command(body))

    async def _autocomplete_option(self, request: web.Request) -> web.Response:
        body = await self._read_body(request)
        focused = body.text_value("focused")
        return await self._answer_interaction(await self._calls.use_command(body, focused=focused))

    async def _use_context_menu(self, request: web.Request) -> web.Response:
        body = await self._read_body(request)
        return await self._answer_interaction(self._calls.use_context_menu(body))

    async def _use_component(self, request: web.Request) -> web.Response:
        body = await self._read_body(request)
        return await self._answer_interaction(self._calls.use_component(body))

    async def _submit_modal(self, request: web.Request) -> web.Response:
        body = await self._read_body(request)
        return await self._answer_interaction(await self._calls.submit_modal(body))

    async def _post_message(self, request: web.Request) -> web.Response:
        return self._answer_message(await self._calls.post_message(await self._read_body(request)))

    async def _edit_message(self, request: web.Request) -> web.Response:
        body = await self._read_body(request)
        return self._answer_message(self._calls.edit_message(body, request.match_info["message"]))

    async def _delete_message(self, request: web.Request) -> web.Response:
        body = await self._read_body(request)
        return self._answer_message(self._calls.delete_message(body, request.match_info["message"]))

    async def _change_reaction(self, request: web.Request) -> web.Response:
        return self._answer_message(self._calls.change_reaction(await self._read_body(request)))

    async def _open_thread(self, request: web.Request) -> web.Response:
        thread = await self._calls.open_thread(await self._read_body(request))
        return json_response({"channel": str(thread.id)})

    async def _open_conversation(self, request: web.Request) -> web.Response:
        """Open the person's direct messages with the bot."""
        body = await self._read_body(request)
        person = lookup.find_user(self._world, body.reference("user"))
        return json_response({"channel": str(self._world.get_direct_channel(person.id).id)})

    async def _read_body(self, request: web.Request) -> ControlBody:
        """Return the body with paths in place of the tokens of uploaded files."""
        body = await read_control_body(request)
        fields: dict[str, Any] = dict(body.fields)
        attachments = fields.get("attachments")
        if isinstance(attachments, dict):
            fields["attachments"] = {
                name: self._uploads.find_path(token) for name, token in attachments.items()
            }
        elif attachments is not None:
            fields["attachments"] = [
                self._uploads.find_path(token) for token in body.list_value("attachments")
            ]
        answers = body.object_value("fields")
        for name, tokens in body.object_value("files").items():
            answers[name] = [self._uploads.find_path(token) for token in tokens]
        return ControlBody(fields | ({"fields": answers} if answers else {}))

    async def _answer_interaction(self, interaction: Interaction) -> web.Response:
        """Answer with what the bot did, or after 3 seconds with the state "failed"."""
        await wait_for_acknowledgement(interaction, self._world.clock)
        view: Json = views.view_interaction(self._world, interaction)
        return json_response({"interaction": view})

    def _answer_message(self, message: Message) -> web.Response:
        return json_response({"message": str(message.id)})

    def _find_person(self, request: web.Request) -> User:
        person = lookup.find_user(self._world, request.query.get("user", ""))
        if person.bot:
            raise ActionRefused("only people have a client")
        return person

    def _find_channel(self, request: web.Request, person: User) -> Channel:
        return lookup.find_channel(self._world, request.match_info["channel"], acting=person)


def _route(method: str, path: str, handler: Handler) -> web.RouteDef:
    async def handle_request(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except DiscordError as refusal:
            return json_response({"error": "discord", **refusal.to_json()}, refusal.status)

    return web.route(method, "/play/api" + path, handle_request)
