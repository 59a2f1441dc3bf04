"""A Google on loopback: Veo on the Gemini API and Vertex AI, and Omni, as strict as the real ones.

Imports nothing of ``sandbox.discord``; the server mounts the routes built here.
"""

import functools

from aiohttp import web

from sandbox.google.control import GoogleControlApi
from sandbox.google.gemini import GeminiApi
from sandbox.google.omni.api import InteractionsApi
from sandbox.google.service import SandboxGoogle
from sandbox.google.storage import StorageApi
from sandbox.google.vertex import VertexApi

__all__ = ["SandboxGoogle", "build_control_routes", "build_routes"]


def build_routes(google: SandboxGoogle) -> list[web.RouteDef]:
    """Every route that the bot uses, by full path."""
    gemini = GeminiApi(google)
    omni = InteractionsApi(
        google.omni,
        api_key=google.api_key,
        public_base=google.public_base,
        counters=google.counters,
        read_settings=lambda: google.settings,
        record_refusal=functools.partial(google.record_refusal, "omni"),
        describe_file=gemini.describe_file,
    )
    return [
        *gemini.build_routes(),
        *omni.build_routes(),
        *VertexApi(google).build_routes(),
        *StorageApi(google).build_routes(),
    ]


def build_control_routes(google: SandboxGoogle) -> list[web.RouteDef]:
    """The control API of this Google, by full path."""
    return GoogleControlApi(google).build_routes()
