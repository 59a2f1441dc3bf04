"""Veo on Vertex AI: ``/vertex/v1beta1``, and the token endpoint.

The format is the one that google-genai 3.6 uses, with a service account
(projects/P/locations/L/publishers/…) or with an API key (publishers/…).
"""

import asyncio
import base64
import hashlib
from typing import Any, Final

from aiohttp import web

from sandbox.google import vertex_rules
from sandbox.google.errors import (
    GoogleError,
    GoogleNotFound,
    InvalidArgument,
    PermissionDenied,
    keys_not_supported,
)
from sandbox.google.models import ServiceRoute, VeoModel
from sandbox.google.oauth import ACCESS_TOKEN_LIFETIME_S, GRANT_TYPE, InvalidGrant
from sandbox.google.omni.models import OmniRoute
from sandbox.google.operations import Operation, OperationState
from sandbox.google.payload_fields import PayloadFields, parse_body, shorten_base64
from sandbox.google.request_handling import (
    answer_errors,
    check_api_key,
    read_api_key,
    read_body,
    run_offloaded,
)
from sandbox.google.service import LOCATION, PROJECT, ExtendedClip, SandboxGoogle
from sandbox.google.submission import NOT_MADE_BY_VEO, Submission
from sandbox.google.vertex_rules import BUCKET_URI, VertexSourceClip

_RESPONSE_TYPE: Final = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"


class VertexApi:
    """Handlers of Vertex AI."""

    def __init__(self, google: SandboxGoogle) -> None:
        self._google = google

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes, by full path."""
        base = "/vertex/v1beta1"
        models = "publishers/google/models"
        project = f"{base}/projects/{{project}}/locations/{{location}}"
        routes: list[web.RouteDef] = [
            web.get(f"{base}/{models}", answer_errors(self.list_models)),
            web.get(f"{base}/{models}/{{model}}", answer_errors(self.get_model)),
            web.post("/google-oauth/token", self.issue_token),
        ]
        for prefix in (base, project):
            path = f"{prefix}/{models}/{{model}}"
            routes.append(web.post(f"{path}:predictLongRunning", answer_errors(self.submit)))
            routes.append(web.post(f"{path}:fetchPredictOperation", answer_errors(self.poll)))
        return routes

    async def issue_token(self, request: web.Request) -> web.StreamResponse:
        """POST token: a bearer token for a signed JWT."""
        form = await request.post()
        if form.get("grant_type") != GRANT_TYPE:
            answer = {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}
            return web.json_response(answer, status=400)
        try:
            self._google.account.check_assertion(str(form.get("assertion", "")))
        except InvalidGrant as error:
            answer = {"error": "invalid_grant", "error_description": str(error)}
            return web.json_response(answer, status=400)
        token = self._google.tokens.issue_token(self._google.now())
        return web.json_response(
            {
                "access_token": token,
                "expires_in": ACCESS_TOKEN_LIFETIME_S - 1,
                "token_type": "Bearer",
            }
        )

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """GET publishers/google/models."""
        check_vertex_access(self._google, request)
        veo = [model.id for model in self._google.list_models(ServiceRoute.VERTEX)]
        omni = self._google.omni.list_models(OmniRoute.VERTEX)
        names = [*veo, *omni, *self._google.text.list_models()]
        return web.json_response({"publisherModels": [_model_payload(name) for name in names]})

    async def get_model(self, request: web.Request) -> web.StreamResponse:
        """GET publishers/google/models/M."""
        check_vertex_access(self._google, request)
        name = request.match_info["model"]
        others = {
            *self._google.omni.list_models(OmniRoute.VERTEX),
            *self._google.text.list_models(),
        }
        if name not in others:
            name = self._find_model(request).id
        return web.json_response(_model_payload(name))

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """POST …/models/M:predictLongRunning."""
        google = self._google
        check_vertex_access(google, request)
        try:
            model = self._find_model(request)
            body = await read_body(request)

            def read_submission() -> tuple[Submission, Any]:
                value = parse_body(body)
                allow_everyone = google.settings.allow_all_listed
                submission = vertex_rules.read_submission(
                    value, model, allow_everyone=allow_everyone
                )
                return submission, shorten_base64(value)

            submission, shortened = await run_offloaded(len(body), read_submission)
            extended = await self._find_extended(submission)
            operation = google.submit(
                submission, shortened, extended, self._model_resource(request)
            )
        except GoogleError as error:
            google.record_refusal(
                ServiceRoute.VERTEX, request.match_info["model"], error.http_status, error.message
            )
            raise
        return web.json_response({"name": operation.name})

    async def poll(self, request: web.Request) -> web.StreamResponse:
        """POST …/models/M:fetchPredictOperation."""
        check_vertex_access(self._google, request)
        fields = PayloadFields(
            parse_body(await read_body(request)), "", frozenset({"operationName"})
        )
        name = fields.text("operationName") or ""
        resource, _, operation_id = name.rpartition("/operations/")
        operation = self._google.operations.get_operation(operation_id)
        if resource != self._model_resource(request):
            raise InvalidArgument(f"Invalid operation name: {name}.")
        if operation is None or operation.name != name:
            raise GoogleNotFound(f"Operation {name} not found.")
        self._google.poll(operation)
        return await self._operation_response(operation)

    def _model_resource(self, request: web.Request) -> str:
        info = request.match_info
        project, location = info.get("project", PROJECT), info.get("location", LOCATION)
        return f"projects/{project}/locations/{location}/publishers/google/models/{info['model']}"

    def _find_model(self, request: web.Request) -> VeoModel:
        unknown = (
            f"Publisher Model `{self._model_resource(request)}` was not found or your project does "
            "not have access to it. Please ensure you are using a valid model version. For more "
            "information, see: "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
        )
        return self._google.find_model(ServiceRoute.VERTEX, request.match_info["model"], unknown)

    async def _find_extended(self, submission: Submission) -> ExtendedClip | None:
        """Return the clip that a submission extends. Raises InvalidArgument if not allowed."""
        source = submission.source
        if source is None:
            return None
        objects = self._google.objects
        if source.data is not None:
            digest = await run_offloaded(len(source.data), hashlib.sha256(source.data).hexdigest)
            clip_and_origin = objects.find_by_digest(digest)
        else:
            uri_match = BUCKET_URI.fullmatch(source.uri or "")
            stored = objects.get_object(uri_match[1], uri_match[2] or "") if uri_match else None
            if stored is None:
                raise InvalidArgument(f"Cloud Storage object not found: {source.uri}.")
            clip_and_origin = stored.clip, stored.origin
        if clip_and_origin is None:
            raise InvalidArgument(NOT_MADE_BY_VEO)
        clip, origin = clip_and_origin
        source_clip = VertexSourceClip(origin.aspect_ratio, origin.resolution, clip.seconds)
        vertex_rules.check_source(source_clip, submission)
        return ExtendedClip(clip, origin)

    async def _operation_response(self, operation: Operation) -> web.StreamResponse:
        answer: dict[str, Any] = {"name": operation.name}
        match operation.state:
            case OperationState.PENDING:
                return web.json_response(answer)
            case OperationState.FAILED:
                error = {"code": operation.error_code, "message": operation.error}
                return web.json_response({**answer, "done": True, "error": error})
            case OperationState.FILTERED | OperationState.DONE:
                pass
        filtered = operation.submission.samples - len(operation.products)
        response: dict[str, Any] = {"@type": _RESPONSE_TYPE, "raiMediaFilteredCount": filtered}
        if filtered:
            response["raiMediaFilteredReasons"] = [operation.reason] * filtered
        if operation.products:
            response["videos"] = await asyncio.to_thread(_video_payloads, operation)
        # Inline clips make this response large.
        whole = {**answer, "done": True, "response": response}
        return await asyncio.to_thread(web.json_response, whole)


def check_vertex_access(google: SandboxGoogle, request: web.Request) -> None:
    """Check the bearer token or API key, and the project. Raises GoogleError."""
    try:
        if read_api_key(request):
            check_api_key(request, google.api_key)
        else:
            google.tokens.check_authorization(
                request.headers.get("Authorization", ""), google.now()
            )
    except GoogleError:
        google.counters["unauthorised"] += 1
        raise
    _check_project(request)


def check_token_access(google: SandboxGoogle, request: web.Request) -> None:
    """Check the bearer token and the project; a key is not enough. Raises GoogleError."""
    authorization = request.headers.get("Authorization", "")
    if read_api_key(request) and not authorization:
        raise keys_not_supported()
    google.tokens.check_authorization(authorization, google.now())
    _check_project(request)
    if request.match_info["location"] != "global":
        raise GoogleNotFound("Gemini Omni is served in the location `global` only.")


def _check_project(request: web.Request) -> None:
    project = request.match_info.get("project", PROJECT)
    if project != PROJECT:
        raise PermissionDenied(
            "Permission 'aiplatform.endpoints.predict' denied on resource "
            f"'//aiplatform.googleapis.com/projects/{project}' (or it may not exist)."
        )


def _video_payloads(operation: Operation) -> list[dict[str, str]]:
    videos = []
    for product in operation.products:
        if product.uri:
            location = {"gcsUri": product.uri}
        else:
            data = product.clip.path.read_bytes()
            location = {"bytesBase64Encoded": base64.b64encode(data).decode()}
        videos.append({**location, "mimeType": "video/mp4"})
    return videos


def _model_payload(name: str) -> dict[str, Any]:
    return {
        "name": f"publishers/google/models/{name}",
        "versionId": "001",
        "openSourceCategory": "PROPRIETARY",
        "launchStage": "GA",
        "publisherModelTemplate": f"projects/{{project}}/locations/{{location}}/{name}",
    }
