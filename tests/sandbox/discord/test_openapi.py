"""Every route of the sandbox's Discord exists in Discord's API, with valid bodies.

The other tests validate whatever they send as well; this one makes sure that no route is left out.
Discord's description is not part of the repository: without it these tests say so and are skipped.
"""

import json
import re
from typing import Any

import pytest

from sandbox.discord import rest
from sandbox.discord.ratelimits import API_PREFIX
from tests.harness import conformance
from tests.sandbox.discord.discord_harness import PING, DiscordHarness, button, row

Json = dict[str, Any]


@pytest.fixture
def paths() -> Json:
    """Discord's routes, with the names of their parameters taken out."""
    found = conformance.find_document()
    if found is None:
        pytest.skip("Discord's OpenAPI document is not here (see tests/harness/conformance.py)")
    document = json.loads(found.read_bytes())
    return {_anonymous(path): item for path, item in document["paths"].items()}


def _anonymous(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)


def _served(harness: DiscordHarness) -> set[tuple[str, str]]:
    routes = rest.build_routes(harness.world)
    return {(route.method, route.path.removeprefix(API_PREFIX)) for route in routes}


async def test_every_route_exists_at_discord(harness: DiscordHarness, paths: Json) -> None:
    unknown = {
        (method, path)
        for method, path in _served(harness)
        if method.lower() not in paths.get(_anonymous(path), {})
    }
    assert unknown == set()


async def test_every_response_is_valid(harness: DiscordHarness, paths: Json) -> None:
    assert paths
    driven: set[tuple[str, str]] = set()
    served = [
        (method, path, re.compile(re.sub(r"{\w+}", "[^/]+", path)))
        for method, path in sorted(_served(harness))
    ]

    async def call(method: str, path: str, body: Any = None, **options: Any) -> Any:
        for known, template, pattern in served:
            if known == method and pattern.fullmatch(path):
                driven.add((method, template))
        return (await harness.bot(method, path, body, **options)).ok()

    world = harness.world
    guild = next(iter(world.guilds.values()))
    role = guild.roles[guild.members[world.bot.id].role_ids[0]]
    (
        await harness.control("PATCH", f"/guilds/{guild.id}/roles/{role.id}", {"permissions": "8"})
    ).ok()
    await harness.control("PATCH", "/application", {"privileged_intents": ["GUILD_MEMBERS"]})
    (await harness.control("POST", "/entitlements", {"user": "Ada", "sku": 7})).ok()
    ada, app = harness.user("Ada"), f"/applications/{world.app.id}"

    for path in (
        "/users/@me",
        "/users/@me/guilds",
        f"/users/{ada.id}",
        "/applications/@me",
        "/oauth2/applications/@me",
        "/gateway",
        "/gateway/bot",
        f"{app}/entitlements",
        f"/guilds/{guild.id}",
        f"/guilds/{guild.id}/channels",
        f"/guilds/{guild.id}/threads/active",
        f"/guilds/{guild.id}/roles",
        f"/guilds/{guild.id}/roles/{role.id}",
        f"/guilds/{guild.id}/members",
        f"/guilds/{guild.id}/members/{ada.id}",
    ):
        await call("GET", path)
    await call("POST", "/users/@me/channels", {"recipient_id": str(ada.id)})

    for scope in (app, f"{app}/guilds/{guild.id}"):
        await call("PUT", f"{scope}/commands", [PING])
        made = await call("POST", f"{scope}/commands", PING | {"name": "more"})
        await call("GET", f"{scope}/commands")
        await call("GET", f"{scope}/commands/{made['id']}")
        await call("PATCH", f"{scope}/commands/{made['id']}", {"description": "x"})
        await call("DELETE", f"{scope}/commands/{made['id']}")

    general = f"/channels/{harness.channel('general').id}"
    await call("GET", general)
    await call("PATCH", general, {"topic": "x"})
    await call("POST", f"{general}/typing")
    body = {"content": "x", "components": [row(button())], "embeds": [{"title": "x"}]}
    sent = [await call("POST", f"{general}/messages", body) for _ in range(4)]
    one = f"{general}/messages/{sent[0]['id']}"
    await call("GET", f"{general}/messages")
    await call("PATCH", one, {"content": "y"}, files={"a.txt": b"x"})
    await call("PUT", f"{general}/messages/pins/{sent[0]['id']}")
    await call("GET", f"{general}/messages/pins")
    await call("DELETE", f"{general}/messages/pins/{sent[0]['id']}")
    for emoji in ("👍", "🎬"):
        await call("PUT", f"{one}/reactions/{emoji}/@me")
        await harness.control(
            "POST", "/reactions", {"user": "Ada", "message": sent[0]["id"], "emoji": emoji}
        )
    await call("GET", f"{one}/reactions/👍")
    await call("GET", one)
    await call("DELETE", f"{one}/reactions/👍/@me")
    await call("DELETE", f"{one}/reactions/👍/{ada.id}")
    await call("DELETE", f"{one}/reactions/🎬")
    await call("DELETE", f"{one}/reactions")
    thread = await call("POST", f"{one}/threads", {"name": "x"})
    await call("POST", f"{general}/threads", {"name": "x", "type": 11})
    ideas = f"/channels/{harness.channel('ideas').id}/threads"
    await call("POST", ideas, {"name": "x", "message": {"content": "y"}})
    await call("PUT", f"/channels/{thread['id']}/thread-members/@me")
    await call("GET", f"/channels/{thread['id']}/thread-members")
    await call("DELETE", f"/channels/{thread['id']}/thread-members/@me")
    await call("DELETE", f"{general}/messages/{sent[1]['id']}")
    gone = [sent[2]["id"], sent[3]["id"]]
    await call("POST", f"{general}/messages/bulk-delete", {"messages": gone})

    interaction = await harness.command("ping")
    token = f"{interaction.id}/{interaction.token}"
    await call("POST", f"/interactions/{token}/callback", {"type": 5}, query={"with_response": "1"})
    hook = f"/webhooks/{world.app.id}/{interaction.token}"
    await call("POST", hook, {"content": "x"})
    await call("GET", f"{hook}/messages/@original")
    await call("PATCH", f"{hook}/messages/@original", {"content": "y"})
    await call("DELETE", f"{hook}/messages/@original")

    await call("DELETE", f"/users/@me/guilds/{guild.id}")

    assert driven == _served(harness)
