"""The bot puts the first star only under clips for which a vote can count."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.showcase.post import CreatorPreferences, ShowcaseConsent, ShowcaseSettings
from bot.services.showcase.first_star import FirstStar
from tests.fakes.showcase_channels import FakeShowcaseChannel
from tests.unit.words.examples import ORIGIN, a_clip, a_job

GUILD, HALL, POST = 10, 77, 40
ON = ShowcaseSettings(GUILD, channel_id=HALL)


class KnownSettings:
    def __init__(self, settings: ShowcaseSettings, **preferences: Any) -> None:
        self.settings = settings
        self.preferences = preferences

    async def load_settings(self, guild_id: int) -> ShowcaseSettings:
        return self.settings

    async def load_preferences(self, guild_id: int, user_id: int) -> CreatorPreferences:
        return CreatorPreferences(guild_id, user_id, **self.preferences)


async def offer(known: Any, clips: Any, channel: FakeShowcaseChannel, **job_changes: Any) -> None:
    first_star = FirstStar(showcase_settings_store=known, showcase_channel=channel)
    await first_star.offer(a_job(posted_message_id=POST, **job_changes), clips)


async def test_a_clip_gets_a_star_where_the_showcase_is_on() -> None:
    channel = FakeShowcaseChannel()
    await offer(KnownSettings(ON), [a_clip()], channel)
    assert channel.offered_stars == [POST]
    await offer(KnownSettings(ShowcaseSettings(GUILD)), [a_clip()], channel)
    assert channel.offered_stars == [POST]


@pytest.mark.parametrize(
    ("clips", "preferences", "job_changes"),
    [
        ([a_clip(id=1), a_clip(id=2, index=1)], {}, {}),
        ([a_clip()], {"consent": ShowcaseConsent.NOBODY}, {}),
        ([a_clip()], {"blocked": True}, {}),
        ([a_clip(age_restricted=True)], {}, {}),
        ([a_clip()], {}, {"origin": replace(ORIGIN, guild_id=None)}),
    ],
    ids=["several clips", "no consent", "blocked", "age-restricted", "direct message"],
)
async def test_no_star_promises_what_a_vote_cannot_do(
    clips: Any, preferences: dict[str, Any], job_changes: dict[str, Any]
) -> None:
    channel = FakeShowcaseChannel()
    await offer(KnownSettings(ON, **preferences), clips, channel, **job_changes)
    assert channel.offered_stars == []


async def test_an_age_restricted_clip_gets_one_if_the_showcase_is_restricted_too() -> None:
    channel = FakeShowcaseChannel()
    channel.channels = {HALL: True}
    await offer(KnownSettings(ON), [a_clip(age_restricted=True)], channel)
    assert channel.offered_stars == [POST]
