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
DEFAULT_UPLOAD_LIMIT: Final = 20 * MIB
"""Bytes a file that Discord takes where nothing else is known (since September 2026)."""
_LOWEST_UPLOAD_LIMIT: Final = 8 * MIB
"""The smallest limit Discord ever had: a smaller file that is refused says nothing of the limit."""
OBSERVED_LIMIT_LIFETIME: Final = timedelta(days=1)
"""How long what was learnt about a place's limit is believed: boosts come and go."""

DECENT_BITS_PER_PIXEL: Final = 0.06
"""Bits for each pixel of each frame."""
DECENT_SIDE: Final = 540
"""Pixels of the shorter side."""
_DECENT_SIDES: Final = (2160, 1080, 720, DECENT_SIDE)
_SMALL_SIDES: Final = (DECENT_SIDE, 360, 240)
_TOLERABLE_BITS_PER_PIXEL: Final = 0.035
"""Bits a pixel at which a larger picture stops being better than a smaller one."""
_TARGET_SHARE: Final = 0.96
"""How much of the limit a re-encode aims at."""
_CONTAINER_SHARE: Final = 0.015
"""The share of a file that is neither picture nor sound."""
_MIN_VIDEO_BITS: Final = 40_000
_AUDIO_BITS: Final = 128_000
_LOW_AUDIO_BITS: Final = 96_000
_LOW_AUDIO_THRESHOLD_BITS: Final = 1_500_000
"""Bits a second in all, below which the sound is made with fewer of them."""

PREVIEW_S: Final = 4.0
PREVIEW_SIDE: Final = 480
PREVIEW_BYTES: Final = 2 * MIB


class UploadOption(StrEnum):
    """What stands in the message for a clip."""

    AS_IS = "as_is"
    REENCODED = "fitted"
    COMPRESSED = "squeezed"
    LINK = "link"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class UploadStep:
    """One rung of a clip's ladder; a re-encode stays below ``limit`` bytes."""

    option: UploadOption
    limit: int


@dataclass(frozen=True, slots=True)
class TranscodeTarget:
    """What a re-encode has to be: pixels, bits a second, and the bytes it must not pass.

    ``seconds`` cuts it (a preview); ``None`` keeps the exact length.
    """

    width: int
    height: int
    video_bits: int
    audio_bits: int
    max_bytes: int
    seconds: float | None = None

    @property
    def shorter_side(self) -> int:
        """The shorter side in pixels."""
        return min(self.width, self.height)


@dataclass(frozen=True, slots=True)
class PreparedUpload:
    """What is posted for one clip.

    ``path`` is the film that goes into the message (the original, a re-encode or a preview) and
    ``poster`` a still, both below the data directory; ``size`` is the film's in bytes. ``side`` is
    the shorter side of a re-encode; ``limit`` what Discord takes there. ``link`` leads to the
    original until ``link_until``.
    """

    clip: Clip
    option: UploadOption = UploadOption.AS_IS
    video_path: str | None = None
    size: int = 0
    thumbnail_path: str | None = None
    shorter_side: int | None = None
    limit: int = DEFAULT_UPLOAD_LIMIT
    link: str | None = None
    link_expires_at: datetime | None = None

    @property
    def video_part(self) -> str:
        """The film's path; the original's where nothing else was made. Empty for a bare link."""
        if self.option is UploadOption.BARE:
            return ""
        return self.video_path or self.clip.path


@dataclass(frozen=True, slots=True)
class ObservedLimit:
    """What posts have taught about the limit of a place, in bytes, and when."""

    at: datetime
    accepted: int = 0
    refused: int | None = None

    def with_accepted(self, size: int, now: datetime) -> "ObservedLimit":
        """Return this with a file of ``size`` having been accepted."""
        refused = self.refused if self.refused is not None and size < self.refused else None
        return ObservedLimit(now, max(self.accepted, size), refused)

    def with_refused(self, size: int, now: datetime) -> "ObservedLimit":
        """Return this with a file of ``size`` having been refused for its size."""
        if size < _LOWEST_UPLOAD_LIMIT:
            return replace(self, at=now)
        return ObservedLimit(now, self.accepted if self.accepted < size else 0, size)


def effective_limit(reported: int | None, observed: ObservedLimit | None, now: datetime) -> int:
    """Return the live limit of a place in bytes.

    ``told`` is what Discord said with the interaction, or what the server's boosts give.
    """
    limit = reported or DEFAULT_UPLOAD_LIMIT
    if observed is None or now - observed.at > OBSERVED_LIMIT_LIFETIME:
        return limit
    limit = max(limit, observed.accepted)
    if observed.refused is not None and observed.refused <= limit:
        limit = max(observed.accepted, limit_below(observed.refused))
    return limit


def limit_below(refused: int) -> int:
    """Return what to aim at after a file of ``refused`` bytes was too large: clearly less."""
    return DEFAULT_UPLOAD_LIMIT if refused > DEFAULT_UPLOAD_LIMIT else refused // 2


def upload_options(facts: VideoFacts, limit: int, *, public: bool) -> tuple[UploadStep, ...]:
    """Return the rungs that a clip is tried on where ``limit`` is believed, best first."""
    steps = []
    if facts.size <= limit:
        steps.append(UploadStep(UploadOption.AS_IS, limit))
        limit = limit_below(facts.size)
    decent = find_decent_target(facts, limit) is not None
    if decent:
        steps.append(UploadStep(UploadOption.REENCODED, limit))
    if public:
        return (*steps, UploadStep(UploadOption.LINK, limit), UploadStep(UploadOption.BARE, limit))
    if not decent:
        steps.append(UploadStep(UploadOption.COMPRESSED, limit))
    return (
        *steps,
        UploadStep(UploadOption.COMPRESSED, limit // 2),
        UploadStep(UploadOption.COMPRESSED, limit // 4),
    )


def find_decent_target(facts: VideoFacts, limit: int) -> TranscodeTarget | None:
    """Return the largest decent re-encode below ``limit`` bytes, or ``None`` if none is."""
    for side in _DECENT_SIDES:
        if side > _shorter_side(facts) and side != DECENT_SIDE:
            continue
        found = _build_target(facts, limit, min(side, _shorter_side(facts)))
        if (
            found.shorter_side >= min(DECENT_SIDE, _shorter_side(facts))
            and _bits_per_pixel(found, facts) >= DECENT_BITS_PER_PIXEL
        ):
            return found
    return None


def reencode_to_fit(facts: VideoFacts, limit: int) -> TranscodeTarget:
    """Return the best re-encode below ``limit`` bytes, decent or not."""
    decent = find_decent_target(facts, limit)
    if decent is not None:
        return decent
    tried = [_build_target(facts, limit, min(side, _shorter_side(facts))) for side in _SMALL_SIDES]
    return next(
        (each for each in tried if _bits_per_pixel(each, facts) >= _TOLERABLE_BITS_PER_PIXEL),
        tried[-1],
    )


def build_preview_target(facts: VideoFacts) -> TranscodeTarget:
    """Return the first seconds of a clip, small: what is posted beside a link."""
    seconds = min(PREVIEW_S, facts.seconds)
    cut = replace(facts, seconds=seconds, size=max(1, int(facts.size * seconds / facts.seconds)))
    fit = _build_target(cut, PREVIEW_BYTES, min(PREVIEW_SIDE, _shorter_side(facts)))
    return replace(fit, seconds=seconds)


def _build_target(facts: VideoFacts, limit: int, side: int) -> TranscodeTarget:
    most = int(limit * _TARGET_SHARE)
    whole = min(most, facts.size) * 8 * (1 - _CONTAINER_SHARE) / facts.seconds
    sound = 0
    if facts.has_audio:
        sound = _LOW_AUDIO_BITS if whole < _LOW_AUDIO_THRESHOLD_BITS else _AUDIO_BITS
    scale = side / _shorter_side(facts)
    return TranscodeTarget(
        width=_round_to_even(facts.width * scale),
        height=_round_to_even(facts.height * scale),
        video_bits=max(_MIN_VIDEO_BITS, int(whole) - sound),
        audio_bits=sound,
        max_bytes=most,
    )


def _bits_per_pixel(fit: TranscodeTarget, facts: VideoFacts) -> float:
    return fit.video_bits / (fit.width * fit.height * (facts.fps or 24.0))


def _shorter_side(facts: VideoFacts) -> int:
    return min(facts.width, facts.height)


def _round_to_even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
