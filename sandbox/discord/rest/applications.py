"""/applications: the application and its entitlements. /gateway: the gateway's address."""

from aiohttp import web

from sandbox.discord import errors, payloads
from sandbox.discord.entities import Json
from sandbox.discord.rest.routing import RouteFactory, read_path_id
from sandbox.discord.world import DiscordWorld
from sandbox.error_responses import json_response


def require_application(world: DiscordWorld, request: web.Request) -> None:
    """Raise DiscordError 10002 for another application's id."""
    if read_path_id(request, "application_id") != world.app.id:
        raise errors.DiscordError(404, 10002, "Unknown Application")


def application_payload(world: DiscordWorld) -> Json:
    """Return the application as it sees itself."""
    return {
        "id": str(world.app.id),
        "name": world.app.name,
        "icon": None,
        "description": "",
        "summary": "",
        "type": None,
        "bot": payloads.build_user(world.bot),
        "bot_public": world.app.is_public,
        "bot_require_code_grant": world.app.requires_code_grant,
        "integration_types_config": world.app.install_contexts,
        **world.app.links,
        "verify_key": "0" * 64,
        "flags": world.app_flags(),
        "flags_new": str(world.app_flags()),
        "tags": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": payloads.build_user(world.users[world.app.owner_id]),
        "approximate_guild_count": len(world.guild_ids()),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "rpc_origins": [],
    }


def build_routes(wire: RouteFactory) -> list[web.RouteDef]:
    world = wire.world

    async def get_application(_: web.Request) -> web.Response:
        return json_response(application_payload(world))

    async def get_gateway(_: web.Request) -> web.Response:
        return json_response({"url": _gateway_url(world)})

    async def get_gateway_bot(_: web.Request) -> web.Response:
        limit = world.session_starts.to_payload()
        shards = world.recommended_shards or len(world.guild_ids()) // 1000 + 1
        return json_response(
            {"url": _gateway_url(world), "session_start_limit": limit, "shards": shards}
        )

    async def list_entitlements(request: web.Request) -> web.Response:
        require_application(world, request)
        user_id, guild_id = request.query.get("user_id"), request.query.get("guild_id")
        return json_response(
            [
                item
                for item in world.entitlements
                if user_id in {None, item["user_id"]} and guild_id in {None, item.get("guild_id")}
            ]
        )

    return [
        wire.build_route("GET", "/applications/@me", get_application),
        wire.build_route("GET", "/oauth2/applications/@me", get_application),
        wire.build_route("GET", "/gateway", get_gateway, requires_bot_token=False),
        wire.build_route("GET", "/gateway/bot", get_gateway_bot),
        wire.build_route("GET", "/applications/{application_id}/entitlements", list_entitlements),
    ]


def _gateway_url(world: DiscordWorld) -> str:
    return world.public_base.replace("http", "ws", 1) + "/gateway"
