"""A Google on loopback: Veo on the Gemini API and on Vertex AI, as strict as the real ones.

Imports nothing of ``sandbox.discord``; the server mounts the routes built here.
"""

from aiohttp import web

from sandbox.google.control import GoogleControlApi
from sandbox.google.gemini import GeminiApi
from sandbox.google.service import SandboxGoogle
from sandbox.google.storage import StorageApi
from sandbox.google.vertex import VertexApi

__all__ = ["SandboxGoogle", "build_control_routes", "build_routes"]


def build_routes(google: SandboxGoogle) -> list[web.RouteDef]:
    """Every route that the bot uses, by full path."""
    return [
        *GeminiApi(google).build_routes(),
        *VertexApi(google).build_routes(),
        *StorageApi(google).build_routes(),
    ]


def build_control_routes(google: SandboxGoogle) -> list[web.RouteDef]:
    """The control API of this Google, by full path."""
    return GoogleControlApi(google).build_routes()
