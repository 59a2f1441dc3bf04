"""What Google says about each route and its models, and when it is there."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Final

from bot.app.startup import ROUTE_SETTINGS
from bot.cli.doctor.findings import CheckGroup, CheckStatus, Finding
from bot.cli.doctor.http_requests import NoAnswer, judge_clock, open_session, request_page
from bot.config.settings import Settings
from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound, VideoError
from bot.domain.jobs.request import GoogleRoute
from bot.domain.models import ModelCatalog, ModelSpec
from bot.domain.ports import Clock, VideoModels
from bot.google.content_judge import GeminiContentJudge
from bot.google.gemini import GEMINI_API_URL
from bot.google.vertex import API_VERSION, build_api_url

_ROUTE_LIMIT_S: Final = 60.0
"""A route asks about one model after the other."""
_CLOCK_LIMIT_S: Final = 15.0
_CURES: Final[Mapping[str, str]] = {
    "API_KEY_INVALID": "set another GEMINI_API_KEY, from https://aistudio.google.com/apikey",
    "authentication": "set another GEMINI_API_KEY, from https://aistudio.google.com/apikey",
    "API_KEY_SERVICE_BLOCKED": "let the key use the Generative Language API (docs/api-key.md)",
    "SERVICE_DISABLED": "enable the API in the project that Google names",
    "BILLING_DISABLED": "enable billing for the project, or add credit (docs/api-key.md)",
    "payment_required": "enable billing for the project, or add credit (docs/api-key.md)",
    "402": "enable billing for the project, or add credit (docs/api-key.md)",
    "FAILED_PRECONDITION": "run the bot in a country that Google serves, with billing enabled",
    "IAM_PERMISSION_DENIED": "give the service account the permission that Google names",
    "CONSUMER_INVALID": "check GOOGLE_CLOUD_PROJECT: it is the project's id, not its name",
    "invalid_grant": "create a new key for the service account, and check this machine's clock",
    "DefaultCredentialsError": "run gcloud auth application-default login, or set"
    " GOOGLE_APPLICATION_CREDENTIALS",
}
"""What to do, by Google's reason code; docs/operations.md explains the same codes."""
_CHECK_PRICES: Final = ("MODERATION_INPUT_USD", "MODERATION_OUTPUT_USD")
_PRICED_MODEL: Final = "gemini-3.5-flash-lite"
"""The model whose prices are the defaults, and which the documents recommend."""
_NETWORK_CURE: Final = (
    "check the network, the proxy (HTTPS_PROXY) and https://status.cloud.google.com"
)


def find_cure(route: GoogleRoute, reason: str | None) -> str:
    """Return what to do about a refusal of the account."""
    return _CURES.get(reason or "", f"check {ROUTE_SETTINGS[route]}")


def build_route_checks(
    routes: Mapping[GoogleRoute, VideoModels], catalog: ModelCatalog, today: date
) -> list[CheckGroup]:
    """Return the check of each configured route."""
    return [
        CheckGroup(
            route,
            partial(check_route, models, catalog.restrict_to(route).models, today),
            _ROUTE_LIMIT_S,
        )
        for route, models in routes.items()
    ]


async def check_route(
    models: VideoModels, specs: Sequence[ModelSpec], today: date
) -> Sequence[Finding]:
    """Ask Google about every model of a route, which costs nothing."""
    route = models.route
    try:
        answers = await models.check_reachability([spec.id for spec in specs])
    except AccessRefused as error:
        cure = find_cure(route, error.reason)
        return [Finding(route, CheckStatus.FAILED, f"refused: {error}", cure, error.reason)]
    except GoogleUnavailable as error:
        return [Finding(route, CheckStatus.FAILED, f"does not answer ({error})", _NETWORK_CURE)]
    except VideoError as error:
        return [Finding(route, CheckStatus.FAILED, str(error), f"check {ROUTE_SETTINGS[route]}")]
    refusals = {
        answer.model: answer.reason or "Google does not know it"
        for answer in answers
        if not answer.is_reachable
    }
    offered_count = len(answers) - len(refusals)
    findings = [_judge_route(route, specs, offered_count, today)]
    answered = {answer.model for answer in answers}
    for spec in specs:
        check = f"{route} {spec.id}"
        if spec.id not in answered:
            findings.append(
                Finding(
                    check, CheckStatus.FAILED, "Google did not answer", "run clapper doctor again"
                )
            )
        elif spec.id in refusals:
            message = f"not offered: {refusals[spec.id]}"
            if spec.has_retired(today):
                findings.append(Finding(check, CheckStatus.OK, message))
            else:
                cure = "use another model, or correct its id in MODELS_FILE"
                findings.append(Finding(check, CheckStatus.WARNING, message, cure))
    return findings


def _judge_route(
    route: GoogleRoute, specs: Sequence[ModelSpec], offered_count: int, today: date
) -> Finding:
    if offered_count:
        message = f"Google offers {offered_count} of {len(specs)} models"
        return Finding(route, CheckStatus.OK, message)
    if all(spec.has_retired(today) for spec in specs):  # the key is good for another route
        return Finding(route, CheckStatus.OK, "Google has shut down all models of this route")
    message = f"Google offers none of {len(specs)} models"
    cure = f"check {ROUTE_SETTINGS[route]}, and clapper models for newer ones"
    return Finding(route, CheckStatus.FAILED, message, cure)


def build_judge_checks(judge: GeminiContentJudge | None) -> list[CheckGroup]:
    """Return the check of MODERATION_MODEL, if it is set."""
    if judge is None:
        return []
    return [CheckGroup("MODERATION_MODEL", partial(_check_judge, judge), _CLOCK_LIMIT_S)]


async def _check_judge(judge: GeminiContentJudge) -> Sequence[Finding]:
    """Ask whether Google offers the model, which costs nothing."""
    check = "MODERATION_MODEL"
    try:
        await judge.check_model()
    except RemoteNotFound:
        cure = "set MODERATION_MODEL to a text model that Google offers"
        message = f"Google does not offer {judge.model}"
        return [Finding(check, CheckStatus.FAILED, message, cure)]
    except AccessRefused as error:
        cure = _CURES.get(error.reason or "", "check the API key or the credentials")
        return [Finding(check, CheckStatus.FAILED, f"refused: {error}", cure, error.reason)]
    except GoogleUnavailable as error:
        return [Finding(check, CheckStatus.FAILED, f"does not answer ({error})", _NETWORK_CURE)]
    except VideoError as error:
        cure = "set MODERATION_MODEL to a text model that Google offers"
        return [Finding(check, CheckStatus.FAILED, str(error), cure)]
    return [Finding(check, CheckStatus.OK, f"Google offers {judge.model}")]


def judge_check_prices(settings: Settings) -> Finding:
    """Judge the prices by which checks count for budgets: Google's API does not tell them."""
    check, model = "prices of checks", settings.moderation_model
    prices = (settings.moderation_input_usd, settings.moderation_output_usd)
    cure = f"set {' and '.join(_CHECK_PRICES)} to Google's prices for {model}"
    if 0 in prices:
        message = "a price is 0, so checks count for no budget as much as Google charges"
        return Finding(check, CheckStatus.WARNING, message, cure)
    message = f"${prices[0]} and ${prices[1]} for a million tokens in and out"
    is_chosen = any(name.lower() in settings.model_fields_set for name in _CHECK_PRICES)
    if model != _PRICED_MODEL and not is_chosen:
        message += f", which are those of {_PRICED_MODEL}"
        return Finding(check, CheckStatus.WARNING, message, cure)
    return Finding(check, CheckStatus.OK, message)


def build_clock_check(settings: Settings, clock: Clock) -> CheckGroup:
    """Return the comparison of this machine's clock with Google's."""
    return CheckGroup(
        "clock against Google", partial(_check_clock, settings, clock), _CLOCK_LIMIT_S
    )


async def _check_clock(settings: Settings, clock: Clock) -> Sequence[Finding]:
    """Read the Date of an answer to a request without key or token, which Google refuses."""
    if settings.gemini_api_key is not None:
        own_url, google_url = settings.gemini_api_url, GEMINI_API_URL
        path = "v1beta/models"
    else:
        own_url = settings.vertex_api_url
        google_url = build_api_url(settings.google_cloud_location)
        path = f"{API_VERSION}/publishers/google/models"
    async with open_session(uses_proxies=own_url is None) as session:
        try:
            answer = await request_page(session, f"{own_url or google_url}/{path}", clock)
        except NoAnswer as error:
            message = f"unknown, as Google does not answer: {error}"
            return [Finding("clock against Google", CheckStatus.WARNING, message, _NETWORK_CURE)]
    return [judge_clock("Google", answer)]
