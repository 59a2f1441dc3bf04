"""A process that sends 100 requests at once on a signal. Tests run two against one limit."""

import asyncio
import json
import sys

from bot.domain.billing.limits import SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.errors import LimitReached
from bot.domain.jobs.job import AdmissionRequest
from bot.services.jobs.admission import AdmissionBatcher
from bot.store.engine.database import open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.jobs.admission import Admission
from bot.store.jobs.jobs import JobStore
from tests.fakes.clock import FastClock
from tests.fakes.world import PRICE, make_origin, make_plan

POLICIES = {
    "member": SpendingPolicy(member=UsageLimits(clips_per_day=5)),
    "guild": SpendingPolicy(guild=UsageLimits(usd_per_day=Micros(7 * PRICE))),
}


async def main(url: str, schema: str, scenario: str, number: str) -> None:
    """Request 100 clips at once and print how many were accepted."""
    database = open_database(url, schema=schema)
    await upgrade_schema(database)  # both do: only one may create the tables
    clock = FastClock(speed=1.0)
    batcher = AdmissionBatcher(jobs=JobStore(database), policy=POLICIES[scenario], clock=clock)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    members = 1 if scenario == "member" else 25
    requests = [
        AdmissionRequest(
            make_plan(), make_origin(f"{number}-{n}", user_id=1000 * members + n % members)
        )
        for n in range(100)
    ]
    answers = await asyncio.gather(
        *(batcher.admit_request(request, owner=None) for request in requests),
        return_exceptions=True,
    )
    accepted = sum(isinstance(answer, Admission) for answer in answers)
    refused = sum(isinstance(answer, LimitReached) for answer in answers)
    sys.stdout.write(json.dumps({"accepted": accepted, "refused": refused}))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
