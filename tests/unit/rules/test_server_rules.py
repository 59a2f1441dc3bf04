"""A server's own rules: where the bot may be used, and in which language it speaks."""

import pytest

from bot.domain.billing.limits import NO_LIMITS, Limits
from bot.domain.billing.quota_presets import ALLOWANCES, Allowance, allowance_of, is_unset
from bot.domain.errors import ChannelNotAllowed
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Origin

HERE, THREAD, ELSEWHERE = 20, 21, 22


def test_without_a_list_the_bot_may_be_used_everywhere() -> None:
    GuildRules(10).require_open(HERE)
    GuildRules(10).require_open(THREAD, HERE)


def test_elsewhere_is_refused_with_the_channels_named() -> None:
    rules = GuildRules(10, allowed_channels=frozenset({HERE, 19}))
    rules.require_open(HERE)
    with pytest.raises(ChannelNotAllowed) as refused:
        rules.require_open(ELSEWHERE)
    assert refused.value.channels == (19, HERE)


def test_a_thread_counts_as_its_channel() -> None:
    rules = GuildRules(10, allowed_channels=frozenset({HERE}))
    rules.require_open(THREAD, HERE)
    with pytest.raises(ChannelNotAllowed):
        rules.require_open(THREAD, ELSEWHERE)
    # nor does a thread on the list open its channel
    with pytest.raises(ChannelNotAllowed):
        GuildRules(10, allowed_channels=frozenset({THREAD})).require_open(HERE)


def origin(**changes: int | None) -> Origin:
    facts = {"guild_id": 10, "channel_id": HERE, "user_id": 30} | changes
    return Origin(key="k", locale="fr", guild_locale="de", **facts)  # type: ignore[arg-type]


def test_a_server_speaks_the_language_it_has_in_discord_unless_it_chose_one() -> None:
    assert GuildRules(10).in_its_language(origin()) == origin()
    spoken = GuildRules(10, locale="ja").in_its_language(origin())
    assert (spoken.guild_locale, spoken.locale) == ("ja", "fr")  # the member reads their own
    answered = GuildRules(10, locale="ja").in_its_language(origin(request_message_id=5))
    assert (answered.guild_locale, answered.locale) == ("ja", "ja")  # a reply is read by all


def test_quotas_to_choose_set_every_limit_and_are_known_again() -> None:
    widths = [tuple(value for _, value in ALLOWANCES[each]) for each in Allowance]
    assert all(None not in each for each in widths)
    assert widths == sorted(widths)
    for name, limits in ALLOWANCES.items():
        assert allowance_of(limits) is name
    assert allowance_of(Limits(clips_per_day=3)) is None
    assert is_unset(NO_LIMITS)
    assert not is_unset(Limits(clips_per_day=3))
