"""The pages with the terms and on privacy, made from what this installation really does.

Every sentence that differs between operators, or that a change of the code could make wrong, takes
its numbers and names from `LegalFacts`. `bot.app.legal` fills that from the settings and from the
constants of the code that does what the sentence says.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bot.domain.legal_pages import PRIVACY_PATH, TERMS_PATH
from bot.web.legal_facts import LegalFacts
from bot.web.page_texts import PageTexts
from bot.web.pages import render_page
from bot.web.site import PAGE_TEXTS, SITE

_DISCORD_RULES: Final = ("https://discord.com/terms", "https://discord.com/guidelines")
_GOOGLE_RULES: Final = ("https://policies.google.com/terms/generative-ai/use-policy",)


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """A row of the list of what is kept: what, and for how long."""

    what: str
    period: str


@dataclass(frozen=True, slots=True)
class LegalSection:
    """A part of a page: a heading, a list of what is kept, sentences, and links to other rules."""

    heading: str
    sentences: Sequence[str]
    retentions: Sequence[RetentionRow] = ()
    links: Sequence[str] = ()


async def show_terms(request: web.Request) -> web.Response:
    return _show_page(request, TERMS_PATH, "legal.terms", build_terms)


async def show_privacy(request: web.Request) -> web.Response:
    return _show_page(request, PRIVACY_PATH, "legal.privacy", build_privacy)


def _show_page(
    request: web.Request,
    path: str,
    title: str,
    build: Callable[[PageTexts, LegalFacts], Sequence[LegalSection]],
) -> web.Response:
    texts, facts = request[PAGE_TEXTS], request.app[SITE].legal_facts
    return render_page(
        request, "legal.html", address=path, title=texts(title), sections=build(texts, facts)
    )


def build_terms(texts: PageTexts, facts: LegalFacts) -> Sequence[LegalSection]:
    """Return the terms of use."""
    return [
        _describe_operator(texts, facts),
        LegalSection(texts("terms.what"), [texts("terms.bot")]),
        LegalSection(
            texts("terms.rules"),
            [texts("terms.discord"), texts("terms.google"), texts("terms.images")],
            links=[*_DISCORD_RULES, *_GOOGLE_RULES],
        ),
        LegalSection(
            texts("terms.costs"),
            [texts("terms.price"), texts("terms.limits"), texts("terms.refund")],
        ),
        LegalSection(
            texts("terms.clips"),
            [texts("terms.footage"), texts("terms.moderation"), texts("terms.keeping")],
        ),
        LegalSection(texts("terms.warranty"), [texts("terms.away")]),
    ]


def build_privacy(texts: PageTexts, facts: LegalFacts) -> Sequence[LegalSection]:
    """Return what is kept, where and for how long, who else gets it, and how to delete it."""
    return [
        _describe_operator(texts, facts),
        LegalSection(
            texts("privacy.kept"),
            [*_describe_file_limits(texts, facts)],
            retentions=[*_list_retentions(texts, facts)],
        ),
        LegalSection(texts("privacy.where"), [*_describe_places(texts, facts)]),
        LegalSection(texts("privacy.others"), [*_describe_recipients(texts, facts)]),
        LegalSection(texts("privacy.gallery"), [*_describe_gallery(texts, facts)]),
        LegalSection(
            texts("privacy.visitors"),
            [
                _describe_cookies(texts, facts),
                texts("privacy.address"),
                texts(
                    "privacy.report_visitors", days=texts.format_days(facts.keep_moderation_days)
                ),
            ],
        ),
        LegalSection(
            texts("privacy.rights"),
            [
                texts("privacy.show"),
                texts("privacy.forget", days=texts.format_days(facts.pseudonym_days)),
                texts("privacy.backups"),
            ],
        ),
    ]


def _describe_operator(texts: PageTexts, facts: LegalFacts) -> LegalSection:
    name, contact = facts.operator_name, facts.operator_contact
    return LegalSection(
        texts("legal.operator"),
        [
            texts("legal.named", name=name) if name else texts("legal.unnamed"),
            texts("legal.contact", contact=contact) if contact else texts("legal.unreachable"),
        ],
    )


def _list_retentions(texts: PageTexts, facts: LegalFacts) -> Iterator[RetentionRow]:
    def name_days(days: int | None, otherwise: str) -> str:
        return texts(otherwise) if days is None else texts.format_days(days)

    yield RetentionRow(texts("privacy.requests"), texts("privacy.until_forget"))
    files_period = name_days(facts.keep_files_days, "privacy.until_deleted")
    yield RetentionRow(texts("privacy.files"), files_period)
    yield RetentionRow(
        texts("privacy.charges"), name_days(facts.keep_charges_days, "privacy.permanent")
    )
    if facts.keep_charges_days is not None:
        yield RetentionRow(texts("privacy.sums"), texts("privacy.permanent"))
    yield RetentionRow(texts("privacy.stars"), texts("privacy.until_removed"))
    yield RetentionRow(texts("privacy.notify"), texts("privacy.until_forget"))
    yield RetentionRow(texts("privacy.log"), texts.format_days(facts.keep_moderation_days))
    most = texts("privacy.reports_at_most", days=texts.format_days(facts.keep_moderation_days))
    yield RetentionRow(texts("privacy.reports"), most)
    yield RetentionRow(texts("privacy.reviews"), texts("privacy.like_request"))
    least = texts("privacy.cases_at_least", days=texts.format_days(facts.keep_moderation_days))
    yield RetentionRow(texts("privacy.cases"), least)
    waiting = texts("privacy.reports_at_most", days=texts.format_days(facts.keep_questions_days))
    yield RetentionRow(texts("privacy.questions"), waiting)
    yield RetentionRow(texts("privacy.limits"), texts("privacy.until_server"))
    yield RetentionRow(texts("privacy.left"), texts.format_days(facts.keep_left_servers_days))


def _describe_file_limits(texts: PageTexts, facts: LegalFacts) -> Iterator[str]:
    if facts.keep_files_days is not None:
        yield texts("privacy.showcased")
    if facts.keep_files_gigabytes is not None:
        size = texts.format_number(facts.keep_files_gigabytes)
        yield texts("privacy.space", gigabytes=size)


def _describe_places(texts: PageTexts, facts: LegalFacts) -> Iterator[str]:
    is_server = facts.uses_database_server
    yield texts("privacy.database_server") if is_server else texts("privacy.database_file")
    host = facts.file_host
    yield texts("privacy.files_folder") if host is None else texts("privacy.files_host", host=host)
    yield texts("privacy.log_lines")
    yield texts("privacy.origin_check")
    if facts.signs_files:
        yield texts("privacy.signed")


def _describe_recipients(texts: PageTexts, facts: LegalFacts) -> Iterator[str]:
    for service in facts.google_services:
        yield texts("privacy.google", service=service)
    for host in facts.gateways:
        yield texts("privacy.gateway", host=host)
    minutes = texts.format_number(facts.keep_checks_minutes)
    if facts.check_service is not None:
        yield texts("privacy.check", service=facts.check_service, minutes=minutes)
    if facts.check_gateway is not None:
        yield texts("privacy.check_gateway", host=facts.check_gateway, minutes=minutes)
    if facts.checks_results:
        yield texts("privacy.check_results")
    if facts.uses_omni:
        yield texts(
            "privacy.omni",
            days=texts.format_days(facts.keep_omni_days),
            file_days=texts.format_days(facts.keep_google_files_days),
        )
        yield texts("privacy.remote", days=texts.format_days(facts.delete_at_google_days))
    if facts.fills_google_bucket:
        yield texts("privacy.bucket")
    if facts.time_stamp_host is not None:
        yield texts("privacy.time_stamp", host=facts.time_stamp_host)
    yield texts("privacy.staff")
    yield texts("privacy.discord")
    yield texts("privacy.nobody")


def _describe_cookies(texts: PageTexts, facts: LegalFacts) -> str:
    days = texts.format_days(facts.cookie_days)
    adult_days = texts.format_days(facts.adult_cookie_days)
    return texts("privacy.cookies", days=days, adult_days=adult_days)


def _describe_gallery(texts: PageTexts, facts: LegalFacts) -> Iterator[str]:
    if facts.gallery_address is None:
        yield texts("privacy.unlisted")
    elif facts.adults_only:
        yield texts("privacy.public_adults", address=facts.gallery_address)
    else:
        yield texts("privacy.public", address=facts.gallery_address)
        yield texts("privacy.adult_servers")
    yield texts("privacy.consent")
    yield texts("privacy.own_page")
    if facts.download_link_days is not None:
        yield texts("privacy.links", days=texts.format_days(facts.download_link_days))
