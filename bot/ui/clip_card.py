"""What a message about a job looks like: the clip's card, the status. Pure building, no I/O.

Views hold only `ActionButton`, never time out and are built anew
for every message (see `bot.ui.custom_ids` for why).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import discord
from discord import ui

from bot.domain.billing.limits import Amount
from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import Enclosure, Rung
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.ports import Progress
from bot.i18n.catalogs import say
from bot.i18n.formatting import SHORT, eta, listed, mebibytes, money, shown, stamp
from bot.ui.custom_ids import Action, ActionButton
from bot.ui.error_messages import outcome_text

_EDITABLE: Final = frozenset(
    {
        Outcome.INVALID,
        Outcome.BLOCKED,
        Outcome.BLOCKED_IMAGE,
        Outcome.PERSON_REFUSED,
        Outcome.MODEL_RETIRED,
    }
)
_RETRYABLE: Final = frozenset(
    {
        Outcome.BLOCKED_AUDIO,
        Outcome.GOOGLE_QUOTA,
        Outcome.GOOGLE_BUSY,
        Outcome.OPERATION_FAILED,
        Outcome.OPERATION_LOST,
        Outcome.DOWNLOAD_FAILED,
        Outcome.SUBMIT_UNKNOWN,
        Outcome.CANCELLED,
    }
)


class Abilities(Protocol):
    """What the cards have to know of the models."""

    def title(self, model: str) -> str:
        """Return the name of a model for people; its id where it is unknown."""
        ...

    def extendable(self, clip: Clip, now: datetime) -> bool:
        """Return whether the clip can be made longer at ``now``."""
        ...


def file_name(clip: Clip) -> str:
    """Return the name a clip is posted under; nothing a person typed is in it."""
    return f"clip-{clip.id}.mp4"


def descent(clip: Clip, locale: str | None) -> str:
    """Return what an extension continues, and from where its chain began."""
    parent = f"#{clip.parent_clip_id}"
    root = f"#{clip.root_clip_id or clip.parent_clip_id}"
    if root == parent:
        return say("card.extension", locale, parent=parent)
    return say("card.chain", locale, count=clip.hop, parent=parent, root=root)


def files_of(enclosure: Enclosure) -> list[tuple[str, str]]:
    """Return the files that go with a clip, as paths below the data directory and names."""
    if enclosure.rung is Rung.BARE:
        return []
    if enclosure.rung is not Rung.LINK:
        return [(enclosure.film, file_name(enclosure.clip))]
    files = [(enclosure.film, f"clip-{enclosure.clip.id}-preview.mp4")]
    if enclosure.poster is not None:
        files.append((enclosure.poster, f"clip-{enclosure.clip.id}-poster.jpg"))
    return files


def text_view(text: str, *buttons: ActionButton) -> ui.LayoutView:
    """Return a message of one text and, below it, a row of buttons."""
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(text))
    if buttons:
        view.add_item(_row(*buttons))
    return view


class Cards:
    """Builds the messages about clips and jobs."""

    def __init__(self, *, abilities: Abilities) -> None:
        self._abilities = abilities

    def clip(
        self,
        job: Job,
        enclosures: Sequence[Enclosure],
        now: datetime,
        locale: str | None = None,
    ) -> ui.LayoutView:
        """Return the card of a job's clips; the files of `files_of` go with it."""
        locale = locale or public_locale(job)
        clips = [enclosure.clip for enclosure in enclosures]
        container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=0x4F7CAC)
        names = [name for enclosure in enclosures for _, name in files_of(enclosure)]
        if names:
            container.add_item(
                ui.MediaGallery(
                    *(discord.MediaGalleryItem(f"attachment://{name}") for name in names)
                )
            )
        container.add_item(ui.TextDisplay(shown(job.plan.prompt)))
        container.add_item(ui.TextDisplay(self._facts(job, clips, now, locale)))
        notes = [_note(each, locale) for each in enclosures if each.rung is not Rung.AS_IS]
        notes += _surprises(job, clips, locale)
        if notes:
            container.add_item(ui.TextDisplay("\n".join(notes)))
        for row in self._clip_rows(job, clips, now, locale):
            container.add_item(row)
        view = ui.LayoutView(timeout=None)
        view.add_item(container)
        return view

    def status(self, progress: Progress) -> ui.LayoutView:
        """Return the status of a job that has not ended, with a button to cancel it."""
        job = progress.job
        locale = public_locale(job)
        lines = [self._asked(job, locale), f"-# {self._stage(progress, locale)}"]
        if job.origin.visit is not None:
            until = stamp(job.origin.visit.until, "t")
            lines.append(f"-# {say('status.visit', locale, until=until)}")
        if job.cancel_requested:
            return text_view("\n".join(lines))
        return text_view(
            "\n".join(lines),
            ActionButton(Action.CANCEL, job.id, label=say("button.cancel", locale)),
        )

    def closing(self, job: Job) -> ui.LayoutView:
        """Return the one line that remains of a status: the request's public record."""
        locale = public_locale(job)
        return text_view(self._asked(job, locale))

    def outcome(self, job: Job) -> ui.LayoutView:
        """Return how a job ended that brought no clip, and what can be done about it."""
        locale = public_locale(job)
        buttons = []
        if job.outcome in _RETRYABLE:
            buttons.append(ActionButton(Action.RETRY, job.id, label=say("button.retry", locale)))
        if job.outcome in _EDITABLE or job.outcome is Outcome.BLOCKED_AUDIO:
            buttons.append(ActionButton(Action.EDIT, job.id, label=say("button.edit", locale)))
        return text_view(f"{self._asked(job, locale)}\n{outcome_text(job, locale)}", *buttons)

    def _asked(self, job: Job, locale: str) -> str:
        key = "status.extends" if job.plan.source is not None else "status.asks"
        source = job.plan.source.clip_id if job.plan.source is not None else 0
        return say(
            key,
            locale,
            member=f"<@{job.origin.user_id}>",
            prompt=shown(" ".join(job.plan.prompt.split()), SHORT),
            model=self._abilities.title(job.plan.model),
            clip=source,
        )

    def _stage(self, progress: Progress, locale: str) -> str:
        job = progress.job
        if job.cancel_requested:
            return say("stage.cancelling", locale)
        if progress.paused:
            return say("stage.paused", locale)
        when = progress.retry_at or job.retry_at
        if progress.waiting_for is not None and when is not None:
            return say(f"stage.waiting.{progress.waiting_for}", locale, when=stamp(when, "R"))
        if job.state is JobState.QUEUED:
            text = (
                say("stage.queued_soon", locale)
                if progress.place is None
                else say("stage.queued", locale, place=progress.place)
            )
        elif job.state is JobState.POLLING:
            text = say(
                "stage.polling", locale, since=stamp(job.submitted_at or job.created_at, "R")
            )
        else:
            text = say(f"stage.{job.state}", locale)
        if progress.eta is not None:
            text = f"{text} {eta(*progress.eta, locale)}"
        return text

    def _facts(self, job: Job, clips: Sequence[Clip], now: datetime, locale: str) -> str:
        first = clips[0]
        facts = [
            self._abilities.title(first.model),
            say("seconds", locale, count=first.seconds),
            f"{first.width}×{first.height}",
        ]
        if job.plan.seed is not None:
            facts.append(say("card.seed", locale, seed=job.plan.seed))
        facts += [
            money(Amount.of(job.plan).share(len(clips), job.plan.videos).micros, locale),
            say("card.by", locale, member=f"<@{job.origin.user_id}>"),
        ]
        lines = [f"-# {' · '.join(facts)}"]
        chain = [say("card.clip", locale, clip=listed((f"#{clip.id}" for clip in clips), locale))]
        if first.parent_clip_id is not None:
            chain.append(descent(first, locale))
        if self._abilities.extendable(first, now):
            until = first.remote_expires_at
            chain.append(
                say("card.extendable", locale)
                if until is None
                else say("card.extendable_until", locale, when=stamp(until, "f"))
            )
        lines.append(f"-# {' · '.join(chain)}")
        return "\n".join(lines)

    def _clip_rows(
        self, job: Job, clips: Sequence[Clip], now: datetime, locale: str
    ) -> list[ui.ActionRow[Any]]:
        extend = [
            ActionButton(
                Action.EXTEND,
                clip.id,
                primary=True,
                label=say("button.extend", locale)
                if len(clips) == 1
                else say("button.extend_one", locale, clip=clip.id),
            )
            for clip in clips
            if self._abilities.extendable(clip, now)
        ]
        again = [
            ActionButton(action, job.id, label=say(f"button.{action}", locale))
            for action in (Action.REDO, Action.EDIT)
        ]
        showcase = [
            ActionButton(
                Action.SHOWCASE,
                clip.id,
                label=say("button.showcase", locale)
                if len(clips) == 1
                else say("button.showcase_one", locale, clip=clip.id),
            )
            for clip in clips
            if clip.guild_id is not None
        ]
        others = [
            ActionButton(Action.DETAILS, job.id, label=say("button.details", locale)),
            ActionButton(Action.DELETE, job.id, label=say("button.delete", locale), danger=True),
        ]
        if len(clips) == 1:
            buttons = [*extend, *again, *showcase, *others]
            if len(buttons) <= 5:
                return [_row(*buttons)]
            return [_row(*buttons[:3]), _row(*buttons[3:])]
        rows = [extend[:5], showcase[:5], [*again, *others]]
        return [_row(*row) for row in rows if row]


def _surprises(job: Job, clips: Sequence[Clip], locale: str) -> list[str]:
    """Say what nobody would guess of a clip that is posted for the first time."""
    if job.state is not JobState.POSTING:
        return []
    notes = []
    if job.reopened:
        notes.append(f"-# {say('card.late', locale)}")
    if missing := job.plan.videos - len(clips):
        notes.append(f"-# {say('card.missing', locale, count=missing)}")
    return notes


def _note(enclosure: Enclosure, locale: str) -> str:
    """Say what stands in the place of a clip that was too large, and where the original is."""
    clip, size = enclosure.clip, mebibytes(enclosure.clip.size, locale)
    if enclosure.rung in (Rung.FITTED, Rung.SQUEEZED):
        text = say("card.fitted", locale, clip=f"#{clip.id}", side=enclosure.side)
    else:
        text = say("card.too_large", locale, clip=f"#{clip.id}")
    if enclosure.link is None or enclosure.link_until is None:
        return f"-# {text} {say('card.original_kept', locale, size=size)}"
    original = say(
        "card.original_link",
        locale,
        size=size,
        link=enclosure.link,
        when=stamp(enclosure.link_until, "f"),
    )
    # where there is nothing else to look at, the link is the matter and no small print
    small = "-# " if enclosure.rung in (Rung.FITTED, Rung.SQUEEZED) else ""
    return f"{small}{text} {original}"


def public_locale(job: Job) -> str:
    """Return the locale of messages that everyone reads: the server's, else the member's."""
    return job.origin.guild_locale or job.origin.locale


def _row(*buttons: ActionButton) -> ui.ActionRow[Any]:
    row: ui.ActionRow[Any] = ui.ActionRow()
    for button in buttons:
        row.add_item(button)
    return row
