"""*Report this clip* in the gallery, for visitors without an account or JavaScript.

Other sites cannot report in a visitor's name: the form carries a random text that a cookie of this
site has too, and that cookie is never sent with requests from other sites. Browsers send no usable
``Origin`` here, because these pages have no referrer.
"""

import re
import secrets
from typing import Final

from aiohttp import web

from bot.domain.moderation.report import ReportReceipt
from bot.domain.ports import Clock
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.page_paths import CLIPS_PREFIX
from bot.services.moderation.reports import ReportIntake
from bot.web import security
from bot.web.application import CLIP_SEGMENT
from bot.web.pages import render_page
from bot.web.rate_limit import TokenBucket, derive_visitor_key
from bot.web.site import PAGE_TEXTS, SITE, WEB_INSTRUMENTS, get_public_entry
from bot.web.view_models import build_card_view

REPORT_COOKIE: Final = "report"
REPORT_COOKIE_LIFETIME_S: Final = 3600
REPORTS_PER_MINUTE: Final = 1.0
REPORT_BURST: Final = 5.0
_FIELD: Final = "token"
_TOKEN_BYTES: Final = 16
_TOKEN: Final = re.compile("[0-9a-f]{32}")
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_FETCH_SITE: Final = "Sec-Fetch-Site"


class ReportPages:
    """Adds the pages. Call it with the application."""

    def __init__(self, intake: ReportIntake, clock: Clock) -> None:
        self._intake = intake
        self._bucket = TokenBucket(
            per_minute=REPORTS_PER_MINUTE, burst=REPORT_BURST, monotonic=clock.monotonic
        )

    def __call__(self, app: web.Application) -> None:
        path = f"{CLIPS_PREFIX}/{CLIP_SEGMENT}/report"
        app.router.add_get(path, self.show_form)
        app.router.add_post(path, self.receive_report)

    async def show_form(self, request: web.Request) -> web.Response:
        entry = await get_public_entry(request)
        token = request.cookies.get(REPORT_COOKIE, "")
        if _TOKEN.fullmatch(token) is None:
            token = secrets.token_hex(_TOKEN_BYTES)
        response = _render_report(request, entry, token=token)
        response.set_cookie(
            REPORT_COOKIE,
            token,
            max_age=REPORT_COOKIE_LIFETIME_S,
            path=request.path,
            httponly=True,
            samesite="Strict",
            secure=request.app[SITE].base_url.scheme == "https",
        )
        return response

    async def receive_report(self, request: web.Request) -> web.Response:
        """Record a report and say so. Raises `web.HTTPBadRequest` for a form of another site."""
        if request.content_type != _FORM_TYPE:
            raise web.HTTPBadRequest
        form = await request.post()
        cookie, token = request.cookies.get(REPORT_COOKIE, ""), form.get(_FIELD)
        is_same_site = request.headers.get(_FETCH_SITE, "same-origin") in ("same-origin", "none")
        if _TOKEN.fullmatch(cookie) is None or token != cookie or not is_same_site:
            raise web.HTTPBadRequest
        entry = await get_public_entry(request)
        address = security.get_client_ip(request)
        wait_s = self._bucket.take_tokens(address, 1.0)
        if wait_s > 0:
            request.app[WEB_INSTRUMENTS].refusals.labels("reports").inc()
            response = _render_report(request, entry, status=429, sent="limited")
            response.headers["Retry-After"] = str(int(wait_s) + 1)
            return response
        receipt = await self._intake.report_as_visitor(
            entry.clip, entry.guild_id, derive_visitor_key(address)
        )
        key = "again" if receipt is ReportReceipt.REPEATED else "sent"
        return _render_report(request, entry, sent=key)


def _render_report(
    request: web.Request,
    entry: GalleryEntry,
    *,
    status: int = 200,
    token: str | None = None,
    sent: str | None = None,
) -> web.Response:
    """Return the form with ``token``, or with ``sent`` what became of a report."""
    clip = build_card_view(entry, request.app[SITE], request[PAGE_TEXTS])
    response = render_page(request, "report.html", status=status, clip=clip, token=token, sent=sent)
    response.headers["Cache-Control"] = "no-store"
    return response
