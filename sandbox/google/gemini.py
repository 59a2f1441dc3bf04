"""Veo on the Gemini API: ``/google/v1beta``, and ``/google-files`` for the content of files.

The format is the one that google-genai 3.6 reads.
"""

import base64
import re
import secrets
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from sandbox.google import gemini_rules
from sandbox.google.errors import (
    FailedPrecondition,
    GoogleError,
    GoogleNotFound,
    InvalidArgument,
    PermissionDenied,
    file_not_accessible,
)
from sandbox.google.gemini_rules import GeminiSourceClip
from sandbox.google.models import ServiceRoute, VeoMode, VeoModel
from sandbox.google.omni.models import OmniModelRules, OmniRoute
from sandbox.google.omni.refusals import BLOCKED_PROJECT
from sandbox.google.omni.settings import AccountState
from sandbox.google.operations import Operation, OperationState
from sandbox.google.payload_fields import parse_body, shorten_base64
from sandbox.google.request_handling import (
    answer_errors,
    check_api_key,
    read_api_key,
    read_body,
    run_offloaded,
)
from sandbox.google.service import ExtendedClip, SandboxGoogle
from sandbox.google.settings import FilterPlacement
from sandbox.google.stored_clips import FileState, GeneratedFile, file_state
from sandbox.google.submission import NOT_MADE_BY_VEO, Submission
from sandbox.google.text_models import MAX_OUTPUT_TOKENS

_RESPONSE_TYPE: Final = (
    "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
)
_DEFAULT_PAGE_SIZE: Final = 50
_MAX_REQUEST_BYTES: Final = 20 * 1024 * 1024
"""Google has raised its limit for inline requests to 100 MB, but does not say whether that includes
predictLongRunning. So the sandbox uses the limit in Google's error message."""


class GeminiApi:
    """Handlers of the Gemini API."""

    def __init__(self, google: SandboxGoogle) -> None:
        self._google = google
        self._own_uri = re.compile(
            re.escape(f"{google.public_base}/google/v1beta/files/")
            + r"([a-z0-9]+)(?::download\?alt=media)?"
        )

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes, by full path."""
        base = "/google/v1beta"
        routes = [
            web.post(f"{base}/models/{{model}}:predictLongRunning", answer_errors(self.submit)),
            web.get(f"{base}/models/{{model}}/operations/{{operation}}", answer_errors(self.poll)),
            web.get("/google-files/{ticket}/{file}", answer_errors(self.get_content)),
        ]
        for base in ("/google/v1beta", "/google/v1"):
            routes += [
                web.get(f"{base}/models", answer_errors(self.list_models)),
                web.get(f"{base}/models/{{model}}", answer_errors(self.get_model)),
                web.get(f"{base}/files/{{file}}:download", answer_errors(self.redirect_download)),
                web.get(f"{base}/files/{{file}}", answer_errors(self.get_file)),
                web.delete(f"{base}/files/{{file}}", answer_errors(self.delete_file)),
            ]
        return routes

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """GET models, in pages."""
        self._check_key(request)
        all_models = [
            # first, so that a client must not take the first model
            *(_describe_text_model(*item) for item in self._google.text.list_models().items()),
            *map(_describe_omni, self._google.omni.list_models(OmniRoute.API_KEY).values()),
            *map(_model_payload, self._google.list_models(ServiceRoute.GEMINI)),
        ]
        try:
            size = int(request.query.get("pageSize", _DEFAULT_PAGE_SIZE))
            first = int(request.query.get("pageToken") or 0)
        except ValueError as error:
            raise InvalidArgument("Invalid value at 'page_size' or 'page_token'.") from error
        last = first + (size if size > 0 else _DEFAULT_PAGE_SIZE)
        answer: dict[str, Any] = {"models": all_models[first:last]}
        if last < len(all_models):
            answer["nextPageToken"] = str(last)
        return web.json_response(answer)

    async def get_model(self, request: web.Request) -> web.StreamResponse:
        """GET models/M."""
        self._check_key(request)
        name = request.match_info["model"]
        if (title := self._google.text.list_models().get(name)) is not None:
            return web.json_response(_describe_text_model(name, title))
        omni = self._google.omni.list_models(OmniRoute.API_KEY).get(name)
        if omni is not None:
            return web.json_response(_describe_omni(omni))
        return web.json_response(_model_payload(self._find_model(request, "getModel")))

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """POST models/M:predictLongRunning."""
        google = self._google
        self._check_key(request)
        try:
            model = self._find_model(request, "predictLongRunning")
            body = await read_body(request)
            if len(body) > _MAX_REQUEST_BYTES:
                raise InvalidArgument(
                    f"Request payload size exceeds the limit: {_MAX_REQUEST_BYTES} bytes. "
                    "Please use the File API to upload files and reference them in your request."
                )

            def read_submission() -> tuple[Submission, Any]:
                value = parse_body(body)
                return gemini_rules.read_submission(
                    value, model, google.settings.region
                ), shorten_base64(value)

            submission, shortened = await run_offloaded(len(body), read_submission)
            extended = self._find_extended(submission)
            operation = google.submit(submission, shortened, extended, f"models/{model.id}")
        except GoogleError as error:
            google.record_refusal(
                ServiceRoute.GEMINI, request.match_info["model"], error.http_status, error.message
            )
            raise
        return web.json_response({"name": operation.name})

    async def poll(self, request: web.Request) -> web.StreamResponse:
        """GET models/M/operations/ID."""
        self._check_key(request)
        info = request.match_info
        operation = self._google.operations.get_operation(info["operation"])
        name = f"models/{info['model']}/operations/{info['operation']}"
        if operation is None or operation.name != name:
            raise GoogleNotFound(f"Operation {name} not found.")
        self._google.poll(operation)
        return web.json_response(self._operation_payload(operation))

    async def get_file(self, request: web.Request) -> web.StreamResponse:
        """GET files/ID."""
        self._check_key(request)
        return web.json_response(self.describe_file(self._find_readable_file(request)))

    async def delete_file(self, request: web.Request) -> web.StreamResponse:
        """DELETE files/ID."""
        self._check_key(request)
        self._find_readable_file(request).revoked = True
        return web.json_response({})

    async def redirect_download(self, request: web.Request) -> web.StreamResponse:
        """GET files/ID:download?alt=media: a redirect to the content on another host."""
        self._check_key(request)
        file = self._find_readable_file(request)
        if request.query.get("alt") != "media":
            return web.json_response(self.describe_file(file))
        state = file_state(file, self._google.now(), self._google.settings.processing_s)
        is_early = state is FileState.PROCESSING and file.origin.maker == "omni"
        if file.failed or is_early:
            raise FailedPrecondition(
                f"The File {file.id} is not in an ACTIVE state and usage is not allowed."
            )
        self._google.counters["downloads"] += 1
        ticket = secrets.token_urlsafe(16)
        file.tickets.add(ticket)
        target = f"{self._google.files_base}/google-files/{ticket}/{file.id}"
        return web.Response(status=302, headers={"Location": target})

    async def get_content(self, request: web.Request) -> web.StreamResponse:
        """Return a file's bytes. The link is enough: a key that is sent to this host has leaked."""
        if read_api_key(request) or "Authorization" in request.headers:
            self._google.counters["key_leaks"] += 1
        file = self._find_readable_file(request)
        if request.match_info["ticket"] not in file.tickets:
            raise file_not_accessible(file.id)
        self._google.counters["contents"] += 1
        return web.FileResponse(file.clip.path, headers={"Content-Type": file.mime_type})

    def _check_key(self, request: web.Request) -> None:
        try:
            check_api_key(request, self._google.api_key)
        except GoogleError:
            self._google.counters["unauthorised"] += 1
            raise
        if self._google.settings.omni.account is AccountState.BLOCKED:
            raise PermissionDenied(BLOCKED_PROJECT)

    def _find_model(self, request: web.Request, method: str) -> VeoModel:
        name = request.match_info["model"]
        unknown = (
            f"models/{name} is not found for API version v1beta, or is not supported for "
            f"{method}. Call ListModels to see the list of available models and their supported "
            "methods."
        )
        return self._google.find_model(ServiceRoute.GEMINI, name, unknown)

    def _find_readable_file(self, request: web.Request) -> GeneratedFile:
        google = self._google
        lifetime = google.settings.file_lifetime_s
        return google.files.require_readable(request.match_info["file"], google.now(), lifetime)

    def _find_extended(self, submission: Submission) -> ExtendedClip | None:
        """Return the clip that a submission extends. Raises GoogleError if that is not allowed."""
        source = submission.source
        if source is None:
            return None
        uri_match = self._own_uri.fullmatch(source.uri or "")
        if uri_match is None:
            raise InvalidArgument(NOT_MADE_BY_VEO)
        google = self._google
        settings, now = google.settings, google.now()
        file = google.files.require_readable(uri_match[1], now, settings.file_lifetime_s)
        if file.origin.maker != "veo":
            raise InvalidArgument(NOT_MADE_BY_VEO)
        state = file_state(file, now, settings.processing_s)
        origin = file.origin
        source_clip = GeminiSourceClip(
            processed=state is FileState.ACTIVE,
            aspect_ratio=origin.aspect_ratio,
            resolution=origin.resolution,
            seconds=file.clip.seconds,
            extension_depth=origin.extension_depth,
            interpolated=origin.mode is VeoMode.FRAMES,
        )
        gemini_rules.check_source(source_clip, submission)
        return ExtendedClip(file.clip, origin)

    def _operation_payload(self, operation: Operation) -> dict[str, Any]:
        answer: dict[str, Any] = {"name": operation.name}
        match operation.state:
            case OperationState.PENDING:
                return answer
            case OperationState.FAILED:
                error = {"code": operation.error_code, "message": operation.error}
                return {**answer, "done": True, "error": error}
            case OperationState.FILTERED | OperationState.DONE:
                pass
        wrapped: dict[str, Any] = {}
        response: dict[str, Any] = {"@type": _RESPONSE_TYPE, "generateVideoResponse": wrapped}
        if operation.products:
            wrapped["generatedSamples"] = [
                {"video": {"uri": self._google.shown_uri(product.uri)}}
                for product in operation.products
            ]
        filtered = operation.submission.samples - len(operation.products)
        if filtered:
            is_direct = self._google.settings.filtered_on is FilterPlacement.RESPONSE
            filter_parent = response if is_direct else wrapped
            filter_parent["raiMediaFilteredCount"] = filtered
            filter_parent["raiMediaFilteredReasons"] = [operation.reason] * filtered
        return {**answer, "done": True, "response": response}

    def describe_file(self, file: GeneratedFile) -> dict[str, Any]:
        """Return a file as ``files/ID`` shows it."""
        google = self._google
        settings = google.settings
        created = _format_timestamp(file.created)
        state = file_state(file, google.now(), settings.processing_s)
        answer: dict[str, Any] = {
            "name": f"files/{file.id}",
            "mimeType": file.mime_type,
            "sizeBytes": str(file.clip.size),
            "createTime": created,
            "updateTime": created,
            "expirationTime": _format_timestamp(file.created + settings.file_lifetime_s),
            "sha256Hash": base64.b64encode(bytes.fromhex(file.clip.sha256)).decode(),
            "uri": f"{google.public_base}/google/v1beta/files/{file.id}",
            "downloadUri": google.file_uri(file.id),
            "state": state,
            "source": "UPLOADED" if file.origin.maker == "upload" else "GENERATED",
        }
        if state is FileState.ACTIVE and file.mime_type.startswith("video/"):
            answer["videoMetadata"] = {"videoDuration": f"{file.clip.seconds:g}s"}
        return answer


def _format_timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _describe_text_model(name: str, title: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": title,
        "description": "Makes no videos.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": MAX_OUTPUT_TOKENS,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def _describe_omni(model: OmniModelRules) -> dict[str, Any]:
    """Return a model as Google lists it. The listed methods are wrong: only interactions work."""
    return {
        "name": f"models/{model.id}",
        "version": model.version,
        "displayName": model.title,
        "description": f"{model.title}, as the sandbox imitates it.",
        "inputTokenLimit": model.input_token_limit,
        "outputTokenLimit": model.output_token_limit,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def _model_payload(model: VeoModel) -> dict[str, Any]:
    return {
        "name": f"models/{model.id}",
        "version": model.version,
        "displayName": model.title,
        "description": f"{model.title}, as the sandbox imitates it.",
        "inputTokenLimit": 480,
        "outputTokenLimit": 8192,
        "supportedGenerationMethods": ["predictLongRunning"],
    }
