"""The queue position computed in SQL matches the fair order."""

import random
from datetime import timedelta

from sqlalchemy import update

from bot.domain.guild import GuildRules
from bot.domain.jobs.job import AdmissionRequest, JobState
from bot.domain.jobs.queue import order_fairly, queue_positions
from bot.store.jobs.admission import Admission
from bot.store.tables.core import jobs_table
from tests.fakes.world import GUILD, SimulatedWorld, make_origin, make_plan


async def test_place_is_the_one_in_the_fair_order(world: SimulatedWorld) -> None:
    chance = random.Random(7)
    requests = [
        AdmissionRequest(
            make_plan(),
            make_origin(
                key, user_id=chance.randrange(1, 6), guild_id=GUILD + (chance.random() < 0.2)
            ),
        )
        for key in range(60)
    ]
    accepted = await world.jobs.admit_requests(requests, policy=world.policy, owner=None)
    jobs = [admission.job for admission in accepted if isinstance(admission, Admission)]
    assert len(jobs) == len(accepted)
    assert [job.id for job in jobs] == sorted(job.id for job in jobs), "the order of arrival"
    now = world.clock.now()
    for job in chance.sample(jobs, 20):  # some run, some have run, some long ago
        state = chance.choice([JobState.SUBMITTING, JobState.POLLING, JobState.DONE])
        started_at = now - timedelta(minutes=chance.choice([1, 5, 30, 90]), seconds=job.id)
        change = update(jobs_table).where(jobs_table.c.id == job.id)
        change = change.values(state=state, submitted_at=started_at)
        await world.database.write(lambda connection, change=change: connection.execute(change))  # type: ignore[misc]
    await world.guilds.save_rules(GuildRules(GUILD + 1, paused=True), actor_id=1, now=now)

    expected = queue_positions(order_fairly(*await world.jobs.load_queue()))
    assert len(expected) > 20
    places = {
        job.id: place
        for job in jobs
        if (place := await world.jobs.find_queue_place(job)) is not None
    }
    assert places == expected
