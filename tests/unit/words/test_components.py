"""Every message and form, in every language, is within Discord's limits.

Each is built with the longest values and checked independently of the bot: by the sandbox's rules
and, if available, Discord's OpenAPI document.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from discord import ui

from bot.discord.permissions import REQUIRED_PERMISSIONS
from bot.domain.billing.limits import QuotaLine, QuotaStatus, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros, to_micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import UploadOption
from bot.domain.errors import LimitScope
from bot.domain.guild import GuildRules, ReviewScope
from bot.domain.jobs.job import Job, JobState, Outcome, UserInstallReply
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.remakes import Remake
from bot.domain.jobs.request import GenerationMode, VideoPlan
from bot.domain.moderation.question import ModeratorQuestion, QuestionState
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.post import ShowcasePost, ShowcaseSettings, WeeklyDigest
from bot.ui.clip_card import ClipCards
from bot.ui.help_text import build_help_view, build_welcome_view
from bot.ui.moderation_form import build_moderation_form
from bot.ui.questions import QuestionCards, build_end_view, build_waiting_view
from bot.ui.server_setup import (
    PermissionCheck,
    SetupPage,
    SetupState,
    build_setup_view,
    format_permission_checks,
)
from bot.ui.showcase_card import ShowcaseCards
from cogs._common.modals import (
    build_animate_form,
    build_edit_form,
    build_extend_form,
    build_reword_form,
    build_rewrite_form,
)
from sandbox.discord.components import read_components
from sandbox.discord.errors import FormErrors
from sandbox.discord.form_fields import FormFields
from sandbox.discord.modals import read_modal
from tests.harness import conformance
from tests.unit.words.examples import NOW, ORIGIN, a_clip, a_job, a_plan, enclosed
from tests.unit.words.test_languages import OFFERED

Json = dict[str, Any]


LONGEST: Final = "**a fox** _says_ `hello` " * 160
"""4,000 characters whose every word needs escaping."""
_MODAL: Final = 9
_V2: Final = 1 << 15


class Titles:
    def get_display_name(self, model: str) -> str:
        return "Veo 3.1 Fast Preview"

    def is_extendable(self, clip: Clip, now: datetime) -> bool:
        return True

    def is_editable(self, clip: Clip, now: datetime) -> bool:
        return True

    def list_remakes(self, plan: VideoPlan, now: datetime) -> list[Remake]:
        return [Remake.ULTRA_HD, Remake.UPRIGHT]

    def find_full_price(self, plan: VideoPlan, draft: Clip, now: datetime) -> Micros | None:
        return Micros(560_000)


def job_in(locale: str, **changes: Any) -> Job:
    plan = a_plan(prompt=LONGEST, seed=2**32 - 1)
    origin = replace(ORIGIN, locale=locale, guild_locale=locale)
    return a_job(plan=plan, origin=origin, **changes)


def cards(locale: str) -> Iterator[tuple[str, ui.LayoutView]]:
    """Yield every card of a job."""
    clip_cards = ClipCards(model_info=Titles())
    chain = {
        "extension_depth": 20,
        "parent_clip_id": 999_999,
        "root_clip_id": 900_000,
        "mode": GenerationMode.EXTENSION,
    }
    for option in UploadOption:
        parts = [
            replace(
                enclosed(id=1_000_000 + index, index=index, **chain),
                option=option,
                shorter_side=720,
                thumbnail_path="posters/1.jpg" if option is UploadOption.LINK else None,
                link="https://gallery.example.org/f/" + "x" * 200,
                link_expires_at=NOW + timedelta(days=7),
            )
            for index in range(4)
        ]
        yield f"clip {option}", clip_cards.build_clip_card(job_in(locale), parts[:1], NOW)
        yield f"clips {option}", clip_cards.build_clip_card(job_in(locale), parts, NOW)
    changed = {**chain, "mode": GenerationMode.EDIT, "seconds": 15, "width": 720, "height": 1280}
    edits = [enclosed(id=1_000_000 + index, index=index, **changed) for index in range(4)]
    yield "an edit", clip_cards.build_clip_card(job_in(locale), edits[:1], NOW)
    yield "edits", clip_cards.build_clip_card(job_in(locale), edits, NOW)
    eta = (NOW + timedelta(minutes=1), NOW + timedelta(minutes=6))
    for state in JobState:
        if not state.has_ended:
            progress = JobProgress(
                job_in(locale, state=state),
                queue_position=200,
                eta=eta,
                gives_up_at=NOW + timedelta(minutes=30),
                picture="inputs/frame.small-640.webp",
            )
            yield f"status {state}", clip_cards.build_status_card(progress)
    yield (
        "status cancelling",
        clip_cards.build_status_card(JobProgress(job_in(locale, cancel_requested=True))),
    )
    reply = UserInstallReply(message_id=1, editable_until=NOW + timedelta(minutes=15))
    user_install_job = job_in(locale, state=JobState.POLLING)
    user_install_job = replace(
        user_install_job, origin=replace(user_install_job.origin, user_install_reply=reply)
    )
    yield (
        "status of a user install",
        clip_cards.build_status_card(JobProgress(user_install_job, eta=eta)),
    )
    for waiting in (Outcome.GOOGLE_QUOTA, Outcome.GOOGLE_BUSY):
        job = job_in(locale, state=JobState.QUEUED)
        yield (
            f"waiting {waiting}",
            clip_cards.build_status_card(JobProgress(job, waiting_for=waiting, retry_at=NOW)),
        )
    for outcome in set(Outcome) - {Outcome.DELIVERED}:
        ended = job_in(locale, state=JobState.FAILED, outcome=outcome, detail="Because. " * 200)
        yield f"outcome {outcome}", clip_cards.build_outcome_card(ended)
    delivered = replace(job_in(locale), outcome=Outcome.DELIVERED)
    yield "notice", clip_cards.build_direct_notice(delivered, [a_clip()])


def showcase_messages(locale: str) -> Iterator[tuple[str, ui.LayoutView]]:
    """Yield every message of the showcase channel."""
    showcase_cards = ShowcaseCards(model_info=Titles())
    for locked in (False, True):
        for prompt in (LONGEST, None):
            entry = an_entry(prompt, locked=locked)
            yield (
                f"post {locked} {prompt is None}",
                showcase_cards.build_post_card(
                    a_showcase_post(entry, locale),
                    file_name=None if prompt is None else "clip-1.mp4",
                    web_address="https://gallery.example.org/clips/1000000",
                ),
            )
    best = tuple(an_entry(LONGEST, id=number) for number in range(3))
    yield (
        "digest",
        showcase_cards.build_digest_card(
            WeeklyDigest(
                1, ShowcaseSettings(10, locale=locale), NOW, NOW - timedelta(days=7), best, 20
            )
        ),
    )


def forms(locale: str) -> Iterator[tuple[str, ui.Modal]]:
    yield "form extend", build_extend_form(2**60, locale)
    yield "form edit", build_edit_form(2**60, locale)
    yield "form reword", build_reword_form(2**60, LONGEST * 2, locale)
    yield "form rewrite", build_rewrite_form(2**60, LONGEST * 2, locale)
    yield "form animate", build_animate_form(2**60, locale)
    rules = GuildRules(10, staff_channel=2**60, review_scope=ReviewScope.CHANNEL, reports_to_hide=7)
    for name, server in (("new", GuildRules(10)), ("changed", rules)):
        form = build_moderation_form(server, locale, has_staff_channel=True)
        yield f"form moderation {name}", form


def an_entry(prompt: str | None, *, locked: bool = False, **changes: Any) -> GalleryEntry:
    return GalleryEntry(
        clip=a_clip(prompt=prompt or "", parent_clip_id=11, extension_depth=3, **changes),
        guild_id=10,
        guild_name="A server",
        creator_name="Ada",
        prompt=prompt,
        votes=1_000_000,
        showcased_at=NOW,
        message_id=50,
        channel_id=51,
        hidden=False,
        locked=locked,
    )


def a_showcase_post(entry: GalleryEntry, locale: str) -> ShowcasePost:
    return ShowcasePost(
        id=7,
        entry=entry,
        public=True,
        withdrawn=False,
        in_sync=False,
        owner=None,
        change_count=0,
        revision=1,
        revision_at=NOW,
        added_by=30,
        locale=locale,
    )


def a_question(locale: str = "en-US", **changes: Any) -> ModeratorQuestion:
    """Return a request that waits for a moderator."""
    origin = replace(ORIGIN, locale=locale, guild_locale=locale)
    plan = a_plan(prompt=changes.pop("prompt", "a g0re fox"), negative_prompt="g0re")
    facts: dict[str, Any] = {
        "id": 7,
        "state": QuestionState.WAITING,
        "plan": plan,
        "origin": origin,
        "entry": "gore",
        "by_operator": False,
        "asked_at": NOW,
        "decided_by": 42,
        "job_id": 3,
        "failure": "Because. " * 40,
    }
    return ModeratorQuestion(**facts | changes)


def questions(locale: str) -> Iterator[tuple[str, ui.LayoutView]]:
    """Yield what is posted about a request that waits for a moderator."""
    question = a_question(locale, prompt=LONGEST, entry="*_" * 30)
    names = [f"reference-{number}.png" for number in range(1, 6)]
    yield "question", QuestionCards(Titles()).build_question(question, names)
    yield "waiting", build_waiting_view(question)
    for state in QuestionState:
        if not state.is_open and state is not QuestionState.STARTED:
            yield f"end {state}", build_end_view(replace(question, state=state))


def guides(locale: str) -> Iterator[tuple[str, ui.LayoutView]]:
    """Yield the guides, and `/server setup` with as much set as possible."""
    lines = tuple(
        QuotaLine(scope, limit, 10**12, 10**11, NOW)
        for scope in LimitScope
        for limit in ("clips_per_day", "seconds_per_day", "usd_per_day", "usd_per_month")
    )
    yield "help", build_help_view(QuotaStatus(lines), locale, is_admin=True)
    yield "help without a limit", build_help_view(QuotaStatus(), locale, is_admin=False)
    yield "welcome", build_welcome_view(SpendingPolicy(), locale)
    channels = frozenset(range(10**18, 10**18 + 25))
    million = to_micros("1000000")
    full = SetupState(
        rules=GuildRules(
            10,
            allowed_channels=channels,
            locale="ja",
            staff_channel=10**18,
            review_scope=ReviewScope.UNTRUSTED,
            trusted_role=10**18,
            reports_to_hide=25,
        ),
        member_limits=UsageLimits(10**6, 10**6, million, million, 10**6),
        showcase_channel_id=10**18,
        existing_channel_ids=channels,
        discord_locale=locale,
        word_count=1000,
        block_count=10**6,
        existing_role_ids=channels,
    )
    tested = [PermissionCheck(channel, [*REQUIRED_PERMISSIONS, "connect"]) for channel in channels]
    notice = format_permission_checks(tested, locale)
    nothing = SetupState(GuildRules(10), UsageLimits(), None, frozenset(), locale)
    for page in SetupPage:
        yield f"setup {page}", build_setup_view(full, locale, page=page, notice=notice)
        yield f"setup {page} of nothing", build_setup_view(nothing, locale, page=page)


BUILDERS: Final[tuple[Callable[[str], Iterator[tuple[str, ui.LayoutView | ui.Modal]]], ...]] = (
    cards,
    showcase_messages,
    forms,
    guides,
    questions,
)


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: builder.__name__)
@pytest.mark.parametrize("spoken", OFFERED)
async def test_discord_takes_every_component(
    spoken: str, builder: Callable[[str], Iterator[tuple[str, ui.LayoutView | ui.Modal]]]
) -> None:
    entries = []
    views = list(builder(spoken))
    assert len({name for name, _ in views}) == len(views)
    for number, (name, view) in enumerate(views):
        body = build_body(view)
        check_by_sandbox(name, body)
        entries.append(as_request(number, body))
    report = conformance.check_requests(entries)
    if report.not_checked:
        pytest.skip(report.not_checked)
    assert report.checked == len(views)
    assert report.problems == []


def test_component_validators_reject_invalid() -> None:
    """Both sides refuse a label over its limit."""
    view = ui.LayoutView(timeout=None)
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    row.add_item(ui.Button(label="x" * 81, custom_id="y"))
    view.add_item(row)
    with pytest.raises(AssertionError, match="too long"):
        check_by_sandbox("a long label", build_body(view))
    report = conformance.check_requests([as_request(1, build_body(view))])
    assert report.not_checked or report.problems


def build_body(view: ui.LayoutView | ui.Modal) -> Json:
    """Return the body in which it is sent."""
    if isinstance(view, ui.Modal):
        return {"type": _MODAL, "data": view.to_dict()}
    return {"flags": _V2, "components": view.to_components()}  # type: ignore[no-untyped-call]


def check_by_sandbox(name: str, body: Json) -> None:
    """Raise `AssertionError` for what the sandbox refuses."""
    errors = FormErrors()
    if body.get("type") == _MODAL:
        read_modal(FormFields(body["data"], errors))
    else:
        files = {
            item["media"]["url"].removeprefix("attachment://"): number
            for number, item in enumerate(galleries(body["components"]))
        }
        read_components(FormFields(body, errors), files, v2=True)
    assert not errors, f"{name}: too long or otherwise wrong: {errors._tree}"


def galleries(components: list[Json]) -> Iterator[Json]:
    for component in components:
        yield from component.get("items", [])
        if "file" in component:
            yield {"media": component["file"]}
        yield from galleries(component.get("components", []))


def as_request(number: int, body: Json) -> Json:
    modal = body.get("type") == _MODAL
    path = "/interactions/1/token/callback" if modal else "/channels/1/messages"
    return {
        "n": number,
        "server": "discord",
        "method": "POST",
        "path": conformance.PREFIX + path,
        "json": body,
        "status": 204 if modal else 200,
    }
