"""Writes docs/sandbox-api.md: what the sandbox implements, from its routes and enumerations."""

import asyncio
import re
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Final

from sandbox.discord.components import ComponentKind
from sandbox.discord.events import PRIVILEGED_INTENTS, Intents
from sandbox.discord.interaction import CallbackKind
from sandbox.discord.protocol import CloseCode, Opcode
from sandbox.google.models import MODELS
from sandbox.google.omni.models import OMNI_MODELS
from sandbox.server import SandboxServer

_HEAD: Final = """\
# What the sandbox implements

Made from the sandbox's code by `make reference`. A route that is not listed is answered with 404
and appears in `/control/requests`. What each part enforces is in [The sandbox](sandbox.md).
"""
_EVENT: Final = re.compile(
    r'"((?:GUILD|CHANNEL|THREAD|MESSAGE|INTERACTION|ENTITLEMENT|TYPING|USER|WEBHOOKS)(?:_[A-Z]+)*'
    r"_(?:CREATE|UPDATE|DELETE|ADD|REMOVE|ALL|EMOJI|BULK|CHUNK|START|SYNC)"
    r'|READY|RESUMED)"'
)
_SECTIONS: Final = {
    "Discord: REST": ("/api/",),
    "Discord: files and pictures": (
        "/attachments/",
        "/ephemeral-",
        "/avatars/",
        "/embed/",
        "/icons/",
        "/stickers/",
    ),
    "Gemini API: Veo, Gemini Omni and files": ("/google/", "/google-files/"),
    "Vertex AI: Veo and Gemini Omni": ("/vertex/", "/google-oauth/"),
    "Cloud Storage": ("/gcs/",),
    # the sandbox's own, and the gateway, which has a table of its own
    "": ("/control", "/play", "/gateway"),
}


def render_sandbox_api(root: Path) -> str:
    """Return the page. Every route is in one of its tables."""
    rest = asyncio.run(_list_routes())
    sections = [_HEAD, _render_gateway(root)]
    for title, prefixes in _SECTIONS.items():
        inside = [each for each in rest if each[1].startswith(prefixes)]
        rest = [each for each in rest if each not in inside]
        if title:
            sections.append(f"## {title}\n\n{_render_table(inside)}")
    assert {path for _, path in rest} <= {"/"}, f"in no section: {rest}"
    models = sorted({name for _, name in MODELS} | {*OMNI_MODELS})
    names = ", ".join(f"`{name}`" for name in models)
    return "\n".join([*sections, f"## Models of Google\n\n{names}\n"])


async def _list_routes() -> list[tuple[str, str]]:
    sandbox = await SandboxServer.start(with_default_world=False)
    try:
        return sandbox.list_routes()
    finally:
        await sandbox.close()


def _render_gateway(root: Path) -> str:
    events: set[str] = set()
    for path in sorted((root / "sandbox" / "discord").rglob("*.py")):
        events.update(_EVENT.findall(path.read_text("utf-8")))
    privileged = [intent for intent in Intents if intent & PRIVILEGED_INTENTS]
    rows = {
        "Opcodes": _name_members(Opcode),
        "Events": sorted(events),
        "Intents that must be granted": [str(intent.name) for intent in privileged],
        "Close codes": [f"{code.value} {_spell(code.name)}" for code in CloseCode],
        "Encoding and compression": ["JSON", "zlib-stream", "zstd-stream"],
        "Responses to interactions": _name_members(CallbackKind),
        "Components": _name_members(ComponentKind),
    }
    title = "## Discord: gateway, interactions and components\n"
    lines = [f"| {part} | {', '.join(names)} |" for part, names in rows.items()]
    return "\n".join([title, "| part | implemented |", "|---|---|", *lines, ""])


def _render_table(routes: Iterable[tuple[str, str]]) -> str:
    methods: dict[str, list[str]] = {}
    for method, path in routes:
        if method != "HEAD":
            methods.setdefault(path, []).append(method)
    lines = [f"| `{path}` | {', '.join(sorted(methods[path]))} |" for path in sorted(methods)]
    return "\n".join(["| path | methods |", "|---|---|", *lines, ""])


def _name_members(kinds: type[Enum]) -> list[str]:
    return [f"{kind.value} {_spell(kind.name)}" for kind in kinds]


def _spell(name: str) -> str:
    return name.lower().replace("_", " ")
