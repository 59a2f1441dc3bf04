"""A server's rules: where the bot may be used, and its language."""

import pytest

from bot.domain.billing.limits import NO_LIMITS, UsageLimits
from bot.domain.billing.quota_presets import QUOTA_PRESETS, QuotaPreset, find_quota_preset, is_unset
from bot.domain.errors import ChannelNotAllowed
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Origin

HERE, THREAD, ELSEWHERE = 20, 21, 22


def test_without_a_list_the_bot_may_be_used_everywhere() -> None:
    GuildRules(10).require_allowed_channel(HERE)
    GuildRules(10).require_allowed_channel(THREAD, HERE)


def test_elsewhere_is_refused_with_the_channels_named() -> None:
    rules = GuildRules(10, allowed_channels=frozenset({HERE, 19}))
    rules.require_allowed_channel(HERE)
    with pytest.raises(ChannelNotAllowed) as refused:
        rules.require_allowed_channel(ELSEWHERE)
    assert refused.value.channels == (19, HERE)


def test_a_thread_counts_as_its_channel() -> None:
    rules = GuildRules(10, allowed_channels=frozenset({HERE}))
    rules.require_allowed_channel(THREAD, HERE)
    with pytest.raises(ChannelNotAllowed):
        rules.require_allowed_channel(THREAD, ELSEWHERE)
    # nor does a thread on the list open its channel
    with pytest.raises(ChannelNotAllowed):
        GuildRules(10, allowed_channels=frozenset({THREAD})).require_allowed_channel(HERE)


def origin(**changes: int | None) -> Origin:
    facts = {"guild_id": 10, "channel_id": HERE, "user_id": 30} | changes
    return Origin(dedupe_key="k", locale="fr", guild_locale="de", **facts)  # type: ignore[arg-type]


def test_a_server_speaks_the_language_it_has_in_discord_unless_it_chose_one() -> None:
    assert GuildRules(10).apply_language(origin()) == origin()
    spoken = GuildRules(10, locale="ja").apply_language(origin())
    assert (spoken.guild_locale, spoken.locale) == ("ja", "fr")  # the member reads their own
    answered = GuildRules(10, locale="ja").apply_language(origin(request_message_id=5))
    assert (answered.guild_locale, answered.locale) == ("ja", "ja")  # a reply is read by all


def test_quotas_to_choose_set_every_limit_and_are_known_again() -> None:
    widths = [tuple(value for _, value in QUOTA_PRESETS[each]) for each in QuotaPreset]
    assert all(None not in each for each in widths)
    assert widths == sorted(widths)
    for name, limits in QUOTA_PRESETS.items():
        assert find_quota_preset(limits) is name
    assert find_quota_preset(UsageLimits(clips_per_day=3)) is None
    assert is_unset(NO_LIMITS)
    assert not is_unset(UsageLimits(clips_per_day=3))
