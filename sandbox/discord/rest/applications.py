"""The application itself, the gateway's address, and entitlements."""

from aiohttp import web

from sandbox.discord import errors, payloads
from sandbox.discord.model import Json
from sandbox.discord.rest.wire import Wire, path_id, reply
from sandbox.discord.world import World


def require_application(world: World, request: web.Request) -> None:
    """Raises DiscordError 20012 or 10002 for another application's id."""
    if path_id(request, "application_id") != world.app.id:
        raise errors.DiscordError(404, 10002, "Unknown Application")


def application(world: World) -> Json:
    """The application as it sees itself."""
    return {
        "id": str(world.app.id),
        "name": world.app.name,
        "icon": None,
        "description": "",
        "summary": "",
        "type": None,
        "bot": payloads.user(world.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "integration_types_config": {"0": {}, "1": {}},
        "verify_key": "0" * 64,
        "flags": world.app_flags(),
        "flags_new": str(world.app_flags()),
        "tags": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": payloads.user(world.users[world.app.owner_id]),
        "approximate_guild_count": len(world.guild_ids()),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "rpc_origins": [],
    }


def routes(wire: Wire) -> list[web.RouteDef]:
    world = wire.world

    async def me(_: web.Request) -> web.Response:
        return reply(application(world))

    async def gateway(_: web.Request) -> web.Response:
        return reply({"url": _gateway_url(world)})

    async def gateway_bot(_: web.Request) -> web.Response:
        limit = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1}
        shards = len(world.guild_ids()) // 1000 + 1
        return reply({"url": _gateway_url(world), "session_start_limit": limit, "shards": shards})

    async def entitlements(request: web.Request) -> web.Response:
        require_application(world, request)
        user_id, guild_id = request.query.get("user_id"), request.query.get("guild_id")
        return reply(
            [
                item
                for item in world.entitlements
                if user_id in {None, item["user_id"]} and guild_id in {None, item.get("guild_id")}
            ]
        )

    return [
        wire.route("GET", "/applications/@me", me),
        wire.route("GET", "/oauth2/applications/@me", me),
        wire.route("GET", "/gateway", gateway, bot=False),
        wire.route("GET", "/gateway/bot", gateway_bot),
        wire.route("GET", "/applications/{application_id}/entitlements", entitlements),
    ]


def _gateway_url(world: World) -> str:
    return world.public_base.replace("http", "ws", 1) + "/gateway"
