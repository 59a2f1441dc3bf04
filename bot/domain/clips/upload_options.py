"""How a clip of any size reaches a channel: what Discord takes there, and the rungs below it.

Pure rules, so that a table can be tested: the limit that is believed, the rungs that a clip is
tried on one after another, and what a re-encode has to be so that it fits and is still worth
seeing. The original is kept whatever is posted.

The ladder of one clip (each 413 in spite of all leads to the next rung):

1. under the live limit: **as is**;
2. over it: **fitted**, a re-encode below the limit, if that keeps decent quality;
3. else, with a public address: a **link** to the original, with a preview and a poster; at last
   **bare**, the link alone, which no limit stops;
4. without one: **squeezed**, the best re-encode that fits, then half and a quarter of that.

*Decent* is at least `DECENT` bits for each pixel of each frame, with a shorter side of at least
`DECENT_SIDE` pixels. H.264 at 0.06 bits a pixel shows its blocks in fast scenes only; 148 seconds
in 20 MiB are 0.08 at 540p, eight seconds of 4k in 20 MiB are 0.1 at their full size.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.clips.clip import Clip, VideoFacts

MIB: Final = 1024 * 1024
DEFAULT_LIMIT: Final = 20 * MIB
"""Bytes a file that Discord takes where nothing else is known (since September 2026)."""
_LOWEST: Final = 8 * MIB
"""The smallest limit Discord ever had: a smaller file that is refused says nothing of the limit."""
REMEMBERED: Final = timedelta(days=1)
"""How long what was learnt about a place's limit is believed: boosts come and go."""

DECENT: Final = 0.06
"""Bits for each pixel of each frame."""
DECENT_SIDE: Final = 540
"""Pixels of the shorter side."""
_SIDES: Final = (2160, 1080, 720, DECENT_SIDE)
_SMALL_SIDES: Final = (DECENT_SIDE, 360, 240)
_BEARABLE: Final = 0.035
"""Bits a pixel at which a larger picture stops being better than a smaller one."""
_MARGIN: Final = 0.96
"""How much of the limit a re-encode aims at."""
_CONTAINER: Final = 0.015
"""The share of a file that is neither picture nor sound."""
_LEAST_PICTURE: Final = 40_000
_SOUND: Final = 128_000
_LOW_SOUND: Final = 96_000
_LOW_SOUND_BELOW: Final = 1_500_000
"""Bits a second in all, below which the sound is made with fewer of them."""

PREVIEW_S: Final = 4.0
PREVIEW_SIDE: Final = 480
PREVIEW_BYTES: Final = 2 * MIB


class Rung(StrEnum):
    """What stands in the message for a clip."""

    AS_IS = "as_is"
    FITTED = "fitted"
    SQUEEZED = "squeezed"
    LINK = "link"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of a clip's ladder; a re-encode stays below ``limit`` bytes."""

    rung: Rung
    limit: int


@dataclass(frozen=True, slots=True)
class Fit:
    """What a re-encode has to be: pixels, bits a second, and the bytes it must not pass.

    ``seconds`` cuts it (a preview); ``None`` keeps the exact length.
    """

    width: int
    height: int
    video_bits: int
    sound_bits: int
    most: int
    seconds: float | None = None

    @property
    def side(self) -> int:
        """The shorter side in pixels."""
        return min(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What is posted for one clip.

    ``path`` is the film that goes into the message (the original, a re-encode or a preview) and
    ``poster`` a still, both below the data directory; ``size`` is the film's in bytes. ``side`` is
    the shorter side of a re-encode; ``limit`` what Discord takes there. ``link`` leads to the
    original until ``link_until``.
    """

    clip: Clip
    rung: Rung = Rung.AS_IS
    path: str | None = None
    size: int = 0
    poster: str | None = None
    side: int | None = None
    limit: int = DEFAULT_LIMIT
    link: str | None = None
    link_until: datetime | None = None

    @property
    def film(self) -> str:
        """The film's path; the original's where nothing else was made. Empty for a bare link."""
        if self.rung is Rung.BARE:
            return ""
        return self.path or self.clip.path


@dataclass(frozen=True, slots=True)
class Learnt:
    """What posts have taught about the limit of a place, in bytes, and when."""

    at: datetime
    accepted: int = 0
    refused: int | None = None

    def taken(self, size: int, now: datetime) -> "Learnt":
        """Return this with a file of ``size`` having been accepted."""
        refused = self.refused if self.refused is not None and size < self.refused else None
        return Learnt(now, max(self.accepted, size), refused)

    def declined(self, size: int, now: datetime) -> "Learnt":
        """Return this with a file of ``size`` having been refused for its size."""
        if size < _LOWEST:
            return replace(self, at=now)
        return Learnt(now, self.accepted if self.accepted < size else 0, size)


def believed(told: int | None, learnt: Learnt | None, now: datetime) -> int:
    """Return the live limit of a place in bytes.

    ``told`` is what Discord said with the interaction, or what the server's boosts give.
    """
    limit = told or DEFAULT_LIMIT
    if learnt is None or now - learnt.at > REMEMBERED:
        return limit
    limit = max(limit, learnt.accepted)
    if learnt.refused is not None and learnt.refused <= limit:
        limit = max(learnt.accepted, below(learnt.refused))
    return limit


def below(refused: int) -> int:
    """Return what to aim at after a file of ``refused`` bytes was too large: clearly less."""
    return DEFAULT_LIMIT if refused > DEFAULT_LIMIT else refused // 2


def ladder(facts: VideoFacts, limit: int, *, public: bool) -> tuple[Step, ...]:
    """Return the rungs that a clip is tried on where ``limit`` is believed, best first."""
    steps = []
    if facts.size <= limit:
        steps.append(Step(Rung.AS_IS, limit))
        limit = below(facts.size)
    decent = fitted(facts, limit) is not None
    if decent:
        steps.append(Step(Rung.FITTED, limit))
    if public:
        return (*steps, Step(Rung.LINK, limit), Step(Rung.BARE, limit))
    if not decent:
        steps.append(Step(Rung.SQUEEZED, limit))
    return (*steps, Step(Rung.SQUEEZED, limit // 2), Step(Rung.SQUEEZED, limit // 4))


def fitted(facts: VideoFacts, limit: int) -> Fit | None:
    """Return the largest decent re-encode below ``limit`` bytes, or ``None`` if none is."""
    for side in _SIDES:
        if side > _side(facts) and side != DECENT_SIDE:
            continue
        found = _fit(facts, limit, min(side, _side(facts)))
        if found.side >= min(DECENT_SIDE, _side(facts)) and _density(found, facts) >= DECENT:
            return found
    return None


def squeezed(facts: VideoFacts, limit: int) -> Fit:
    """Return the best re-encode below ``limit`` bytes, decent or not."""
    decent = fitted(facts, limit)
    if decent is not None:
        return decent
    tried = [_fit(facts, limit, min(side, _side(facts))) for side in _SMALL_SIDES]
    return next((each for each in tried if _density(each, facts) >= _BEARABLE), tried[-1])


def preview(facts: VideoFacts) -> Fit:
    """Return the first seconds of a clip, small: what is posted beside a link."""
    seconds = min(PREVIEW_S, facts.seconds)
    cut = replace(facts, seconds=seconds, size=max(1, int(facts.size * seconds / facts.seconds)))
    fit = _fit(cut, PREVIEW_BYTES, min(PREVIEW_SIDE, _side(facts)))
    return replace(fit, seconds=seconds)


def _fit(facts: VideoFacts, limit: int, side: int) -> Fit:
    most = int(limit * _MARGIN)
    whole = min(most, facts.size) * 8 * (1 - _CONTAINER) / facts.seconds
    sound = 0
    if facts.has_audio:
        sound = _LOW_SOUND if whole < _LOW_SOUND_BELOW else _SOUND
    scale = side / _side(facts)
    return Fit(
        width=_even(facts.width * scale),
        height=_even(facts.height * scale),
        video_bits=max(_LEAST_PICTURE, int(whole) - sound),
        sound_bits=sound,
        most=most,
    )


def _density(fit: Fit, facts: VideoFacts) -> float:
    return fit.video_bits / (fit.width * fit.height * (facts.fps or 24.0))


def _side(facts: VideoFacts) -> int:
    return min(facts.width, facts.height)


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
