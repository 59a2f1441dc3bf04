"""The person table, row by row as in the document, and what each rule makes of it.

Values are written down by hand from `veo-doc.zh.txt` and `veo.md`.
"""

from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.config.model_catalogue import load_catalogue
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Origin
from bot.domain.jobs.people_policy import (
    UnsatisfiableRule,
    choose_person_generation,
    resolve_person_rule,
)
from bot.domain.jobs.request import GenerationMode, OperatorRegion, PersonGeneration, PersonRule
from bot.services.jobs.requests import ChannelContext, RequestService
from tests.fakes.clock import FastClock
from tests.fakes.world import FakeModelAvailability
from tests.unit.rules.given import FAST_3, FAST_31, LITE_31, VEO_2, VEO_3, VEO_31, model

ALL, ADULT, NONE = PersonGeneration
EVERYONE, ADULTS, NOBODY = PersonRule
TEXT, IMAGE, FRAMES, REFERENCES, EXTENSION = GenerationMode
UNKEPT = UnsatisfiableRule.UNSATISFIABLE
RESTRICTED = (OperatorRegion.EU, OperatorRegion.UK, OperatorRegion.CH, OperatorRegion.MENA)

# models, mode: what Google takes elsewhere, and in the restricted regions
TABLE = [
    ((VEO_31, FAST_31, LITE_31, VEO_3, FAST_3), TEXT, (ALL,), (ADULT,)),
    ((VEO_31, FAST_31), EXTENSION, (ALL,), (ADULT,)),
    ((VEO_31, FAST_31, LITE_31, VEO_3, FAST_3), IMAGE, (ADULT,), (ADULT,)),
    ((VEO_31, FAST_31, VEO_3, FAST_3), FRAMES, (ADULT,), (ADULT,)),
    ((VEO_31, FAST_31), REFERENCES, (ADULT,), (ADULT,)),
    ((VEO_2,), TEXT, (ALL, ADULT, NONE), (NONE, ADULT)),
    ((VEO_2,), IMAGE, (ADULT, NONE), (NONE, ADULT)),
    ((VEO_2,), FRAMES, (ADULT, NONE), (NONE, ADULT)),
    *(
        (("veo-3.1-generate-001", "veo-3.1-fast-generate-001"), mode, (ADULT, NONE), (ADULT, NONE))
        for mode in GenerationMode
    ),
    (("veo-3.1-lite-generate-001",), TEXT, (ADULT, NONE), (ADULT, NONE)),
]


@pytest.mark.parametrize(("models", "mode", "elsewhere", "restricted"), TABLE)
def test_allowed_person_values(
    models: tuple[str, ...],
    mode: GenerationMode,
    elsewhere: tuple[PersonGeneration, ...],
    restricted: tuple[PersonGeneration, ...],
) -> None:
    for each in models:
        assert model(each).person_values(mode, OperatorRegion.ELSEWHERE) == elsewhere
        for region in RESTRICTED:
            assert model(each).person_values(mode, region) == restricted


# what Google takes, and then what is sent for: no rule, everyone, adults, nobody
SENT = {
    (ALL,): (None, None, UNKEPT, UNKEPT),
    (ADULT,): (None, None, ADULT, UNKEPT),
    (ALL, ADULT, NONE): (None, None, ADULT, NONE),
    (ADULT, NONE): (None, None, ADULT, NONE),
    (NONE, ADULT): (None, ADULT, ADULT, NONE),
    (ADULT, NONE, ALL): (None, ALL, ADULT, NONE),
}


@pytest.mark.parametrize(("models", "mode", "elsewhere", "restricted"), TABLE)
def test_person_value_on_wire(
    models: tuple[str, ...],
    mode: GenerationMode,
    elsewhere: tuple[PersonGeneration, ...],
    restricted: tuple[PersonGeneration, ...],
) -> None:
    for each in models:
        for region, taken in (
            (OperatorRegion.ELSEWHERE, elsewhere),
            *((region, restricted) for region in RESTRICTED),
        ):
            for rule, value in zip((None, *PersonRule), SENT[taken], strict=True):
                assert choose_person_generation(model(each), mode, region, rule) == value


def test_a_project_on_the_allow_list_lets_everyone_in_where_the_rule_says_so() -> None:
    listed = load_catalogue(
        '[[model]]\nid = "veo-3.1-generate-001"\npeople = "vertex-allow-listed"\n'
    )
    veo = listed.get("veo-3.1-generate-001")
    assert veo is not None
    for rule, value in zip(
        (None, *PersonRule), SENT[veo.person_values(TEXT, OperatorRegion.ELSEWHERE)], strict=True
    ):
        assert choose_person_generation(veo, TEXT, OperatorRegion.ELSEWHERE, rule) == value
    assert choose_person_generation(veo, TEXT, OperatorRegion.EU, EVERYONE) is None


def requests_of(guilds: Any = None) -> RequestService:
    """Requests as far as they look at the rules of servers."""
    absent: Any = None
    return RequestService(
        jobs=absent,
        ledger=absent,
        guilds=guilds,
        offered_models=FakeModelAvailability(),
        worker=absent,
        admission_batcher=absent,
        wait_estimates=absent,
        clock=FastClock(),
        policy=absent,
    )


@pytest.mark.parametrize(
    ("by_channel", "expected"),
    [
        ({}, EVERYONE),
        ({5: ADULTS}, ADULTS),
        ({6: ADULTS}, ADULTS),
        ({5: EVERYONE, 6: NOBODY}, NOBODY),
        ({5: NOBODY, 6: EVERYONE}, NOBODY),
    ],
)
async def test_a_thread_never_loosens_its_channel(
    by_channel: dict[int, PersonRule], expected: PersonRule
) -> None:
    guilds = AsyncMock()
    guilds.rules.return_value = GuildRules(1, person_rule=EVERYONE, channel_person_rules=by_channel)
    there = await requests_of(guilds).get_rule_context(
        Origin("interaction:1", 1, 5, 7), ChannelContext(parent_channel_id=6)
    )
    assert there.person_rule is expected


async def test_a_request_in_a_direct_message_has_googles_own_defaults() -> None:
    requests = requests_of()
    origin = Origin("interaction:1", None, 5, 7)
    there = await requests.get_rule_context(
        origin, ChannelContext(age_restricted=True, direct_message=True)
    )
    assert there.person_rule is None
    assert (
        await requests.get_rule_context(origin, ChannelContext(age_restricted=True))
    ).person_rule is ADULTS


def test_unknown_support_promises_nothing() -> None:
    assert (
        choose_person_generation(model(VEO_2), REFERENCES, OperatorRegion.ELSEWHERE, NOBODY)
        is UNKEPT
    )
    assert (
        choose_person_generation(model(VEO_2), REFERENCES, OperatorRegion.ELSEWHERE, EVERYONE)
        is None
    )


@pytest.mark.parametrize(
    ("server", "channel", "age_restricted", "expected"),
    [
        (None, None, False, None),
        (None, None, True, ADULTS),
        (EVERYONE, None, True, ADULTS),
        (NOBODY, None, True, NOBODY),
        (EVERYONE, EVERYONE, True, EVERYONE),
        (ADULTS, EVERYONE, False, ADULTS),
        (EVERYONE, NOBODY, False, NOBODY),
        (ADULTS, NOBODY, True, NOBODY),
        (None, ADULTS, False, ADULTS),
    ],
)
def test_the_strictest_rule_holds(
    server: PersonRule | None,
    channel: PersonRule | None,
    age_restricted: bool,
    expected: PersonRule | None,
) -> None:
    assert resolve_person_rule(server, channel, age_restricted=age_restricted) is expected


def test_a_direct_message_has_googles_own_defaults() -> None:
    assert resolve_person_rule(None, None, age_restricted=True, direct_message=True) is None
