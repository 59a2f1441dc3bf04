"""Routes that act as people: commands, menus, components, modals, messages, reactions, threads."""

from aiohttp import web

from sandbox.discord.control import views
from sandbox.discord.control.person_calls import PersonCalls
from sandbox.discord.control.requests import ControlBody, build_route, read_control_body
from sandbox.discord.entities import Message
from sandbox.discord.interaction import Interaction, wait_for_acknowledgement
from sandbox.discord.world import DiscordWorld
from sandbox.error_responses import json_response


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    calls = PersonCalls(world)

    def interaction_response(interaction: Interaction) -> web.Response:
        return json_response({"interaction": views.view_interaction(world, interaction)})

    def message_response(message: Message) -> web.Response:
        return json_response({"message": views.view_message(world, message)})

    async def use_command(request: web.Request) -> web.Response:
        return interaction_response(await calls.use_command(await read_control_body(request)))

    async def use_context_menu(request: web.Request) -> web.Response:
        return interaction_response(calls.use_context_menu(await read_control_body(request)))

    async def use_component(request: web.Request) -> web.Response:
        return interaction_response(calls.use_component(await read_control_body(request)))

    async def submit_modal(request: web.Request) -> web.Response:
        return interaction_response(await calls.submit_modal(await read_control_body(request)))

    async def autocomplete_option(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        interaction = await calls.use_command(body, focused=body.text_value("focused"))
        await wait_for_acknowledgement(interaction, world.clock)
        view = views.view_interaction(world, interaction)
        return json_response({"choices": view.get("choices", []), "interaction": view})

    async def post_message(request: web.Request) -> web.Response:
        return message_response(await calls.post_message(await read_control_body(request)))

    async def edit_message(request: web.Request) -> web.Response:
        body = await read_control_body(request)
        return message_response(calls.edit_message(body, request.match_info["message"]))

    async def delete_message(request: web.Request) -> web.Response:
        body = (
            ControlBody(dict(request.query)) if request.query else await read_control_body(request)
        )
        return message_response(calls.delete_message(body, request.match_info["message"]))

    async def change_reaction(request: web.Request) -> web.Response:
        return message_response(calls.change_reaction(await read_control_body(request)))

    async def open_thread(request: web.Request) -> web.Response:
        thread = await calls.open_thread(await read_control_body(request))
        return json_response({"channel": views.view_channel(world, thread)})

    return [
        build_route("POST", "/commands", use_command),
        build_route("POST", "/context-menus", use_context_menu),
        build_route("POST", "/components", use_component),
        build_route("POST", "/modals", submit_modal),
        build_route("POST", "/autocomplete", autocomplete_option),
        build_route("POST", "/messages", post_message),
        build_route("PATCH", "/messages/{message}", edit_message),
        build_route("DELETE", "/messages/{message}", delete_message),
        build_route("POST", "/reactions", change_reaction),
        build_route("POST", "/threads", open_thread),
    ]
