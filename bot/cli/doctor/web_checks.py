"""Whether visitors reach the web server at ``PUBLIC_URL``, and whether it sees who they are."""

import time
from collections.abc import Sequence
from typing import Final

from bot.cli.doctor.findings import CheckStatus, Finding
from bot.cli.doctor.http_requests import HttpAnswer, NoAnswer, open_session, request_page
from bot.config.settings import Settings
from bot.domain.ports import Clock
from bot.observability.heartbeat import find_health_problem
from bot.web.operations import VISITOR_HEADER, VisitorSource

_ADDRESS_CHECK: Final = "PUBLIC_URL"
_PROXY_CHECK: Final = "proxy"
_PROXY_GUIDE: Final = 'docs/operations.md, "The web server"'


async def check_public_url(settings: Settings, clock: Clock) -> Sequence[Finding]:
    """Ask the web server as a visitor would, which works only while it runs."""
    if settings.public_url is None:
        message = "not set: nothing links to the gallery, and large clips get no download link"
        return [Finding(_ADDRESS_CHECK, CheckStatus.OK, message)]
    url = settings.public_url.rstrip("/")
    async with open_session() as session:
        try:
            answer = await request_page(session, f"{url}/healthz", clock)
        except NoAnswer as error:
            return [_judge_silence(settings, str(error))]
    if 300 <= answer.status < 400:
        message = f"redirects to {answer.headers.get('Location', 'another address')}"
        cure = "set PUBLIC_URL to the address that it redirects to"
        return [Finding(_ADDRESS_CHECK, CheckStatus.FAILED, message, cure, str(answer.status))]
    if answer.status >= 500:
        return [
            _judge_silence(settings, "a proxy answers, but the web server does not", answer.status)
        ]
    if answer.status != 200 or VISITOR_HEADER not in answer.headers:
        message = "another program answers there, or a proxy asks for a password or a challenge"
        cure = f"pass requests on to WEB_HOST and WEB_PORT ({_PROXY_GUIDE})"
        return [Finding(_ADDRESS_CHECK, CheckStatus.FAILED, message, cure, str(answer.status))]
    return [
        Finding(_ADDRESS_CHECK, CheckStatus.OK, f"the web server answers at {url}"),
        judge_proxy(answer, settings),
    ]


def _judge_silence(settings: Settings, problem: str, status: int | None = None) -> Finding:
    """Judge an address where the web server does not answer: it may just not be running."""
    reason = None if status is None else str(status)
    if find_health_problem(settings.data_dir, time.time()) is not None:
        message = f"cannot be checked, as the bot is not running here ({problem})"
        cure = "start the bot, then run clapper doctor again"
        return Finding(_ADDRESS_CHECK, CheckStatus.WARNING, message, cure, reason)
    cure = f"check the name, the certificate and the proxy ({_PROXY_GUIDE})"
    return Finding(
        _ADDRESS_CHECK, CheckStatus.FAILED, f"cannot be reached: {problem}", cure, reason
    )


def judge_proxy(answer: HttpAnswer, settings: Settings) -> Finding:
    """Judge how the web server learned who asked."""
    try:
        source = VisitorSource(answer.headers[VISITOR_HEADER])
    except ValueError:
        return Finding(
            _PROXY_CHECK,
            CheckStatus.WARNING,
            "the web server is a different version",
            "restart it, so that all programs are the same version",
        )
    if source is VisitorSource.UNTRUSTED_PROXY:
        return Finding(
            _PROXY_CHECK,
            CheckStatus.WARNING,
            "a proxy sends X-Forwarded-For, but TRUSTED_PROXIES does not name it, so all visitors"
            " share one visitor's limits",
            "set TRUSTED_PROXIES to the proxy's address, e.g. 127.0.0.1 on the same machine",
        )
    is_expected = bool(settings.trusted_proxies) or _is_behind_tls(settings)
    if source is VisitorSource.SILENT_PROXY or (source is VisitorSource.DIRECT and is_expected):
        return Finding(
            _PROXY_CHECK,
            CheckStatus.WARNING,
            "X-Forwarded-For does not arrive, so all visitors share one visitor's limits",
            f"make the proxy send X-Forwarded-For, and name it in TRUSTED_PROXIES ({_PROXY_GUIDE})",
        )
    if source is VisitorSource.DIRECT:
        return Finding(_PROXY_CHECK, CheckStatus.OK, "none in between")
    return Finding(_PROXY_CHECK, CheckStatus.OK, "it tells the web server who visits")


def _is_behind_tls(settings: Settings) -> bool:
    """Return whether something in front of the web server, which has no TLS, must add it."""
    return settings.public_url is not None and settings.public_url.startswith("https://")
