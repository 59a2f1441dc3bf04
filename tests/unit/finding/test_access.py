"""Who may see or moderate a clip: its creator, its server, its conversation."""

import pytest

from bot.domain.access import ActingPerson
from bot.domain.jobs.job import Origin

OWNER, OTHER, SERVER, CHANNEL = 1, 2, 10, 20


def made_in(guild_id: int | None, channel_id: int = CHANNEL) -> Origin:
    return Origin("interaction:1", guild_id, channel_id, OWNER)


@pytest.mark.parametrize(
    ("person", "work", "visible"),
    [
        (ActingPerson(OWNER, None), made_in(SERVER), True),
        (ActingPerson(OWNER, SERVER + 1, 5), made_in(SERVER), True),
        (ActingPerson(OTHER, SERVER, 5), made_in(SERVER), True),
        (ActingPerson(OTHER, SERVER + 1, CHANNEL), made_in(SERVER), False),
        (ActingPerson(OTHER, None, CHANNEL), made_in(SERVER), False),
        (ActingPerson(OTHER, None, CHANNEL), made_in(None), True),
        (ActingPerson(OTHER, None, 5), made_in(None), False),
        (ActingPerson(OTHER, None), made_in(None), False),
        (ActingPerson(OTHER, SERVER, CHANNEL), made_in(None), False),
    ],
)
def test_what_a_person_may_see(person: ActingPerson, work: Origin, visible: bool) -> None:
    assert person.may_see(work) is visible


@pytest.mark.parametrize(
    ("guild_id", "moderator", "work", "moderates"),
    [
        (SERVER, True, made_in(SERVER), True),
        (SERVER, False, made_in(SERVER), False),
        (SERVER + 1, True, made_in(SERVER), False),
        (None, True, made_in(None), False),
    ],
)
def test_a_moderator_moderates_their_own_server(
    guild_id: int | None, moderator: bool, work: Origin, moderates: bool
) -> None:
    person = ActingPerson(OTHER, guild_id, CHANNEL, moderator=moderator)
    assert person.moderates(work) is moderates
