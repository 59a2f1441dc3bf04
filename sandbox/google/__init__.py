"""A local Google: Veo and Omni on the Gemini API and Vertex AI, as strict as the real ones.

Imports nothing of ``sandbox.discord``. The server mounts the routes that are built here.
"""

from collections.abc import Callable

from aiohttp import web

from sandbox.google.control import GoogleControlApi
from sandbox.google.gemini import GeminiApi
from sandbox.google.models import ServiceRoute
from sandbox.google.omni.api import InteractionsApi
from sandbox.google.omni.models import OmniRoute
from sandbox.google.omni.uploads import UploadApi
from sandbox.google.omni.webhooks_api import WebhooksApi
from sandbox.google.request_handling import check_api_key
from sandbox.google.service import SandboxGoogle
from sandbox.google.storage import StorageApi
from sandbox.google.text_api import TextApi
from sandbox.google.vertex import VertexApi, check_token_access, check_vertex_access

__all__ = ["SandboxGoogle", "build_control_routes", "build_routes"]


def build_routes(google: SandboxGoogle) -> list[web.RouteDef]:
    """Return every route that the bot uses, by full path."""
    gemini = GeminiApi(google)
    uploads = UploadApi(
        google.omni.inputs,
        api_key=google.api_key,
        public_base=google.public_base,
        describe_file=gemini.describe_file,
    )
    by_key = _build_interactions(
        google, OmniRoute.API_KEY, lambda request: check_api_key(request, google.api_key)
    )
    on_vertex = _build_interactions(
        google, OmniRoute.VERTEX, lambda request: check_token_access(google, request)
    )
    text_by_key = TextApi(
        service=google.text,
        route=ServiceRoute.GEMINI,
        check_access=lambda request: check_api_key(request, google.api_key),
        paths=("/google/v1/models", "/google/v1beta/models"),
    )
    models = "publishers/google/models"
    text_on_vertex = TextApi(
        service=google.text,
        route=ServiceRoute.VERTEX,
        check_access=lambda request: check_vertex_access(google, request),
        paths=(
            f"/vertex/v1beta1/{models}",
            f"/vertex/v1beta1/projects/{{project}}/locations/{{location}}/{models}",
        ),
    )
    webhooks = WebhooksApi(
        google.webhooks,
        api_key=google.api_key,
        read_form=lambda: google.settings.omni.error_form,
    )
    return [
        *gemini.build_routes(),
        *webhooks.build_routes("/google/v1/webhooks", "/google/v1beta/webhooks"),
        *by_key.build_routes("/google/v1/interactions", "/google/v1beta/interactions"),
        *uploads.build_routes(),
        *text_by_key.build_routes(),
        *VertexApi(google).build_routes(),
        *text_on_vertex.build_routes(),
        *on_vertex.build_routes(
            "/vertex/v1beta1/projects/{project}/locations/{location}/interactions"
        ),
        *StorageApi(google).build_routes(),
    ]


def build_control_routes(google: SandboxGoogle) -> list[web.RouteDef]:
    """Return the control API of this Google, by full path."""
    return GoogleControlApi(google).build_routes()


def _build_interactions(
    google: SandboxGoogle, route: OmniRoute, check_access: Callable[[web.Request], None]
) -> InteractionsApi:
    return InteractionsApi(
        google.omni,
        route,
        check_access=check_access,
        file_uri=google.file_uri,
        counters=google.counters,
        read_settings=lambda: google.settings,
        read_clock=google.now,
        record_refusal=google.record_refusal,
    )
