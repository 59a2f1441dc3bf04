"""The wire of the Gemini API, as far as Veo needs it: ``/google/v1beta`` and ``/google-files``.

Shapes: the project's reference page on Veo ("Wire: gemini") and what google-genai 3.4 reads.
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
    InvalidArgument,
    NotFound,
    no_file,
)
from sandbox.google.files import FileState, GeneratedFile, file_state
from sandbox.google.gemini_rules import SourceFacts
from sandbox.google.google import Extended, Google
from sandbox.google.http import answering, check_key, given_key, offloaded, read_body
from sandbox.google.models import Mode, Model, Route
from sandbox.google.operations import Operation, State
from sandbox.google.payload import parsed, shortened
from sandbox.google.settings import FilteredOn
from sandbox.google.submission import NOT_VEO, Submission

_RESPONSE_TYPE: Final = (
    "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
)
_DEFAULT_PAGE: Final = 50
_TEXT_MODEL: Final = {
    "name": "models/gemini-2.5-flash",
    "version": "001",
    "displayName": "Gemini 2.5 Flash",
    "description": "A model that makes no videos, listed so that nobody takes the first one.",
    "inputTokenLimit": 1048576,
    "outputTokenLimit": 65536,
    "supportedGenerationMethods": ["generateContent", "countTokens"],
}


class GeminiApi:
    """Handlers over the state of a Google."""

    def __init__(self, google: Google) -> None:
        self._google = google
        self._own_uri = re.compile(
            re.escape(f"{google.public_base}/google/v1beta/files/")
            + r"([a-z0-9]+)(?::download\?alt=media)?"
        )

    def routes(self) -> list[web.RouteDef]:
        """The routes, by full path."""
        base = "/google/v1beta"
        return [
            web.get(f"{base}/models", answering(self.list_models)),
            web.post(f"{base}/models/{{model}}:predictLongRunning", answering(self.submit)),
            web.get(f"{base}/models/{{model}}/operations/{{operation}}", answering(self.poll)),
            web.get(f"{base}/models/{{model}}", answering(self.get_model)),
            web.get(f"{base}/files/{{file}}:download", answering(self.download)),
            web.get(f"{base}/files/{{file}}", answering(self.get_file)),
            web.get("/google-files/{ticket}/{file}", answering(self.content)),
        ]

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """GET models: pages of what the key can reach."""
        self._check_key(request)
        everything = [_TEXT_MODEL, *map(_shown_model, self._google.models(Route.GEMINI))]
        try:
            size = int(request.query.get("pageSize", _DEFAULT_PAGE))
            first = int(request.query.get("pageToken") or 0)
        except ValueError as error:
            message = "Invalid value at 'page_size' or 'page_token'."
            raise InvalidArgument(message) from error
        last = first + (size if size > 0 else _DEFAULT_PAGE)
        answer: dict[str, Any] = {"models": everything[first:last]}
        if last < len(everything):
            answer["nextPageToken"] = str(last)
        return web.json_response(answer)

    async def get_model(self, request: web.Request) -> web.StreamResponse:
        """GET models/M."""
        self._check_key(request)
        return web.json_response(_shown_model(self._model(request, "getModel")))

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """POST models/M:predictLongRunning."""
        google = self._google
        self._check_key(request)
        try:
            model = self._model(request, "predictLongRunning")
            body = await read_body(request)

            def read() -> tuple[Submission, Any]:
                value = parsed(body)
                return gemini_rules.read(value, model, google.settings.region), shortened(value)

            submission, shown = await offloaded(len(body), read)
            extended = self._extended(submission)
            operation = google.submit(submission, shown, extended, f"models/{model.id}")
        except GoogleError as error:
            google.refuse(Route.GEMINI, request.match_info["model"], error)
            raise
        return web.json_response({"name": operation.name})

    async def poll(self, request: web.Request) -> web.StreamResponse:
        """GET models/M/operations/ID."""
        self._check_key(request)
        info = request.match_info
        operation = self._google.operations.get(info["operation"])
        name = f"models/{info['model']}/operations/{info['operation']}"
        if operation is None or operation.name != name:
            message = f"Operation {name} not found."
            raise NotFound(message)
        self._google.poll(operation)
        return web.json_response(self._shown_operation(operation))

    async def get_file(self, request: web.Request) -> web.StreamResponse:
        """GET files/ID."""
        self._check_key(request)
        return web.json_response(self._shown_file(self._readable(request)))

    async def download(self, request: web.Request) -> web.StreamResponse:
        """GET files/ID:download?alt=media: a redirect to the host that has the bytes."""
        self._check_key(request)
        file = self._readable(request)
        if request.query.get("alt") != "media":
            return web.json_response(self._shown_file(file))
        if file.failed:
            message = f"The File {file.id} is not in an ACTIVE state and usage is not allowed."
            raise FailedPrecondition(message)
        self._google.counters["downloads"] += 1
        ticket = secrets.token_urlsafe(16)
        file.tickets.add(ticket)
        target = f"{self._google.files_base}/google-files/{ticket}/{file.id}"
        return web.Response(status=302, headers={"Location": target})

    async def content(self, request: web.Request) -> web.StreamResponse:
        """The bytes of a file. The link itself is the permission: a key sent along is a leak."""
        if given_key(request) or "Authorization" in request.headers:
            self._google.counters["key_leaks"] += 1
        file = self._readable(request)
        if request.match_info["ticket"] not in file.tickets:
            raise no_file(file.id)
        self._google.counters["contents"] += 1
        return web.FileResponse(file.clip.path, headers={"Content-Type": "video/mp4"})

    def _check_key(self, request: web.Request) -> None:
        try:
            check_key(request, self._google.api_key)
        except GoogleError:
            self._google.counters["unauthorised"] += 1
            raise

    def _model(self, request: web.Request, method: str) -> Model:
        name = request.match_info["model"]
        unknown = (
            f"models/{name} is not found for API version v1beta, or is not supported for "
            f"{method}. Call ListModels to see the list of available models and their supported "
            "methods."
        )
        return self._google.model(Route.GEMINI, name, unknown)

    def _readable(self, request: web.Request) -> GeneratedFile:
        google = self._google
        lifetime = google.settings.file_lifetime_s
        return google.files.readable(request.match_info["file"], google.now(), lifetime)

    def _extended(self, submission: Submission) -> Extended | None:
        """The clip that a submission extends. Raises GoogleError unless it may be extended."""
        source = submission.source
        if source is None:
            return None
        found = self._own_uri.fullmatch(source.uri or "")
        if found is None:
            raise InvalidArgument(NOT_VEO)
        google = self._google
        settings, now = google.settings, google.now()
        file = google.files.readable(found[1], now, settings.file_lifetime_s)
        state = file_state(file, now, settings.processing_s)
        origin = file.origin
        facts = SourceFacts(
            processed=state is FileState.ACTIVE,
            aspect_ratio=origin.aspect_ratio,
            resolution=origin.resolution,
            seconds=file.clip.seconds,
            hops=origin.hops,
            interpolated=origin.mode is Mode.FRAMES,
        )
        gemini_rules.check_source(facts, submission)
        return Extended(file.clip, origin)

    def _shown_operation(self, operation: Operation) -> dict[str, Any]:
        answer: dict[str, Any] = {"name": operation.name}
        match operation.state:
            case State.PENDING:
                return answer
            case State.FAILED:
                error = {"code": operation.error_code, "message": operation.error}
                return {**answer, "done": True, "error": error}
            case State.FILTERED | State.DONE:
                pass
        wrapped: dict[str, Any] = {}
        response: dict[str, Any] = {"@type": _RESPONSE_TYPE, "generateVideoResponse": wrapped}
        if operation.products:
            wrapped["generatedSamples"] = [
                {"video": {"uri": product.uri}} for product in operation.products
            ]
        filtered = operation.submission.samples - len(operation.products)
        if filtered:
            direct = self._google.settings.filtered_on is FilteredOn.RESPONSE
            place = response if direct else wrapped
            place["raiMediaFilteredCount"] = filtered
            place["raiMediaFilteredReasons"] = [operation.reason] * filtered
        return {**answer, "done": True, "response": response}

    def _shown_file(self, file: GeneratedFile) -> dict[str, Any]:
        google = self._google
        settings = google.settings
        created = _timestamp(file.created)
        state = file_state(file, google.now(), settings.processing_s)
        answer: dict[str, Any] = {
            "name": f"files/{file.id}",
            "mimeType": "video/mp4",
            "sizeBytes": str(file.clip.size),
            "createTime": created,
            "updateTime": created,
            "expirationTime": _timestamp(file.created + settings.file_lifetime_s),
            "sha256Hash": base64.b64encode(bytes.fromhex(file.clip.sha256)).decode(),
            "uri": f"{google.public_base}/google/v1beta/files/{file.id}",
            "downloadUri": google.file_uri(file.id),
            "state": state,
            "source": "GENERATED",
        }
        if state is FileState.ACTIVE:
            answer["videoMetadata"] = {"videoDuration": f"{file.clip.seconds:g}s"}
        return answer


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _shown_model(model: Model) -> dict[str, Any]:
    return {
        "name": f"models/{model.id}",
        "version": model.version,
        "displayName": model.title,
        "description": f"{model.title}, as the sandbox imitates it.",
        "inputTokenLimit": 480,
        "outputTokenLimit": 8192,
        "supportedGenerationMethods": ["predictLongRunning"],
    }
