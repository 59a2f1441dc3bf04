"""Google's table of person rules, row by row, and the effect of each rule.

The values were copied by hand from `veo-doc.zh.txt` and `veo.md`.
"""

from unittest.mock import AsyncMock

import pytest

from bot.config.model_catalog import load_catalog
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Origin
from bot.domain.jobs.people_policy import (
    UnsatisfiableRule,
    choose_person_generation,
    choose_preferred_rule,
    resolve_person_rule,
)
from bot.domain.jobs.request import (
    MODEL_MODES,
    GenerationMode,
    OperatorRegion,
    PersonGeneration,
    PersonRule,
)
from bot.services.admin.guild_rules import ChannelContext, GuildContext, ServerRulesService
from tests.fakes.clock import FastClock
from tests.unit.rules.examples import (
    FAST_3,
    FAST_31,
    LITE_31,
    OMNI_11,
    OMNI_12,
    VEO_2,
    VEO_3,
    VEO_31,
    model,
)

ALL, ADULT, NONE = PersonGeneration
EVERYONE, ADULTS, NOBODY = PersonRule
TEXT, IMAGE, FRAMES, REFERENCES, EXTENSION, EDIT = MODEL_MODES
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
        for mode in (TEXT, IMAGE, FRAMES, REFERENCES, EXTENSION)
    ),
    ((OMNI_12,), TEXT, (), ()),
    ((OMNI_12, OMNI_11), EDIT, (), ()),
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
        assert model(each).list_person_values(mode, OperatorRegion.ELSEWHERE) == elsewhere
        for region in RESTRICTED:
            assert model(each).list_person_values(mode, region) == restricted


# what Google takes, and then what is sent for: no rule, everyone, adults, nobody
SENT = {
    (ALL,): (None, None, UNKEPT, UNKEPT),
    (ADULT,): (None, None, ADULT, UNKEPT),
    (ALL, ADULT, NONE): (None, None, ADULT, NONE),
    (ADULT, NONE): (None, None, ADULT, NONE),
    (NONE, ADULT): (None, ADULT, ADULT, NONE),
    (ADULT, NONE, ALL): (None, ALL, ADULT, NONE),
    (): (None, None, UNKEPT, UNKEPT),
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
    listed = load_catalog(
        '[[model]]\nid = "veo-3.1-generate-001"\npeople = "vertex-allow-listed"\n'
    )
    veo = listed.get("veo-3.1-generate-001")
    assert veo is not None
    for rule, value in zip(
        (None, *PersonRule),
        SENT[veo.list_person_values(TEXT, OperatorRegion.ELSEWHERE)],
        strict=True,
    ):
        assert choose_person_generation(veo, TEXT, OperatorRegion.ELSEWHERE, rule) == value
    assert choose_person_generation(veo, TEXT, OperatorRegion.EU, EVERYONE) is None


async def load_context(rules: GuildRules, origin: Origin, channel: ChannelContext) -> GuildContext:
    guilds = AsyncMock()
    guilds.load_rules_for_member.return_value = ({0: GuildRules(0), rules.guild_id: rules}, None)
    servers = ServerRulesService(guilds=guilds, clock=FastClock())
    return await servers.load_context(origin, channel)


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
    there = await load_context(
        GuildRules(1, person_rule=EVERYONE, channel_person_rules=by_channel),
        Origin("interaction:1", 1, 5, 7),
        ChannelContext(parent_channel_id=6),
    )
    assert there.person_rule is expected


async def test_a_request_in_a_direct_message_has_googles_own_defaults() -> None:
    origin = Origin("interaction:1", None, 5, 7)
    unrelated = GuildRules(1, person_rule=NOBODY)
    there = await load_context(
        unrelated, origin, ChannelContext(age_restricted=True, direct_message=True)
    )
    assert there.person_rule is None
    assert there.preferred_person_rule is None
    there = await load_context(unrelated, origin, ChannelContext(age_restricted=True))
    assert there.person_rule is None
    assert there.preferred_person_rule is ADULTS


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
    ("server", "channel", "expected"),
    [
        (None, None, None),
        (EVERYONE, None, EVERYONE),
        (ADULTS, EVERYONE, ADULTS),
        (EVERYONE, NOBODY, NOBODY),
        (ADULTS, NOBODY, NOBODY),
        (None, ADULTS, ADULTS),
    ],
)
def test_the_strictest_rule_applies(
    server: PersonRule | None, channel: PersonRule | None, expected: PersonRule | None
) -> None:
    assert resolve_person_rule(server, channel) is expected
    assert resolve_person_rule(server, channel, direct_message=True) is None


@pytest.mark.parametrize(
    ("channel", "age_restricted", "direct_message", "expected"),
    [
        (None, True, False, ADULTS),
        (None, False, False, None),
        (EVERYONE, True, False, None),
        (None, True, True, None),
    ],
)
def test_an_age_restricted_channel_prefers_adults(
    channel: PersonRule | None,
    age_restricted: bool,
    direct_message: bool,
    expected: PersonRule | None,
) -> None:
    preferred = choose_preferred_rule(
        channel, age_restricted=age_restricted, direct_message=direct_message
    )
    assert preferred is expected


@pytest.mark.parametrize(
    ("model_id", "mode", "rule", "value"),
    [
        (VEO_31, TEXT, None, None),
        (VEO_31, TEXT, EVERYONE, None),
        (VEO_31, IMAGE, None, ADULT),
        (VEO_31, EXTENSION, None, None),
        (VEO_2, TEXT, None, ADULT),
        (VEO_2, TEXT, EVERYONE, ADULT),
        (VEO_2, TEXT, NOBODY, NONE),
        (VEO_31, TEXT, NOBODY, UNKEPT),
    ],
)
def test_a_preferred_rule_is_followed_where_the_model_can(
    model_id: str,
    mode: GenerationMode,
    rule: PersonRule | None,
    value: PersonGeneration | UnsatisfiableRule | None,
) -> None:
    """An age-restricted channel never refuses or changes the model. [people-A6]"""
    region = OperatorRegion.ELSEWHERE
    sent = choose_person_generation(model(model_id), mode, region, rule, preferred=ADULTS)
    assert sent == value
