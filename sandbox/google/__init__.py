"""A Google on loopback: Veo on the Gemini API and on Vertex AI, as strict as the real ones."""

from aiohttp import web

from sandbox.google.control import ControlApi
from sandbox.google.gemini import GeminiApi
from sandbox.google.google import Google
from sandbox.google.storage import StorageApi
from sandbox.google.vertex import VertexApi

MAX_REQUEST_BYTES = 160 * 1024 * 1024
"""The server has to take bodies of this size: three pictures of 20 MB, or a clip, in base64."""

__all__ = ["MAX_REQUEST_BYTES", "Google", "control_routes", "routes"]


def routes(google: Google) -> list[web.RouteDef]:
    """Everything that the bot talks to, by full path."""
    return [
        *GeminiApi(google).routes(),
        *VertexApi(google).routes(),
        *StorageApi(google).routes(),
    ]


def control_routes(google: Google) -> list[web.RouteDef]:
    """The control API of this Google, by full path."""
    return ControlApi(google).routes()
