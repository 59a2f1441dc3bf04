"""Every message and form in every language: within Discord's limits and as its API describes.

Each is built with the longest that can stand in it, and given to two judges that know nothing of
the bot: the rules of the sandbox, and the OpenAPI description of Discord where it is at hand.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from discord import ui

from bot.domain.billing.limits import Limits, Line, Standing
from bot.domain.billing.money import micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import Rung
from bot.domain.errors import Scope
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Job, JobState, Outcome, Visit
from bot.domain.jobs.request import Mode
from bot.domain.ports import Progress
from bot.domain.showcase.gallery import Entry
from bot.domain.showcase.post import Digest, Exhibit, House
from bot.ui.clip_card import Cards
from bot.ui.help_text import help_view, welcome_view
from bot.ui.server_setup import Arrangement, Verdict, setup_view, verdicts
from bot.ui.showcase_card import ExhibitCards
from cogs._common.context import NEEDED
from cogs._common.modals import animate_form, edit_form, extend_form
from sandbox.discord.components import read_components
from sandbox.discord.errors import FormErrors
from sandbox.discord.form import Fields
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
    def title(self, model: str) -> str:
        return "Veo 3.1 Fast Preview"

    def extendable(self, clip: Clip, now: datetime) -> bool:
        return True


def job_in(locale: str, **changes: Any) -> Job:
    plan = a_plan(prompt=LONGEST, seed=2**32 - 1)
    origin = replace(ORIGIN, locale=locale, guild_locale=locale)
    return a_job(plan=plan, origin=origin, **changes)


def cards(locale: str) -> Iterator[tuple[str, ui.LayoutView]]:
    """Yield every card of a job."""
    made = Cards(abilities=Titles())
    chain = {"hop": 20, "parent_clip_id": 999_999, "root_clip_id": 900_000, "mode": Mode.EXTENSION}
    for rung in Rung:
        parts = [
            replace(
                enclosed(id=1_000_000 + index, index=index, **chain),
                rung=rung,
                side=720,
                poster="posters/1.jpg" if rung is Rung.LINK else None,
                link="https://gallery.example.org/f/" + "x" * 200,
                link_until=NOW + timedelta(days=7),
            )
            for index in range(4)
        ]
        yield f"clip {rung}", made.clip(job_in(locale), parts[:1], NOW)
        yield f"clips {rung}", made.clip(job_in(locale), parts, NOW)
    eta = (NOW + timedelta(minutes=1), NOW + timedelta(minutes=6))
    for state in JobState:
        if not state.ended:
            progress = Progress(job_in(locale, state=state), place=200, eta=eta)
            yield f"status {state}", made.status(progress)
    yield "status cancelling", made.status(Progress(job_in(locale, cancel_requested=True)))
    visit = Visit(message_id=1, until=NOW + timedelta(minutes=15))
    guest = job_in(locale, state=JobState.POLLING)
    guest = replace(guest, origin=replace(guest.origin, visit=visit))
    yield "status on a visit", made.status(Progress(guest, eta=eta))
    for waiting in (Outcome.GOOGLE_QUOTA, Outcome.GOOGLE_BUSY):
        job = job_in(locale, state=JobState.QUEUED)
        yield f"waiting {waiting}", made.status(Progress(job, waiting_for=waiting, retry_at=NOW))
    for outcome in set(Outcome) - {Outcome.DELIVERED}:
        ended = job_in(locale, state=JobState.FAILED, outcome=outcome, detail="Because. " * 200)
        yield f"outcome {outcome}", made.outcome(ended)
    yield "closing", made.closing(job_in(locale))


def exhibits(locale: str) -> Iterator[tuple[str, ui.LayoutView]]:
    """Yield every message of the showcase channel."""
    made = ExhibitCards(abilities=Titles())
    for locked in (False, True):
        for prompt in (LONGEST, None):
            entry = an_entry(prompt, locked=locked)
            yield (
                f"exhibit {locked} {prompt is None}",
                made.exhibit(an_exhibit(entry, locale), with_file=prompt is not None),
            )
    best = tuple(an_entry(LONGEST, id=number) for number in range(3))
    yield (
        "digest",
        made.digest(Digest(1, House(10, locale=locale), NOW, NOW - timedelta(days=7), best, 20)),
    )


def forms(locale: str) -> Iterator[tuple[str, ui.Modal]]:
    yield "form extend", extend_form(2**60, locale)
    yield "form edit", edit_form(2**60, LONGEST * 2, locale)
    yield "form animate", animate_form(2**60, locale)


def an_entry(prompt: str | None, *, locked: bool = False, **changes: Any) -> Entry:
    return Entry(
        clip=a_clip(prompt=prompt or "", parent_clip_id=11, hop=3, **changes),
        guild_id=10,
        guild_name="A server",
        maker_name="Ada",
        prompt=prompt,
        votes=1_000_000,
        showcased_at=NOW,
        message_id=50,
        channel_id=51,
        hidden=False,
        locked=locked,
    )


def an_exhibit(entry: Entry, locale: str) -> Exhibit:
    return Exhibit(
        id=7,
        entry=entry,
        public=True,
        withdrawn=False,
        settled=False,
        owner=None,
        changes=0,
        revision=1,
        revision_at=NOW,
        shown_by=30,
        locale=locale,
    )


def first_steps(locale: str) -> Iterator[tuple[str, ui.LayoutView]]:
    """Yield the guides, and `/server setup` with as much set as can be."""
    lines = tuple(
        Line(scope, limit, 10**12, 10**11, NOW)
        for scope in Scope
        for limit in ("clips_per_day", "seconds_per_day", "usd_per_day", "usd_per_month")
    )
    yield "help", help_view(Standing(lines), locale, admin=True)
    yield "help without a limit", help_view(Standing(), locale, admin=False)
    yield "welcome", welcome_view(locale)
    rooms = frozenset(range(10**18, 10**18 + 25))
    million = micros("1000000")
    full = Arrangement(
        rules=GuildRules(10, allowed_channels=rooms, locale="ja"),
        quota=Limits(10**6, 10**6, million, million, 10**6),
        showcase_id=10**18,
        there=rooms,
        spoken=locale,
    )
    tested = [Verdict(room, list(NEEDED)) for room in rooms]
    yield "setup", setup_view(full, locale, note=verdicts(tested, locale))
    nothing = Arrangement(GuildRules(10), Limits(), None, frozenset(), locale)
    yield "setup of nothing", setup_view(nothing, locale)


BUILDERS: Final[tuple[Callable[[str], Iterator[tuple[str, ui.LayoutView | ui.Modal]]], ...]] = (
    cards,
    exhibits,
    forms,
    first_steps,
)


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: builder.__name__)
@pytest.mark.parametrize("spoken", OFFERED)
async def test_every_component_is_taken_by_discord(
    spoken: str, builder: Callable[[str], Iterator[tuple[str, ui.LayoutView | ui.Modal]]]
) -> None:
    entries = []
    made = list(builder(spoken))
    assert len({name for name, _ in made}) == len(made)
    for number, (name, view) in enumerate(made):
        body = sent(view)
        refuse(name, body)
        entries.append(as_request(number, body))
    report = conformance.check(entries)
    if report.not_checked:
        pytest.skip(report.not_checked)
    assert report.checked == len(made)
    assert report.problems == []


def test_the_judges_judge() -> None:
    """A label over its limit is found by both."""
    view = ui.LayoutView(timeout=None)
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    row.add_item(ui.Button(label="x" * 81, custom_id="y"))
    view.add_item(row)
    with pytest.raises(AssertionError, match="too long"):
        refuse("a long label", sent(view))
    report = conformance.check([as_request(1, sent(view))])
    assert report.not_checked or report.problems


def sent(made: ui.LayoutView | ui.Modal) -> Json:
    """Return the body in which it is sent."""
    if isinstance(made, ui.Modal):
        return {"type": _MODAL, "data": made.to_dict()}
    return {"flags": _V2, "components": made.to_components()}  # type: ignore[no-untyped-call]


def refuse(name: str, body: Json) -> None:
    """Let the sandbox judge; an AssertionError says what it refuses."""
    errors = FormErrors()
    if body.get("type") == _MODAL:
        read_modal(Fields(body["data"], errors))
    else:
        files = {
            item["media"]["url"].removeprefix("attachment://"): number
            for number, item in enumerate(galleries(body["components"]))
        }
        read_components(Fields(body, errors), files, v2=True)
    assert not errors, f"{name}: too long or otherwise wrong: {errors._tree}"


def galleries(components: list[Json]) -> Iterator[Json]:
    for component in components:
        yield from component.get("items", [])
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
