"""Clip and job cards: their content, and that nothing a member typed has an effect."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from discord import ButtonStyle, ui

from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import HistoryPage
from bot.domain.clips.upload_options import PreparedUpload, UploadOption
from bot.domain.jobs.job import Job, JobState, Outcome, UserInstallReply
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.remakes import Remake
from bot.domain.jobs.request import GenerationMode, GoogleRoute, VideoPlan
from bot.i18n.catalogs import translate
from bot.ui.clip_card import STATUS_PICTURE_NAME, ClipCards
from bot.ui.components import ActionButton, build_text_view
from bot.ui.error_messages import describe_outcome
from bot.ui.job_details import format_job_details
from bot.ui.text_lists import format_history, format_unknown_jobs
from tests.harness.texts import quote_pattern, quote_text
from tests.unit.words.examples import NOW, ORIGIN, a_clip, a_job, a_plan, enclosed

EVIL = (
    "# Big **bold** `code` ||spoiler|| @everyone @here <@123456789012345678> "
    "<@&223456789012345678> <#323456789012345678> [click](https://evil.example) "
    "<:blob:423456789012345678> </video generate:523456789012345678>\n> quote\n- list"
)


class Titles:
    """A model that extends what Google keeps, and one that edits copies."""

    def __init__(
        self, *, extendable: bool = True, editable: bool = False, remakes: Sequence[Remake] = ()
    ) -> None:
        self._extendable = extendable
        self._editable = editable
        self._remakes = remakes

    def get_display_name(self, model: str) -> str:
        return "Veo 3.1 Fast"

    def is_extendable(self, clip: Clip, now: datetime) -> bool:
        expires = clip.remote_expires_at
        return self._extendable and (expires is None or now < expires)

    def is_editable(self, clip: Clip, now: datetime) -> bool:
        return self._editable

    def list_remakes(self, plan: VideoPlan, now: datetime) -> list[Remake]:
        return list(self._remakes)

    def find_full_price(self, plan: VideoPlan, draft: Clip, now: datetime) -> Micros | None:
        return Micros(560_000)


def texts(view: ui.LayoutView) -> str:
    return "\n".join(i.content for i in view.walk_children() if isinstance(i, ui.TextDisplay))


def buttons(view: ui.LayoutView) -> dict[str, str]:
    return {
        str(item.item.label): item.custom_id
        for item in view.walk_children()
        if isinstance(item, ActionButton)
    }


def name_buttons(*actions: str) -> list[str]:
    return [quote_text(f"button.{action}") for action in actions]


def describe(job: Job, clip: Clip, titles: Titles | None = None) -> str:
    return "\n".join(format_job_details(job, [clip], titles or Titles(), None, now=NOW))


def list_promises(text: str) -> set[str]:
    """Return what *Details* says a reply can do, as the ends of the texts' keys."""
    facts = re.split(r" · |\n", text)
    ways = ("extendable", "editable", "changeable")
    return {
        key
        for key in (*ways, *(f"{way}_until" for way in ways))
        if any(quote_pattern(f"card.{key}").fullmatch(fact) for fact in facts)
    }


def check(view: ui.LayoutView) -> None:
    """Check what every view must satisfy: Discord's limits, and nothing that discord.py stores."""
    assert view.timeout is None
    assert view.content_length() <= 4000
    items = list(view.walk_children())
    assert len(items) <= 40
    ids = [i.custom_id for i in items if isinstance(i, ActionButton)]
    assert len(ids) == len(set(ids))
    assert all(len(each) <= 100 for each in ids)
    assert not [i for i in items if isinstance(i, ui.Button) and i.custom_id]  # only dynamic ones
    for item in items:
        if isinstance(item, ui.ActionRow):
            assert len(item.children) <= 5


async def test_a_clip_card_is_the_clip_the_prompt_and_one_quiet_line() -> None:
    view = ClipCards(model_info=Titles()).build_clip_card(a_job(), [enclosed()], NOW)
    check(view)
    container = next(i for i in view.walk_children() if isinstance(i, ui.Container))
    kinds = [ui.MediaGallery, ui.TextDisplay, ui.TextDisplay, ui.ActionRow, ui.ActionRow]
    assert [type(item) for item in container.children] == kinds
    prompt, facts = texts(view).splitlines()
    assert prompt == "A red fox in the snow"
    by, number = translate("card.by", member="<@30>"), translate("card.clip", clip="#12")
    origin = translate("card.origin", model="Veo 3.1 Fast")
    assert facts == f"-# {origin} · 8 s · {by} · {number}"
    assert {
        "clapper:extend:12",
        "clapper:redo:7",
        "clapper:reword:7",
        "clapper:details:7",
        "clapper:delete:7",
    } <= set(buttons(view).values())
    gallery = next(i for i in view.walk_children() if isinstance(i, ui.MediaGallery))
    assert [item.media.url for item in gallery.items] == [
        "attachment://clip-12-ai-veo-3.1-fast.mp4"
    ]


def test_every_button_of_a_clip_has_an_icon_and_delete_is_quiet_and_last() -> None:
    cards = ClipCards(model_info=Titles(editable=True))
    for clips in ([enclosed()], [enclosed(id=12 + n, index=n) for n in range(4)]):
        view = cards.build_clip_card(a_job(), clips, NOW)
        shown = [each.item for each in view.walk_children() if isinstance(each, ActionButton)]
        assert all(button.emoji and button.label for button in shown)
        assert shown[-1].custom_id == "clapper:delete:7"
        assert not [button for button in shown if button.style is ButtonStyle.danger]


@pytest.mark.parametrize("remakes", [[], [Remake.FULL_HD], [Remake.FULL_HD, Remake.UPRIGHT]])
def test_no_button_is_alone_in_a_line(remakes: list[Remake]) -> None:
    """A card of Discord's is as wide as four buttons of this length."""
    cards = ClipCards(model_info=Titles(editable=True, remakes=remakes))
    view = cards.build_clip_card(a_job(), [enclosed()], NOW)
    check(view)
    rows = [item for item in view.walk_children() if isinstance(item, ui.ActionRow)]
    assert all(2 <= len(row.children) <= 4 for row in rows)


def test_the_price_is_only_in_a_card_that_only_the_requester_reads() -> None:
    cards = ClipCards(model_info=Titles())
    assert "$" not in texts(cards.build_clip_card(a_job(), [enclosed()], NOW))
    view = cards.build_clip_card(a_job(), [enclosed()], NOW, with_price=True)
    assert texts(view).endswith(" · $0.80")
    private = replace(ORIGIN, guild_id=None)
    reply = UserInstallReply(message_id=1, editable_until=NOW)
    assert private.is_private
    assert not ORIGIN.is_private
    assert not replace(private, user_install_reply=reply).is_private


async def test_card_names_lineage_and_offers_only_possible_extensions() -> None:
    clip = a_clip(extension_depth=2, parent_clip_id=11, root_clip_id=9, seconds=22)
    view = ClipCards(model_info=Titles(extendable=False)).build_clip_card(
        a_job(), [PreparedUpload(clip)], NOW
    )
    check(view)
    assert quote_text("card.chain", count=2, root="#9", parent="#11") in texts(view)
    assert "22 s" in texts(view)
    assert translate("button.extend") not in buttons(view)

    again = a_clip(extension_depth=1, parent_clip_id=9, root_clip_id=9, seconds=15)
    text = texts(
        ClipCards(model_info=Titles()).build_clip_card(a_job(), [PreparedUpload(again)], NOW)
    )
    assert quote_text("card.extension", parent="#9") in text
    assert text.count("#9") == 1


async def test_each_of_several_clips_has_an_extend_button() -> None:
    clips = [enclosed(id=12 + n, index=n) for n in range(4)]
    view = ClipCards(model_info=Titles()).build_clip_card(a_job(), clips, NOW)
    check(view)
    assert [f"clapper:extend:{12 + n}" for n in range(4)] == [
        each for each in buttons(view).values() if "extend" in each
    ]


def test_edit_stands_beside_extend_where_a_model_can_do_it() -> None:
    cards = ClipCards(model_info=Titles(editable=True))
    view = cards.build_clip_card(a_job(), [enclosed()], NOW)
    check(view)
    rows = [
        [str(button.item.label) for button in row.children if isinstance(button, ActionButton)]
        for row in view.walk_children()
        if isinstance(row, ui.ActionRow)
    ]
    assert rows == [
        name_buttons("extend", "edit_clip", "redo", "reword"),
        name_buttons("takes", "showcase", "details", "delete"),
    ]
    assert buttons(view)[quote_text("button.edit_clip")] == "clapper:edit_clip:12"
    cards = ClipCards(model_info=Titles(editable=True, remakes=(Remake.FULL_HD, Remake.UPRIGHT)))
    remade = buttons(cards.build_clip_card(a_job(), [enclosed()], NOW))
    assert list(remade)[4:] == name_buttons(
        "takes", "full_hd", "upright", "showcase", "details", "delete"
    )
    assert remade[quote_text("button.upright")] == "clapper:upright:7"
    several = [enclosed(id=12 + n, index=n) for n in range(4)]
    view = cards.build_clip_card(a_job(plan=a_plan(videos=4)), several, NOW)
    check(view)
    assert [quote_text("button.edit_clip_one", clip=12 + n) for n in range(4)] == [
        label for label, target in buttons(view).items() if ":edit_clip:" in target
    ]


@pytest.mark.parametrize(
    ("extendable", "editable", "promises", "promises_if_kept"),
    [
        (True, False, {"extendable_until"}, {"extendable"}),
        (False, True, {"editable"}, {"editable"}),
        (True, True, {"extendable_until", "editable"}, {"changeable"}),
        (False, False, set(), set()),
    ],
)
def test_details_say_what_a_reply_can_do_and_until_when(
    extendable: bool, editable: bool, promises: set[str], promises_if_kept: set[str]
) -> None:
    titles = Titles(extendable=extendable, editable=editable)
    assert list_promises(describe(a_job(), a_clip(), titles)) == promises
    kept = a_clip(remote_uri=None, remote_expires_at=None)
    assert list_promises(describe(a_job(), kept, titles)) == promises_if_kept


def test_an_edit_is_called_an_edit() -> None:
    edit = a_clip(mode=GenerationMode.EDIT, parent_clip_id=11, root_clip_id=9, extension_depth=1)
    cards = ClipCards(model_info=Titles())
    plan = a_plan(mode=GenerationMode.EDIT, source=a_clip(id=11).as_source())
    text = texts(cards.build_clip_card(a_job(plan=plan), [PreparedUpload(edit)], NOW))
    assert quote_text("card.edit", parent="#11") in text
    assert quote_text("card.extension") not in text
    status = texts(cards.build_status_card(JobProgress(a_job(state=JobState.POLLING, plan=plan))))
    assert quote_text("status.edits", clip=11) in status


@pytest.mark.parametrize(
    ("made", "difference"),
    [
        ({}, None),
        ({"width": 1280, "height": 718}, None),
        ({"seconds": 10}, ("8 s", "10 s")),
        ({"width": 720, "height": 1280}, ("16:9", "720×1280")),
    ],
)
def test_a_clip_that_is_not_as_asked_for_says_so(
    made: dict[str, int], difference: tuple[str, str] | None
) -> None:
    note = None
    if difference is not None:
        note = quote_text("card.differs", wished=difference[0], made=difference[1])
    cards = ClipCards(model_info=Titles())
    text = texts(cards.build_clip_card(a_job(), [enclosed(**made)], NOW))
    assert (quote_text("card.differs") in text) is (note is not None)
    assert note is None or note in text
    two = [enclosed(id=12), enclosed(id=13, index=1, **made)]
    text = texts(cards.build_clip_card(a_job(plan=a_plan(videos=2)), two, NOW))
    assert note is None or f"#13: {note}" in text


def test_an_extension_is_compared_with_its_whole_length() -> None:
    plan = a_plan(
        mode=GenerationMode.EXTENSION,
        seconds=7,
        result_seconds=15,
        source=a_clip(id=11).as_source(),
    )
    cards = ClipCards(model_info=Titles())
    as_asked = enclosed(mode=GenerationMode.EXTENSION, parent_clip_id=11, seconds=15)
    text = texts(cards.build_clip_card(a_job(plan=plan), [as_asked], NOW))
    assert quote_text("card.differs") not in text


async def test_long_prompt_is_truncated() -> None:
    job = a_job(plan=a_plan(prompt="word " * 2000))
    view = ClipCards(model_info=Titles()).build_clip_card(job, [enclosed()], NOW)
    check(view)
    assert len(texts(view)) < 800


@pytest.mark.parametrize("shape", ["clip", "status", "notice", "outcome"])
async def test_user_text_is_escaped_in_every_message(shape: str) -> None:
    cards = ClipCards(model_info=Titles())
    job = a_job(plan=a_plan(prompt=EVIL), outcome=Outcome.BLOCKED, detail=EVIL)
    view = {
        "clip": lambda: cards.build_clip_card(job, [enclosed()], NOW),
        "status": lambda: cards.build_status_card(
            JobProgress(replace(job, state=JobState.POLLING))
        ),
        "notice": lambda: cards.build_direct_notice(
            replace(job, outcome=Outcome.DELIVERED), [a_clip()]
        ),
        "outcome": lambda: cards.build_outcome_card(job),
    }[shape]()
    check(view)
    text = texts(view).replace(f"<@{ORIGIN.user_id}>", "")
    for acting in ("@everyone", "@here", "<@", "<#", "<:", "</", "**bold", "`code`", "||sp"):
        assert acting not in text.replace("\\*", "").replace("\\`", "").replace("\\|", ""), acting
    assert not re.search(r"(?<!\\)\[", text)
    assert not re.search(r"^\s*(#|>|-(?!#))", text.replace(f"-# {job.id}", ""), re.MULTILINE)


async def test_status_shows_only_measured_values() -> None:
    cards = ClipCards(model_info=Titles())
    queued = cards.build_status_card(JobProgress(a_job(state=JobState.QUEUED), queue_position=3))
    assert quote_text("stage.queued", place=3) in texts(queued)
    polling = a_job(state=JobState.POLLING, submitted_at=NOW)
    eta = (NOW + timedelta(seconds=40), NOW + timedelta(minutes=4))
    text = texts(cards.build_status_card(JobProgress(polling, eta=eta)))
    assert f"<t:{int(NOW.timestamp())}:R>" in text
    assert all(f"<t:{int(each.timestamp())}:t>" in text for each in eta)
    assert "%" not in text
    for state in JobState:
        if not state.has_ended:
            check(cards.build_status_card(JobProgress(a_job(state=state))))


def test_a_wait_says_what_is_known_and_what_happens_if_it_takes_longer() -> None:
    cards = ClipCards(model_info=Titles())
    polling = a_job(state=JobState.POLLING, submitted_at=NOW)
    limit = NOW + timedelta(minutes=15)
    known = (NOW + timedelta(minutes=1), NOW + timedelta(minutes=4))
    limited = quote_text("status.limit", until=f"<t:{int(limit.timestamp())}:t>")
    for progress, key in (
        (JobProgress(polling, gives_up_at=limit), "eta.unknown"),
        (JobProgress(polling, gives_up_at=limit, eta=known), "eta.range"),
        (JobProgress(polling, gives_up_at=limit, is_late=True), "eta.passed"),
    ):
        text = texts(cards.build_status_card(progress))
        said = [
            each
            for each in ("eta.unknown", "eta.range", "eta.passed")
            if quote_pattern(each).search(text)
        ]
        assert said == [key]
        assert limited in text
    cancelled = replace(polling, cancel_requested=True)
    text = texts(cards.build_status_card(JobProgress(cancelled, gives_up_at=limit)))
    assert limited not in text
    assert limited not in texts(cards.build_status_card(JobProgress(polling)))


def test_the_picture_of_a_wait_is_where_the_clip_will_be() -> None:
    cards = ClipCards(model_info=Titles())
    progress = JobProgress(a_job(state=JobState.POLLING), picture="clips/12.poster-640.webp")
    view = cards.build_status_card(progress)
    check(view)
    container = next(i for i in view.walk_children() if isinstance(i, ui.Container))
    first = container.children[0]
    assert isinstance(first, ui.MediaGallery)
    assert [item.media.url for item in first.items] == [f"attachment://{STATUS_PICTURE_NAME}"]


async def test_status_shows_how_long_google_asks_to_wait() -> None:
    again = NOW + timedelta(seconds=34)
    progress = JobProgress(
        a_job(state=JobState.QUEUED), waiting_for=Outcome.GOOGLE_QUOTA, retry_at=again
    )
    assert f"<t:{int(again.timestamp())}:R>" in texts(
        ClipCards(model_info=Titles()).build_status_card(progress)
    )


async def test_cancel_button_disappears_after_cancelling() -> None:
    cards = ClipCards(model_info=Titles())
    job = a_job(state=JobState.POLLING)
    assert list(buttons(cards.build_status_card(JobProgress(job))).values()) == ["clapper:cancel:7"]
    cancelled = a_job(state=JobState.POLLING, cancel_requested=True)
    assert buttons(cards.build_status_card(JobProgress(cancelled))) == {}


@pytest.mark.parametrize("outcome", [each for each in Outcome if each != "delivered"])
async def test_every_outcome_card_is_within_discords_limits(outcome: Outcome) -> None:
    view = ClipCards(model_info=Titles()).build_outcome_card(a_job(outcome=outcome))
    check(view)


async def test_blocked_audio_offers_retry_and_blocked_prompt_offers_edit() -> None:
    cards = ClipCards(model_info=Titles())
    audio = buttons(cards.build_outcome_card(a_job(outcome=Outcome.BLOCKED_AUDIO)))
    assert "clapper:retry:7" in audio.values()
    blocked = buttons(cards.build_outcome_card(a_job(outcome=Outcome.BLOCKED)))
    assert list(blocked.values()) == ["clapper:reword:7", "clapper:delete:7"]


@pytest.mark.parametrize("outcome", [each for each in Outcome if each != "delivered"])
async def test_the_requester_can_delete_a_failed_job(outcome: Outcome) -> None:
    """The prompt and Google's reason can be removed from the channel. [people-M15]"""
    view = ClipCards(model_info=Titles()).build_outcome_card(a_job(outcome=outcome))
    assert "clapper:delete:7" in buttons(view).values()


async def test_a_retired_model_leads_to_another_and_quotes_no_advice_to_developers() -> None:
    """Google's "use model X with method Y" is not for members. [people-M16]"""
    job = a_job(outcome=Outcome.MODEL_RETIRED, detail="Call ListModels and use generateContent.")
    view = ClipCards(model_info=Titles()).build_outcome_card(job)
    assert "clapper:other_model:7" in buttons(view).values()
    assert "ListModels" not in texts(view)


@pytest.mark.parametrize(("asked", "came", "notes"), [(1, 2, 0), (2, 2, 0), (4, 1, 1)])
async def test_only_what_is_missing_is_counted(asked: int, came: int, notes: int) -> None:
    """Google may make more than were asked for. [google-K19, google-C31]"""
    job = a_job(plan=a_plan(videos=asked), state=JobState.POSTING)
    uploads = [enclosed(id=12 + index) for index in range(came)]
    text = texts(ClipCards(model_info=Titles()).build_clip_card(job, uploads, NOW))
    assert "-1" not in text
    assert text.count(quote_text("card.missing", count=asked - came)) == notes


async def test_a_cancelled_job_says_what_it_cost() -> None:
    """Each ending has a sentence that is true for it. [people-M13]"""
    cancelled = a_job(state=JobState.CANCELLED, outcome=Outcome.CANCELLED)
    assert "$" not in describe_outcome(cancelled)
    assert quote_text("outcome.cancelled") in describe_outcome(cancelled)
    plan = a_plan(videos=2, price=Micros(400_000))
    late = describe_outcome(replace(cancelled, plan=plan), clips=[a_clip(id=25)])
    assert "#25" in late
    assert "$0.20" in late
    assert quote_text("outcome.cancelled") not in late
    stopped = replace(cancelled, cancel_requested=True, billed_micros=Micros(30_000))
    assert "$0.03" in describe_outcome(stopped)
    assert quote_text("outcome.cancelled") not in describe_outcome(stopped)


@pytest.mark.parametrize(
    ("route", "state", "key"),
    [
        (GoogleRoute.OMNI, JobState.POLLING, "stopping"),
        (GoogleRoute.OMNI, JobState.FETCHING, "cancelling"),
        (GoogleRoute.VERTEX, JobState.POLLING, "cancelling"),
    ],
)
async def test_a_cancelled_job_says_whether_google_is_asked_to_stop(
    route: GoogleRoute, state: JobState, key: str
) -> None:
    job = a_job(plan=a_plan(route=route), state=state, cancel_requested=True)
    view = ClipCards(model_info=Titles()).build_status_card(JobProgress(job))
    assert translate(f"stage.{key}", None, price="$0.80") in texts(view)


@pytest.mark.parametrize(
    ("billed", "price"), [(None, "$0.80"), (650_000, "$0.65"), (10**6, "$0.80")]
)
async def test_a_clip_says_what_google_billed_for_it(billed: int | None, price: str) -> None:
    job = a_job(plan=a_plan(price=Micros(800_000)), state=JobState.POSTING, videos_made=1)
    job = replace(job, billed_micros=None if billed is None else Micros(billed))
    cards = ClipCards(model_info=Titles())
    assert price in texts(cards.build_clip_card(job, [enclosed()], NOW, with_price=True))
    assert price in describe(job, a_clip())


async def test_a_clip_that_was_not_posted_is_named_with_its_place_and_what_is_missing() -> None:
    """In a direct message, "here" would mean nothing. [discord-D21]"""
    job = a_job(outcome=Outcome.DELIVERY_FAILED, detail="attach_files,connect")
    text = describe_outcome(job, clips=[a_clip(id=25)])
    missing = [f"**{translate(f'permission.{name}')}**" for name in ("attach_files", "connect")]
    for fact in ("#25", f"<#{ORIGIN.channel_id}>", *missing):
        assert fact in text
    assert not re.search(r"\bhere\b", text)


async def test_a_number_is_a_link_only_where_the_clip_is_shown() -> None:
    """No link ends in an empty message id. [people-M29]"""
    page = HistoryPage((a_clip(id=1, message_id=None), a_clip(id=2, message_id=40)))
    text = format_history(page, Titles(), "en-US")
    assert "#1 " in text
    assert "[#2](https://discord.com/channels/10/20/40)" in text
    assert "/20/)" not in text


async def test_text_view_is_valid() -> None:
    check(build_text_view("hello"))


LINK = "https://clips.example/download/" + "t" * 130 + "/clip-12.mp4"


@pytest.mark.parametrize(
    ("option", "files", "key"),
    [
        (UploadOption.REENCODED, ["clip-12-ai-veo-3.1-fast.mp4"], "card.fitted"),
        (UploadOption.COMPRESSED, ["clip-12-ai-veo-3.1-fast.mp4"], "card.fitted"),
        (
            UploadOption.LINK,
            ["clip-12-ai-veo-3.1-fast-preview.mp4", "clip-12-ai-veo-3.1-fast-poster.jpg"],
            "card.too_large",
        ),
        (UploadOption.BARE, [], "card.too_large"),
    ],
)
@pytest.mark.parametrize("linked", [True, False])
async def test_card_says_what_replaces_a_clip_that_is_too_large(
    option: UploadOption, files: list[str], key: str, linked: bool
) -> None:
    clip = a_clip(size_bytes=60 * 2**20)
    upload = PreparedUpload(
        clip,
        option,
        video_path="clips/0000/7-0.1.mp4",
        size=1,
        thumbnail_path="clips/0000/7-0.poster.jpg",
        shorter_side=720,
        link=LINK if linked else None,
        link_expires_at=NOW if linked else None,
    )
    view = ClipCards(model_info=Titles()).build_clip_card(a_job(), [upload], NOW)
    check(view)
    assert translate(key, clip="#12", side=720) in texts(view)
    assert "60.0 MiB" in texts(view)
    assert (f"({LINK})" in texts(view)) is linked
    assert ("/video get" in texts(view)) is not linked
    shown = [
        item.media.url
        for gallery in view.walk_children()
        if isinstance(gallery, ui.MediaGallery)
        for item in gallery.items
    ]
    assert shown == [f"attachment://{name}" for name in files]


async def test_four_linked_clips_fit_one_message() -> None:
    clips = [
        PreparedUpload(
            a_clip(id=10**12 + n, index=n, size_bytes=10**9),
            UploadOption.LINK,
            video_path="p",
            thumbnail_path="q",
            link=LINK,
            link_expires_at=NOW,
        )
        for n in range(4)
    ]
    job = a_job(plan=a_plan(prompt="word " * 2000))
    view = ClipCards(model_info=Titles()).build_clip_card(job, clips, NOW)
    check(view)
    assert len(texts(view)) < 4000


async def test_late_or_partial_clip_is_noted_once() -> None:
    cards = ClipCards(model_info=Titles())
    late = a_job(state=JobState.POSTING, finished_at=NOW)
    assert translate("card.late") in texts(cards.build_clip_card(late, [enclosed()], NOW))
    again = replace(late, state=JobState.DONE)
    assert translate("card.late") not in texts(cards.build_clip_card(again, [enclosed()], NOW))
    one_of_three = a_job(state=JobState.POSTING, plan=a_plan(videos=3, price=Micros(2_400_000)))
    card = texts(cards.build_clip_card(one_of_three, [enclosed()], NOW, with_price=True))
    assert translate("card.missing", count=2) in card
    assert "$0.80" in card
    assert translate("card.late") not in card


async def test_status_explains_waiting_for_pause() -> None:
    job = a_job(state=JobState.QUEUED)
    status = texts(ClipCards(model_info=Titles()).build_status_card(JobProgress(job, paused=True)))
    assert translate("stage.paused") in status


def test_lost_operation_says_until_when_google_is_asked() -> None:
    job = a_job(state=JobState.UNKNOWN, outcome=Outcome.OPERATION_LOST, submitted_at=NOW)
    until = f"<t:{int((NOW + timedelta(days=2)).timestamp())}:f>"
    text = describe_outcome(job)
    assert until in text
    assert quote_text("outcome.watched") in text
    kept = translate("outcome.watched.kept", until=until)
    assert kept in describe_outcome(replace(job, cancel_requested=True))
    reply = UserInstallReply(message_id=1, editable_until=NOW)
    assert kept in describe_outcome(replace(job, origin=replace(ORIGIN, user_install_reply=reply)))
    listed = format_unknown_jobs(
        [job, a_job(state=JobState.UNKNOWN, outcome=Outcome.SUBMIT_UNKNOWN)], None
    )
    assert listed.count(until) == 1


def test_a_guest_is_promised_no_replies() -> None:
    """The bot receives no replies in a server that it is not in. [people-M28]"""
    reply = UserInstallReply(message_id=1, editable_until=NOW)
    guest = a_job(origin=replace(ORIGIN, guild_id=None, user_install_reply=reply))
    assert list_promises(describe(a_job(), a_clip())) != set()
    assert list_promises(describe(guest, a_clip())) == set()
