"""``models/M:generateContent`` on both services: access, quotas, the answer, and what was asked."""

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.google.errors import (
    GoogleError,
    GoogleNotFound,
    InvalidArgument,
    gemini_quota_exceeded,
    vertex_quota_exceeded,
)
from sandbox.google.models import ServiceRoute
from sandbox.google.operations import DAY_S, MINUTE_S
from sandbox.google.payload_fields import parse_body, shorten_base64
from sandbox.google.request_handling import answer_errors, read_body, run_offloaded
from sandbox.google.settings import GoogleSettings
from sandbox.google.text_models import TEXT_MODELS, TextRequest, build_answer, read_text_request

_MAX_REQUEST_BYTES: Final = 20 * 1024 * 1024
_MAX_KEPT: Final = 1000
_VERTEX_METRIC: Final = (
    "aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_model"
)


@dataclass(frozen=True, slots=True)
class AskedText:
    """A request that was answered, with what is billed for it."""

    route: ServiceRoute
    model: str
    asked_at: float
    body: Any
    usage: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return it as the control API shows it."""
        return {
            "route": self.route,
            "model": self.model,
            "asked_at": self.asked_at,
            "json": self.body,
            "usage": self.usage,
        }


@dataclass(kw_only=True, eq=False)
class TextService:
    """The text models, and what they were asked."""

    clock: SandboxClock
    read_settings: Callable[[], GoogleSettings]
    asked: deque[AskedText] = field(default_factory=lambda: deque(maxlen=_MAX_KEPT))
    rate_limited: int = 0

    def list_models(self) -> dict[str, str]:
        """Return the titles of the models that are not retired, by id."""
        retired = self.read_settings().retired_models
        return {name: title for name, title in TEXT_MODELS.items() if name not in retired}

    async def ask(self, route: ServiceRoute, model: str, body: bytes) -> dict[str, Any]:
        """Answer a request. Raises GoogleError."""
        if len(body) > _MAX_REQUEST_BYTES:
            raise InvalidArgument(
                f"Request payload size exceeds the limit: {_MAX_REQUEST_BYTES} bytes."
            )

        def read_request() -> tuple[TextRequest, Any]:
            value = parse_body(body)
            needs_roles = route is ServiceRoute.VERTEX
            return read_text_request(value, needs_roles=needs_roles), shorten_base64(value)

        request, shortened = await run_offloaded(len(body), read_request)
        self._check_quota(route, model)
        settings = self.read_settings().text
        answer = build_answer(request, settings, model, secrets.token_urlsafe(16))
        usage = answer.get("usageMetadata", {})
        self.asked.append(AskedText(route, model, self.clock.now(), shortened, usage))
        if settings.seconds:
            await self.clock.sleep(settings.seconds)
        return answer

    def _check_quota(self, route: ServiceRoute, model: str) -> None:
        quota, now = self.read_settings().quota_for(model), self.clock.now()
        for limit, window, name in (
            (quota.per_minute, MINUTE_S, "PerMinute"),
            (quota.per_day, DAY_S, "PerDay"),
        ):
            asked = [
                item.asked_at
                for item in self.asked
                if (item.route, item.model) == (route, model) and item.asked_at > now - window
            ]
            if limit is None or len(asked) < limit:
                continue
            self.rate_limited += 1
            if route is ServiceRoute.VERTEX:
                raise vertex_quota_exceeded(metric=_VERTEX_METRIC, model=model)
            raise gemini_quota_exceeded(
                metric="generativelanguage.googleapis.com/generate_content_paid_tier_requests",
                quota_id=f"GenerateContentPaidTierRequests{name}PerProjectPerModel",
                model=model,
                limit=limit,
                retry_seconds=asked[0] + window - now if asked else window,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TextApi:
    """Handlers of one service."""

    service: TextService
    route: ServiceRoute
    check_access: Callable[[web.Request], None]
    paths: tuple[str, ...]

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes, by full path."""
        handler = answer_errors(self.generate_content)
        return [web.post(f"{path}/{{model}}:generateContent", handler) for path in self.paths]

    async def generate_content(self, request: web.Request) -> web.StreamResponse:
        """POST models/M:generateContent."""
        self.check_access(request)
        model = request.match_info["model"]
        if model not in self.service.list_models():
            raise self._unknown_model(model)
        return web.json_response(
            await self.service.ask(self.route, model, await read_body(request))
        )

    def _unknown_model(self, model: str) -> GoogleError:
        if self.route is ServiceRoute.VERTEX:
            return GoogleNotFound(
                f"Publisher Model `publishers/google/models/{model}` was not found or your project "
                "does not have access to it. Please ensure you are using a valid model version."
            )
        return GoogleNotFound(
            f"models/{model} is not found for API version v1beta, or is not supported for "
            "generateContent. Call ListModels to see the list of available models and their "
            "supported methods."
        )
