"""How far a showcase post may go, given age restriction and whose footage it contains."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.clips.age_restriction import is_presumed_restricted, may_show, require_may_show
from bot.domain.errors import NotAllowed
from bot.domain.showcase.gallery import Reach
from bot.domain.showcase.post import ShowcaseConsent
from bot.domain.showcase.reach import FootageSource, SourceShowing, decide_reach

MAKER, OTHER = 1, 2
ORDER = [Reach.NOWHERE, Reach.SERVER, Reach.PUBLIC]

sources = st.builds(
    FootageSource,
    creator_id=st.sampled_from([MAKER, OTHER, 3, None]),
    is_deleted=st.booleans(),
    is_blocked=st.booleans(),
    consent=st.sampled_from(ShowcaseConsent),
    showing=st.sampled_from(SourceShowing),
)


def decide(*given_sources: FootageSource, by_stars: bool = False) -> Reach:
    return decide_reach(
        creator_id=MAKER,
        age_restricted=False,
        channel_age_restricted=False,
        sources=given_sources,
        is_by_stars=by_stars,
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (FootageSource(OTHER), Reach.NOWHERE),
        (FootageSource(OTHER, showing=SourceShowing.SERVER), Reach.SERVER),
        (FootageSource(OTHER, showing=SourceShowing.PUBLIC), Reach.PUBLIC),
        (FootageSource(OTHER, showing=SourceShowing.TAKEN_OUT), Reach.NOWHERE),
        (FootageSource(OTHER, showing=SourceShowing.HIDDEN), Reach.NOWHERE),
        (FootageSource(OTHER, consent=ShowcaseConsent.EVERYONE), Reach.PUBLIC),
        (
            FootageSource(OTHER, consent=ShowcaseConsent.EVERYONE, showing=SourceShowing.TAKEN_OUT),
            Reach.NOWHERE,
        ),
        (
            FootageSource(OTHER, consent=ShowcaseConsent.NOBODY, showing=SourceShowing.PUBLIC),
            Reach.NOWHERE,
        ),
        (FootageSource(OTHER, is_deleted=True, showing=SourceShowing.PUBLIC), Reach.NOWHERE),
        (FootageSource(OTHER, is_blocked=True, showing=SourceShowing.PUBLIC), Reach.NOWHERE),
        (FootageSource(None, showing=SourceShowing.PUBLIC), Reach.NOWHERE),
        (FootageSource(MAKER, is_deleted=True), Reach.PUBLIC),
        (FootageSource(MAKER, showing=SourceShowing.TAKEN_OUT), Reach.PUBLIC),
        (FootageSource(MAKER, showing=SourceShowing.HIDDEN), Reach.NOWHERE),
    ],
)
def test_everybodys_footage_is_asked_for(source: FootageSource, expected: Reach) -> None:
    """[web-W02]"""
    assert decide(source) is expected
    own = FootageSource(MAKER)
    assert decide(own, source, own) is expected


def test_stars_may_show_what_the_default_lets_them() -> None:
    assert decide(FootageSource(OTHER), by_stars=True) is Reach.SERVER


@given(st.lists(sources, max_size=6), sources, st.booleans())
def test_one_more_source_never_widens_the_reach(
    many: Sequence[FootageSource], one: FootageSource, by_stars: bool
) -> None:
    alone = decide(*many, by_stars=by_stars)
    together = decide(*many, one, by_stars=by_stars)
    assert ORDER.index(together) <= ORDER.index(alone)
    # nobody's withdrawal, block or deletion ever widens it either
    for change in ({"is_deleted": True}, {"is_blocked": True}, {"creator_id": None}):
        changed = decide(*many, replace(one, **change), by_stars=by_stars)
        assert ORDER.index(changed) <= ORDER.index(together)


@pytest.mark.parametrize(
    ("restricted", "channel", "expected"),
    [
        (False, False, Reach.PUBLIC),
        (False, True, Reach.PUBLIC),
        (True, True, Reach.SERVER),
        (True, False, Reach.NOWHERE),
    ],
)
def test_age_restricted_clips_stay_among_adults(
    restricted: bool, channel: bool, expected: Reach
) -> None:
    """Never on the web, and in age-restricted channels only. [people-M22, web-W03]"""
    reach = decide_reach(
        creator_id=MAKER,
        age_restricted=restricted,
        channel_age_restricted=channel,
        sources=[],
        is_by_stars=False,
    )
    assert reach is expected


@pytest.mark.parametrize("place", [True, False, None])
def test_unknown_places_count_as_restricted(place: bool | None) -> None:
    """A clip from an unknown channel is restricted, and none is shown in one. [people-M22]"""
    assert is_presumed_restricted(place) is (place is not False)
    assert may_show(age_restricted=False, place_age_restricted=place)
    assert may_show(age_restricted=True, place_age_restricted=place) is (place is True)
    if place is not True:
        with pytest.raises(NotAllowed):
            require_may_show(age_restricted=True, place_age_restricted=place)
