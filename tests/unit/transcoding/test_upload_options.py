"""Which upload options are tried in each place, and the size of a re-encode."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.clips.clip import VideoFacts
from bot.domain.clips.upload_options import (
    DEFAULT_UPLOAD_LIMIT,
    MIB,
    OBSERVED_LIMIT_LIFETIME,
    ObservedLimit,
    build_preview_target,
    effective_limit,
    find_decent_target,
    reencode_to_fit,
    upload_options,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
P540, P720, P1080, UHD = (960, 540), (1280, 720), (1920, 1080), (3840, 2160)


def facts(
    size: tuple[int, int] = P720, seconds: float = 8.0, mib: float = 60.0, *, sound: bool = True
) -> VideoFacts:
    return VideoFacts(seconds, *size, 24.0, sound, int(mib * MIB), "0" * 64)


@pytest.mark.parametrize(
    ("video", "limit", "public", "options"),
    [
        (facts(mib=8), 20, True, ["as_is", "fitted", "link", "bare"]),
        (facts(mib=8), 20, False, ["as_is", "fitted", "squeezed", "squeezed"]),
        (facts(mib=20), 20, True, ["as_is", "fitted", "link", "bare"]),
        (facts(mib=20.01), 20, True, ["fitted", "link", "bare"]),
        (facts(), 20, True, ["fitted", "link", "bare"]),
        (facts(), 20, False, ["fitted", "squeezed", "squeezed"]),
        (facts(), 100, True, ["as_is", "fitted", "link", "bare"]),
        (facts(seconds=148), 20, True, ["fitted", "link", "bare"]),
        (facts(seconds=148), 10, True, ["link", "bare"]),
        (facts(seconds=148), 10, False, ["squeezed", "squeezed", "squeezed"]),
        (facts(UHD, 8, 90), 20, True, ["fitted", "link", "bare"]),
        (facts(UHD, 148, 900), 20, True, ["fitted", "link", "bare"]),
        (facts(UHD, 148, 900), 1, True, ["link", "bare"]),
    ],
)
def test_upload_options_are_ordered(
    video: VideoFacts, limit: int, public: bool, options: list[str]
) -> None:
    steps = upload_options(video, limit * MIB, public=public)
    assert [step.option.value for step in steps] == options


@pytest.mark.parametrize("public", [True, False])
def test_each_upload_option_is_smaller(public: bool) -> None:
    for mib in (0.3, 8, 60):
        steps = upload_options(facts(mib=mib), 20 * MIB, public=public)
        for before, after in itertools.pairwise(steps):
            if after.option.value in ("fitted", "squeezed"):
                assert after.limit < before.limit or before.option.value == "as_is"
                assert after.limit < mib * MIB


@pytest.mark.parametrize(
    ("video", "limit", "side"),
    [
        (facts(P720, 8), 20, 720),
        (facts(P1080, 8), 20, 1080),
        (facts(UHD, 8, 90), 20, 2160),
        (facts(UHD, 22, 200), 20, 1080),
        (facts(P720, 60), 20, 720),
        (facts(P720, 148), 20, 540),
        (facts((720, 1280), 148), 20, 540),
        (facts(P540, 148), 20, 540),
        (facts((640, 360), 8, 30), 20, 360),
        (facts(P720, 148), 10, None),
    ],
)
def test_largest_decent_size_is_chosen(video: VideoFacts, limit: int, side: int | None) -> None:
    target = find_decent_target(video, limit * MIB)
    assert (target.shorter_side if target else None) == side
    if target is None:
        return
    assert target.width % 2 == target.height % 2 == 0
    assert abs(target.width / target.height - video.width / video.height) < 0.01
    assert (
        (target.video_bits + target.audio_bits) * video.seconds / 8 < target.max_bytes < limit * MIB
    )


def test_poor_quality_target_uses_full_limit() -> None:
    assert reencode_to_fit(facts(P720, 148), 10 * MIB).shorter_side == 540
    assert reencode_to_fit(facts(P720, 148), 4 * MIB).shorter_side == 240
    assert reencode_to_fit(facts(P720, 8), 20 * MIB) == find_decent_target(facts(P720, 8), 20 * MIB)


def test_audio_bitrate_depends_on_size() -> None:
    assert reencode_to_fit(facts(P720, 148), 5 * MIB).audio_bits == 96_000
    assert reencode_to_fit(facts(P720, 8), 20 * MIB).audio_bits == 128_000
    assert reencode_to_fit(facts(P720, 8, sound=False), 20 * MIB).audio_bits == 0


def test_a_preview_is_four_seconds_at_480p_at_most() -> None:
    target = build_preview_target(facts(UHD, 148, 900))
    assert (target.seconds, target.shorter_side) == (4.0, 480)
    assert target.max_bytes < 2 * MIB
    assert build_preview_target(facts((320, 180), 2)).seconds == 2


def observed(accepted: int = 0, refused: int | None = None) -> ObservedLimit:
    return ObservedLimit(NOW, accepted, refused)


@pytest.mark.parametrize(
    ("reported", "known", "limit"),
    [
        (None, None, DEFAULT_UPLOAD_LIMIT),
        (50 * MIB, None, 50 * MIB),
        (10 * MIB, None, 10 * MIB),
        (None, observed(accepted=40 * MIB), 40 * MIB),
        (100 * MIB, observed(refused=60 * MIB), 20 * MIB),
        (100 * MIB, observed(accepted=45 * MIB, refused=60 * MIB), 45 * MIB),
        (20 * MIB, observed(refused=15 * MIB), 7.5 * MIB),
        (20 * MIB, observed(refused=60 * MIB), 20 * MIB),
    ],
)
def test_effective_limit_is_chosen(
    reported: int | None, known: ObservedLimit | None, limit: int
) -> None:
    assert effective_limit(reported, known, NOW) == limit


def test_observed_limit_expires() -> None:
    old = observed(refused=15 * MIB)
    assert effective_limit(None, old, NOW + OBSERVED_LIMIT_LIFETIME) < DEFAULT_UPLOAD_LIMIT
    assert (
        effective_limit(None, old, NOW + OBSERVED_LIMIT_LIFETIME + timedelta(seconds=1))
        == DEFAULT_UPLOAD_LIMIT
    )


def test_latest_reported_limit_wins() -> None:
    once = observed().with_accepted(40 * MIB, NOW)
    assert effective_limit(None, once, NOW) == 40 * MIB
    lost = once.with_refused(30 * MIB, NOW)
    assert effective_limit(None, lost, NOW) == 20 * MIB
    again = lost.with_accepted(45 * MIB, NOW)
    assert effective_limit(None, again, NOW) == 45 * MIB


def test_small_refused_file_does_not_lower_limit() -> None:
    assert effective_limit(None, observed().with_refused(300_000, NOW), NOW) == DEFAULT_UPLOAD_LIMIT
