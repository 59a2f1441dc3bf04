"""The upload limit of a place, and the options to post a clip of any size there, in order.

1. Within the limit: the original as it is.
2. Over it: a re-encode that fits, if its quality is decent.
3. Else, if the web server is public: a link to the original, with a preview and a thumbnail; then
   the bare link, which needs no upload.
4. Else: the best re-encode that fits, then one of half and of a quarter of the limit.

If Discord still answers 413, the next option is tried. The original is always kept.

Decent means at least `DECENT_BITS_PER_PIXEL` for each pixel of each frame, and a shorter side of
at least `DECENT_SIDE` pixels. H.264 with 0.06 bits per pixel shows blocks in fast scenes only. In
20 MiB, 148 seconds have 0.08 at 540p, and eight seconds of 4k have 0.1 at full size.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.clips.clip import Clip, VideoFacts

MIB: Final = 1024 * 1024
DEFAULT_UPLOAD_LIMIT: Final = 20 * MIB
"""Bytes per file that Discord accepts without boosts (since September 2026)."""
_LOWEST_UPLOAD_LIMIT: Final = 8 * MIB
"""The lowest limit Discord ever had. A smaller file is refused for another reason."""
OBSERVED_LIMIT_LIFETIME: Final = timedelta(days=1)
"""How long an observed limit is used, because a server's boosts change."""

DECENT_BITS_PER_PIXEL: Final = 0.06
DECENT_SIDE: Final = 540
_DECENT_SIDES: Final = (2160, 1080, 720, DECENT_SIDE)
_SMALL_SIDES: Final = (DECENT_SIDE, 360, 240)
_TOLERABLE_BITS_PER_PIXEL: Final = 0.035
"""Bits per pixel below which a smaller picture looks better than a larger one."""
_TARGET_SHARE: Final = 0.96
"""The share of the limit that a re-encode aims at."""
_CONTAINER_SHARE: Final = 0.015
"""The share of a file that is neither video nor audio."""
_MIN_VIDEO_BITS: Final = 40_000
_AUDIO_BITS: Final = 128_000
_LOW_AUDIO_BITS: Final = 96_000
_LOW_AUDIO_THRESHOLD_BITS: Final = 1_500_000
"""Total bits per second below which the audio gets `_LOW_AUDIO_BITS`."""

PREVIEW_S: Final = 4.0
PREVIEW_SIDE: Final = 480
PREVIEW_BYTES: Final = 2 * MIB


class UploadOption(StrEnum):
    AS_IS = "as_is"
    REENCODED = "fitted"
    COMPRESSED = "squeezed"
    LINK = "link"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class UploadStep:
    """An option to try; a re-encode stays below ``limit`` bytes."""

    option: UploadOption
    limit: int


@dataclass(frozen=True, slots=True)
class TranscodeTarget:
    """What to re-encode a clip to (pixels, bits per second); ``seconds`` cuts it to a preview."""

    width: int
    height: int
    video_bits: int
    audio_bits: int
    max_bytes: int
    seconds: float | None = None

    @property
    def shorter_side(self) -> int:
        return min(self.width, self.height)


@dataclass(frozen=True, slots=True)
class PreparedUpload:
    """What is posted for one clip.

    ``video_path`` is a re-encode or preview of ``size`` bytes (`None`: the original), and
    ``thumbnail_path`` an image, both below the data directory. ``shorter_side`` is that of the
    re-encode in pixels, ``limit`` the upload limit in bytes. ``link`` leads to the original.
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
        """Path of the video to post, below the data directory; empty for a bare link."""
        if self.option is UploadOption.BARE:
            return ""
        return self.video_path or self.clip.path


@dataclass(frozen=True, slots=True)
class ObservedLimit:
    """The largest file accepted and the smallest refused in a place, in bytes, and when."""

    at: datetime
    accepted: int = 0
    refused: int | None = None

    def with_accepted(self, size: int, now: datetime) -> "ObservedLimit":
        refused = self.refused if self.refused is not None and size < self.refused else None
        return ObservedLimit(now, max(self.accepted, size), refused)

    def with_refused(self, size: int, now: datetime) -> "ObservedLimit":
        if size < _LOWEST_UPLOAD_LIMIT:
            return replace(self, at=now)
        return ObservedLimit(now, self.accepted if self.accepted < size else 0, size)


def effective_limit(reported: int | None, observed: ObservedLimit | None, now: datetime) -> int:
    """Return a place's limit in bytes; ``reported`` is what Discord or the boosts say."""
    limit = reported or DEFAULT_UPLOAD_LIMIT
    if observed is None or now - observed.at > OBSERVED_LIMIT_LIFETIME:
        return limit
    limit = max(limit, observed.accepted)
    if observed.refused is not None and observed.refused <= limit:
        limit = max(observed.accepted, limit_below(observed.refused))
    return limit


def limit_below(refused: int) -> int:
    """Return the limit to assume after a file of ``refused`` bytes was too large."""
    return DEFAULT_UPLOAD_LIMIT if refused > DEFAULT_UPLOAD_LIMIT else refused // 2


def upload_options(facts: VideoFacts, limit: int, *, public: bool) -> tuple[UploadStep, ...]:
    """Return the options to try for a clip, best first; ``public`` allows links."""
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
    """Return the largest decent re-encode below ``limit`` bytes, if there is one."""
    for side in _DECENT_SIDES:
        if side > _find_shorter_side(facts) and side != DECENT_SIDE:
            continue
        target = _build_target(facts, limit, min(side, _find_shorter_side(facts)))
        if (
            target.shorter_side >= min(DECENT_SIDE, _find_shorter_side(facts))
            and _compute_bits_per_pixel(target, facts) >= DECENT_BITS_PER_PIXEL
        ):
            return target
    return None


def reencode_to_fit(facts: VideoFacts, limit: int) -> TranscodeTarget:
    """Return the best re-encode below ``limit`` bytes, decent or not."""
    decent = find_decent_target(facts, limit)
    if decent is not None:
        return decent
    shorter_side = _find_shorter_side(facts)
    targets = [_build_target(facts, limit, min(side, shorter_side)) for side in _SMALL_SIDES]
    return next(
        (
            target
            for target in targets
            if _compute_bits_per_pixel(target, facts) >= _TOLERABLE_BITS_PER_PIXEL
        ),
        targets[-1],
    )


def build_preview_target(facts: VideoFacts) -> TranscodeTarget:
    """Return the target for the preview beside a link: the first seconds, small."""
    seconds = min(PREVIEW_S, facts.seconds)
    cut = replace(facts, seconds=seconds, size=max(1, int(facts.size * seconds / facts.seconds)))
    target = _build_target(cut, PREVIEW_BYTES, min(PREVIEW_SIDE, _find_shorter_side(facts)))
    return replace(target, seconds=seconds)


def _build_target(facts: VideoFacts, limit: int, side: int) -> TranscodeTarget:
    max_bytes = int(limit * _TARGET_SHARE)
    total_bits = min(max_bytes, facts.size) * 8 * (1 - _CONTAINER_SHARE) / facts.seconds
    audio_bits = 0
    if facts.has_audio:
        audio_bits = _LOW_AUDIO_BITS if total_bits < _LOW_AUDIO_THRESHOLD_BITS else _AUDIO_BITS
    scale = side / _find_shorter_side(facts)
    return TranscodeTarget(
        width=_round_to_even(facts.width * scale),
        height=_round_to_even(facts.height * scale),
        video_bits=max(_MIN_VIDEO_BITS, int(total_bits) - audio_bits),
        audio_bits=audio_bits,
        max_bytes=max_bytes,
    )


def _compute_bits_per_pixel(target: TranscodeTarget, facts: VideoFacts) -> float:
    return target.video_bits / (target.width * target.height * (facts.fps or 24.0))


def _find_shorter_side(facts: VideoFacts) -> int:
    return min(facts.width, facts.height)


def _round_to_even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
