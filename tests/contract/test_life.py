"""A job's life through the real services, with Google and Discord played."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.billing.limits import Limits, Pace, Policy
from bot.domain.billing.money import Micros
from bot.domain.errors import (
    AccessRefused,
    ChannelClosed,
    DeliveryBusy,
    FileTooLarge,
    GoogleBusy,
    GoogleQuota,
    NotAllowed,
    NotFound,
    Paused,
    RemoteGone,
    SubmitUncertain,
    VideoRefused,
)
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.ports import Failed, Finished, Pending, RemoteVideo
from bot.services.jobs.job_steps import Money, Timing
from bot.services.jobs.requests import Cancellation
from tests.fakes.world import GUILD, MEMBER, MODEL, PRICE, Process, World, origin, plan
from tests.harness.waiting import eventually


@pytest.fixture
async def process(world: World) -> Process:
    """Give one process at work."""
    one = world.process()
    await one.worker.start()
    return one


async def ended(world: World, job: Job) -> Job:
    """Wait until the job has ended and people know."""

    async def over() -> Job | None:
        found = await world.job(job.id)
        return found if found.state.ended and found.owner is None else None

    found = await eventually(over)
    assert found is not None
    return found


async def spent(world: World) -> int:
    """Return what the server has been charged."""
    rows = await world.ledger.usage(GUILD, since=world.clock.now() - timedelta(days=400))
    return sum(row.micros for row in rows)


async def member_spent(world: World) -> int:
    """Return what counts against the member's own limits."""
    policy = Policy(member=Limits(usd_per_month=Micros(1_000_000_000)))
    [line] = (await world.ledger.standing(origin(0), policy=policy)).lines
    return line.used


async def in_state(world: World, job: Job, state: JobState) -> None:
    async def there() -> bool:
        return (await world.job(job.id)).state is state

    await eventually(there)


async def test_a_job_is_submitted_once_posted_once_and_settled(
    world: World, process: Process
) -> None:
    job = await process.submit(1)
    after = await ended(world, job)
    assert (after.state, after.outcome) == (JobState.DONE, Outcome.DELIVERED)
    assert world.google.submits == [job.id]
    [(nonce, message_id, [clip_id])] = world.discord.messages
    assert nonce == job.nonce
    assert after.posted_message_id == message_id
    clip = await world.clips.of_message(message_id)
    assert clip is not None
    assert (clip.id, clip.seconds, clip.hop) == (clip_id, 8, 0)
    assert (world.data_dir / clip.path).read_bytes().startswith(b"video of")
    assert world.discord.closed == [job.id]
    assert after.status_message_id is not None
    assert await world.ledger.reserved() == 0
    assert await spent(world) == PRICE
    states = [progress.job.state for progress in world.discord.shown]
    assert states == sorted(states, key=list(JobState).index)


async def test_what_google_refuses_costs_nothing(world: World, process: Process) -> None:
    world.google.submit_script.append(
        VideoRefused("400", outcome=Outcome.INVALID, detail="durationSeconds")
    )
    after = await ended(world, await process.submit(1))
    assert (after.state, after.outcome, after.detail) == (
        JobState.FAILED,
        Outcome.INVALID,
        "durationSeconds",
    )
    assert await spent(world) == await world.ledger.reserved() == 0
    assert [told.id for told in world.discord.told] == [after.id]


async def test_a_retired_model_is_taken_off_the_shelf(world: World, process: Process) -> None:
    world.google.submit_script.append(
        VideoRefused("404", outcome=Outcome.MODEL_RETIRED, detail="no longer available")
    )
    await ended(world, await process.submit(1))
    assert world.shelf.off == {MODEL: "no longer available"}


async def test_an_operation_that_fails_for_a_retired_model_takes_it_off_too(
    world: World, process: Process
) -> None:
    world.google.poll_script.append(Failed(Outcome.MODEL_RETIRED, "no longer available"))
    after = await ended(world, await process.submit(1))
    assert after.outcome is Outcome.MODEL_RETIRED
    assert world.shelf.off == {MODEL: "no longer available"}


async def test_a_refused_key_costs_nothing(world: World, process: Process) -> None:
    world.google.submit_script.append(AccessRefused("403", detail="Billing is off."))
    after = await ended(world, await process.submit(1))
    assert (after.outcome, after.detail) == (Outcome.ACCESS_REFUSED, None)
    assert await spent(world) == 0


@pytest.mark.parametrize("fault", [SubmitUncertain("connection lost"), KeyError("name")])
async def test_an_uncertain_submit_is_never_made_again(
    world: World, process: Process, fault: Exception
) -> None:
    world.google.submit_script.append(fault)
    after = await ended(world, await process.submit(1))
    assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.SUBMIT_UNKNOWN)
    assert world.google.submits == []
    assert not world.google.submit_script
    assert await world.ledger.reserved() == 0
    assert await spent(world) == PRICE, "the server's budget bears it"
    assert [each.id for each in await world.jobs.unknown(GUILD)] == [after.id]


async def test_a_fault_of_ours_before_the_first_byte_costs_nothing(
    world: World, process: Process
) -> None:
    def fault() -> None:
        raise KeyError("what nobody foresaw")

    world.google.before_send = fault
    after = await ended(world, await process.submit(1))
    assert (after.state, after.outcome) == (JobState.FAILED, Outcome.NOT_SENT)
    assert world.google.submits == []
    assert await spent(world) == await world.ledger.reserved() == 0


async def test_what_was_cancelled_meanwhile_does_not_wait_for_a_busy_google(
    world: World, process: Process
) -> None:
    world.google.door = asyncio.Event()
    job = await process.submit(1)
    await in_state(world, job, JobState.SUBMITTING)
    await process.requests.cancel(job.id, user_id=MEMBER, moderator=False)
    world.google.submit_script.append(GoogleQuota("429", retry_after_s=20.0))
    world.google.door.set()
    after = await ended(world, job)
    assert (after.state, after.outcome) == (JobState.CANCELLED, Outcome.CANCELLED)
    assert await spent(world) == await world.ledger.reserved() == 0


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (GoogleQuota("429", retry_after_s=20.0), Outcome.GOOGLE_QUOTA),
        (GoogleBusy("503"), Outcome.GOOGLE_BUSY),
    ],
)
async def test_a_busy_google_is_waited_for(
    world: World, process: Process, fault: GoogleBusy, outcome: Outcome
) -> None:
    world.google.submit_script.append(fault)
    after = await ended(world, await process.submit(1))
    assert (after.outcome, after.attempts) == (Outcome.DELIVERED, 2)
    [waiting] = [each for each in world.discord.shown if each.waiting_for is outcome][:1]
    assert waiting.retry_at is not None
    assert world.google.repeated == 0


async def test_a_busy_google_is_not_waited_for_forever(world: World, process: Process) -> None:
    world.google.submit_script.extend([GoogleBusy("503", detail="high demand")] * 8)
    after = await ended(world, await process.submit(1))
    assert (after.state, after.outcome) == (JobState.FAILED, Outcome.GOOGLE_BUSY)
    assert (after.attempts, after.detail) == (8, "high demand")
    assert await spent(world) == await world.ledger.reserved() == 0


async def test_what_was_filtered_is_refunded_with_googles_words(
    world: World, process: Process
) -> None:
    world.google.poll_script.append(Failed(Outcome.BLOCKED_AUDIO, "an issue with the audio"))
    after = await ended(world, await process.submit(1))
    assert (after.state, after.outcome, after.detail) == (
        JobState.FAILED,
        Outcome.BLOCKED_AUDIO,
        "an issue with the audio",
    )
    assert await spent(world) == 0


async def test_faults_of_polls_are_passed_over(world: World, process: Process) -> None:
    world.google.poll_script.extend([GoogleBusy("500"), AccessRefused("401"), GoogleBusy("503")])
    assert (await ended(world, await process.submit(1))).outcome is Outcome.DELIVERED


async def test_an_operation_that_is_gone_may_have_been_billed(
    world: World, process: Process
) -> None:
    world.google.poll_script.append(RemoteGone("404"))
    after = await ended(world, await process.submit(1))
    assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.OPERATION_LOST)
    assert await spent(world) == PRICE
    assert await member_spent(world) == 0


class TestTimeLimit:
    @pytest.fixture
    def world(self, world: World) -> World:
        world.timing = Timing(poll_interval_s=10.0, time_limit_s=25.0)
        return world

    async def test_past_it_google_is_asked_once_more_and_then_refunded(
        self, world: World, process: Process
    ) -> None:
        world.google.answer = Pending()
        after = await ended(world, await process.submit(1))
        assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.OPERATION_LOST)
        assert after.finished_at is not None
        assert after.submitted_at is not None
        assert after.finished_at - after.submitted_at >= timedelta(seconds=25)
        assert await member_spent(world) == 0
        assert await spent(world) == PRICE, "it may yet be billed: the budgets keep it"
        assert [job.id for job in await world.jobs.unknown(GUILD)] == [after.id]

    async def test_a_late_success_is_charged_and_delivered(self, world: World) -> None:
        world.timing = Timing(poll_interval_s=60.0, time_limit_s=25.0)
        process = world.process()
        await process.worker.start()
        after = await ended(world, await process.submit(1))
        assert after.outcome is Outcome.DELIVERED
        assert after.finished_at is not None
        assert after.submitted_at is not None
        assert after.finished_at - after.submitted_at > timedelta(seconds=25)
        assert await spent(world) == PRICE

    async def test_a_google_that_never_answers_leaves_it_unknown(
        self, world: World, process: Process
    ) -> None:
        world.google.poll_script.extend([GoogleBusy("503")] * 1000)
        after = await ended(world, await process.submit(1))
        assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.OPERATION_LOST)


async def test_one_fault_after_a_long_absence_does_not_cost_the_clip(
    world: World, process: Process
) -> None:
    """The patience counts from the first fault, not from the submit: a bot may have been away."""
    world.google.poll_script.append(Pending())
    job = await process.submit(1)
    await eventually(lambda: not world.google.poll_script)
    await process.worker.stop(5.0)
    await world.clock.sleep(3 * world.timing.time_limit_s)
    world.google.poll_script.append(GoogleBusy("503"))
    later = world.process()
    await later.worker.start()
    assert (await ended(world, job)).outcome is Outcome.DELIVERED


async def test_a_download_is_tried_while_google_keeps_the_file(
    world: World, process: Process
) -> None:
    world.google.fetch_script.extend([GoogleBusy("503"), OSError(28, "disk full"), None])
    assert (await ended(world, await process.submit(1))).outcome is Outcome.DELIVERED


async def test_a_download_that_never_can_be_is_not_charged_to_the_member(
    world: World, process: Process
) -> None:
    world.google.fetch_script.append(RemoteGone("404"))
    after = await ended(world, await process.submit(1))
    assert (after.state, after.outcome) == (JobState.FAILED, Outcome.DOWNLOAD_FAILED)
    assert await spent(world) == PRICE, "Google made it: the budgets bear it"
    assert await world.ledger.reserved() == 0


async def test_busy_downloads_end_with_the_file(world: World, process: Process) -> None:
    world.google.expires_at = world.clock.now() + timedelta(seconds=60)
    world.google.fetch_script.extend([GoogleBusy("503")] * 1000)
    after = await ended(world, await process.submit(1))
    assert after.outcome is Outcome.DOWNLOAD_FAILED


@pytest.mark.parametrize(
    "faults",
    [
        [DeliveryBusy("500")],
        [DeliveryBusy("429", retry_after_s=3.0), DeliveryBusy("502")],
        [OSError("odd")],
        [KeyError("ours")],
    ],
)
async def test_a_busy_discord_is_waited_for(
    world: World, process: Process, faults: list[Exception]
) -> None:
    world.discord.post_script.extend(faults)
    after = await ended(world, await process.submit(1))
    assert after.outcome is Outcome.DELIVERED
    assert len(world.discord.messages) == 1


async def test_a_post_whose_answer_was_lost_is_found_and_not_made_again(
    world: World, process: Process
) -> None:
    world.discord.honours_nonce = False
    world.discord.lost_answers.append(DeliveryBusy("connection reset"))
    world.discord.find_script.append(DeliveryBusy("history away"))
    after = await ended(world, await process.submit(1))
    [(_, message_id, _)] = world.discord.messages
    assert after.posted_message_id == message_id


@pytest.mark.parametrize("fault", [ChannelClosed("10003"), FileTooLarge("413")])
async def test_a_clip_that_cannot_be_posted_is_kept_and_charged(
    world: World, process: Process, fault: Exception
) -> None:
    world.discord.post_script.extend([fault] * 20)  # no rung of the ladder gets through
    after = await ended(world, await process.submit(1))
    assert (after.state, after.outcome) == (JobState.DONE, Outcome.DELIVERY_FAILED)
    [clip] = await world.clips.history(user_id=MEMBER, guild_id=GUILD, limit=9)
    assert clip.message_id is None
    assert (world.data_dir / clip.path).exists()
    assert await spent(world) == PRICE
    assert [told.id for told in world.discord.told] == [after.id]


async def test_of_two_videos_one_that_cannot_be_fetched_is_borne_by_the_house(
    world: World, process: Process
) -> None:
    world.google.fetch_script.append(RemoteGone("404"))
    after = await ended(world, await process.submit(1, videos=2, price=Micros(2 * PRICE)))
    assert (after.outcome, after.made) == (Outcome.DELIVERED, 2)
    assert await member_spent(world) == PRICE
    assert await spent(world) == 2 * PRICE
    assert await world.ledger.reserved() == 0


async def test_what_google_made_is_known_after_a_crash(world: World, process: Process) -> None:
    """One of three was filtered, one cannot be fetched, and the poster is another process."""
    two = Finished(
        (RemoteVideo("https://google.invalid/files/x"), RemoteVideo("https://google.invalid/y")),
        ("blocked",),
    )
    world.google.poll_script.append(two)
    world.google.fetch_script.append(RemoteGone("404"))
    world.discord.post_script.extend([DeliveryBusy("503")] * 100)
    job = await process.submit(1, videos=3, price=Micros(3 * PRICE))
    await in_state(world, job, JobState.POSTING)
    await process.worker.stop(5.0)
    world.discord.post_script.clear()
    await world.process().worker.start()
    assert (await ended(world, job)).outcome is Outcome.DELIVERED
    assert await member_spent(world) == PRICE
    assert await spent(world) == 2 * PRICE
    assert await world.ledger.reserved() == 0


async def test_of_what_can_never_be_fetched_only_what_was_made_is_paid(
    world: World, process: Process
) -> None:
    one = Finished((RemoteVideo("https://google.invalid/files/x"),), ("blocked",))
    world.google.poll_script.append(one)
    world.google.fetch_script.append(RemoteGone("404"))
    after = await ended(world, await process.submit(1, videos=2, price=Micros(2 * PRICE)))
    assert after.outcome is Outcome.DOWNLOAD_FAILED
    assert await spent(world) == PRICE
    assert await member_spent(world) == await world.ledger.reserved() == 0


async def test_all_videos_of_a_job_are_delivered(world: World, process: Process) -> None:
    job = await process.submit(1, videos=2, price=Micros(2 * PRICE))
    await ended(world, job)
    [(_, _, clip_ids)] = world.discord.messages
    assert len(clip_ids) == 2
    assert len({clip.path for clip in await world.clips.of_job(job.id)}) == 2
    assert await spent(world) == 2 * PRICE


async def test_of_two_videos_the_filtered_one_is_refunded(world: World, process: Process) -> None:
    one = Finished((RemoteVideo("https://google.invalid/files/x"),), ("blocked",))
    world.google.poll_script.append(one)
    after = await ended(world, await process.submit(1, videos=2, price=Micros(2 * PRICE)))
    assert after.outcome is Outcome.DELIVERED
    assert await spent(world) == PRICE
    assert await world.ledger.reserved() == 0


async def test_the_end_is_told_again_until_discord_is_back(world: World, process: Process) -> None:
    world.google.submit_script.append(VideoRefused("no", outcome=Outcome.BLOCKED))
    world.discord.tell_script.extend([DeliveryBusy("503"), DeliveryBusy("429")])
    after = await ended(world, await process.submit(1))
    assert [job.id for job in world.discord.told] == [after.id]
    assert not world.discord.tell_script


async def test_an_end_that_was_not_told_is_told_after_a_restart(
    world: World, process: Process
) -> None:
    world.google.submit_script.append(VideoRefused("no", outcome=Outcome.BLOCKED))
    world.discord.tell_script.extend([DeliveryBusy("503")] * 100)
    job = await process.submit(1)
    await in_state(world, job, JobState.FAILED)
    await eventually(lambda: len(world.discord.tell_script) < 100)
    await process.worker.stop(5.0)
    assert (await world.job(job.id)).owner is not None
    assert not world.discord.told
    world.discord.tell_script.clear()
    await world.process().worker.start()
    await ended(world, job)
    assert [told.id for told in world.discord.told] == [job.id]


async def test_an_end_that_discord_never_takes_is_left_after_a_day(
    world: World, process: Process
) -> None:
    world.google.submit_script.append(VideoRefused("no", outcome=Outcome.BLOCKED))
    world.discord.tell_script.extend([DeliveryBusy("503")] * 100)
    job = await process.submit(1)
    await eventually(lambda: len(world.discord.tell_script) < 100)
    world.clock.skip(timedelta(hours=25))
    await ended(world, job)
    assert not world.discord.told


async def test_paid_calls_can_be_forbidden(world: World) -> None:
    world.money = Money(paid_calls=False)
    process = world.process()
    await process.worker.start()
    with pytest.raises(Paused):
        await process.submit(1)
    job = await world.admit(2)  # accepted while it was still allowed
    process.worker.wake()
    after = await ended(world, job)
    assert after.state is JobState.FAILED
    assert world.google.submits == []


class TestCancel:
    async def test_a_queued_job_is_refunded(self, world: World) -> None:
        world.policy = Policy(pace=Pace(in_flight=0))
        process = world.process()
        await process.worker.start()
        job = await process.submit(1)
        answer = await process.requests.cancel(job.id, user_id=MEMBER, moderator=False)
        assert answer is Cancellation.CANCELLED
        after = await ended(world, job)
        assert (after.state, after.outcome) == (JobState.CANCELLED, Outcome.CANCELLED)
        assert await spent(world) == await world.ledger.reserved() == 0
        assert [told.id for told in world.discord.told] == [job.id]
        again = await process.requests.cancel(job.id, user_id=MEMBER, moderator=False)
        assert again is Cancellation.TOO_LATE

    async def test_a_running_job_is_charged_if_it_was_made_and_not_posted(
        self, world: World, process: Process
    ) -> None:
        world.google.answer = Pending()
        job = await process.submit(1)
        await in_state(world, job, JobState.POLLING)
        answer = await process.requests.cancel(job.id, user_id=MEMBER, moderator=False)
        assert answer is Cancellation.REQUESTED
        world.google.answer = None
        after = await ended(world, job)
        assert after.state is JobState.CANCELLED
        assert world.discord.messages == []
        assert len(await world.clips.of_job(job.id)) == 1
        assert await spent(world) == PRICE

    async def test_a_running_job_is_refunded_if_it_was_not_made(
        self, world: World, process: Process
    ) -> None:
        world.google.answer = Pending()
        job = await process.submit(1)
        await in_state(world, job, JobState.POLLING)
        await process.requests.cancel(job.id, user_id=1, moderator=True, guild_id=GUILD)
        world.google.answer = Failed(Outcome.BLOCKED, "no")
        after = await ended(world, job)
        assert after.state is JobState.CANCELLED
        assert await spent(world) == await world.ledger.reserved() == 0

    @pytest.mark.parametrize("home", [GUILD, None])
    @pytest.mark.parametrize("elsewhere", [GUILD + 1, None])
    async def test_a_moderator_of_another_server_finds_no_job_to_cancel(
        self, world: World, home: int | None, elsewhere: int | None
    ) -> None:
        world.policy = Policy(pace=Pace(in_flight=0))
        process = world.process()
        job = await process.submit(1, guild_id=home)
        with pytest.raises(NotFound):
            await process.requests.cancel(job.id, user_id=1, moderator=True, guild_id=elsewhere)
        assert (await world.job(job.id)).state is JobState.QUEUED
        mine = await process.requests.cancel(
            job.id, user_id=MEMBER, moderator=False, guild_id=elsewhere
        )
        assert mine is Cancellation.CANCELLED

    async def test_a_member_who_is_no_moderator_cancels_nobody_elses_job(
        self, world: World
    ) -> None:
        world.policy = Policy(pace=Pace(in_flight=0))
        process = world.process()
        job = await process.submit(1)
        with pytest.raises(NotAllowed):
            await process.requests.cancel(job.id, user_id=1, moderator=False, guild_id=GUILD)
        assert (await world.job(job.id)).state is JobState.QUEUED

    async def test_a_job_of_another_process_is_cancelled_there(
        self, world: World, process: Process
    ) -> None:
        world.google.answer = Pending()
        job = await process.submit(1)
        await in_state(world, job, JobState.POLLING)
        elsewhere = world.process()
        await elsewhere.requests.cancel(job.id, user_id=MEMBER, moderator=False)
        process.worker.attend(0)  # the tending comes by, as it does every few seconds
        await eventually(lambda: process.worker.wants_cancelled(job.id))
        world.google.answer = None
        after = await ended(world, job)
        assert after.state is JobState.CANCELLED


async def test_places_in_the_queue_are_shown_and_kept_up_to_date(world: World) -> None:
    world.policy = Policy(pace=Pace(in_flight=1))
    world.google.gate = asyncio.Event()
    process = world.process()
    await process.worker.start()
    jobs = [await process.submit(n) for n in range(3)]

    def place_shown(job: Job) -> list[int]:
        return [p.place for p in world.discord.shown if p.job.id == job.id and p.place]

    await eventually(lambda: place_shown(jobs[2]) == [2] and place_shown(jobs[1]) == [1])
    world.google.gate.set()
    for job in jobs:
        assert (await ended(world, job)).outcome is Outcome.DELIVERED
    assert world.google.submits == [job.id for job in jobs]


async def test_estimates_are_measured_or_not_given(world: World, process: Process) -> None:
    began = world.clock.monotonic()
    first = await process.requests.submit(plan(), origin(0))
    assert first.eta is None
    await ended(world, first.job)
    for n in range(1, 4):
        await ended(world, await process.submit(n))
    durations = await world.states.durations(MODEL, most=10)
    assert len(durations) == 4
    assert all(5.0 < each < world.clock.monotonic() - began for each in durations)
    world.clock.skip(timedelta(minutes=1))
    later = await world.process().requests.submit(plan(), origin(9))
    assert later.eta is not None
    low, high = (each - world.clock.now() for each in later.eta)
    assert low <= high < timedelta(seconds=2 * max(durations) + 1)
    await ended(world, later.job)


async def test_files_are_whole_or_not_there(world: World, process: Process) -> None:
    await ended(world, await process.submit(1))
    kept = [path for path in Path(world.data_dir).rglob("*") if path.is_file()]
    assert [path.suffix for path in kept] == [".mp4"]


async def test_a_fault_of_ours_is_resumed_from_what_is_recorded(
    world: World, process: Process
) -> None:
    world.google.poll_script.append(KeyError("a mistake in the adapter"))
    job = await process.submit(1)
    await in_state(world, job, JobState.POLLING)
    await eventually(lambda: process.worker.running == 0)

    async def resumed() -> bool:
        process.worker.attend(0)  # the tending comes by, as it does every few seconds
        return (await world.job(job.id)).state.ended

    await eventually(resumed)
    after = await ended(world, job)
    assert after.outcome is Outcome.DELIVERED
    assert world.google.submits == [job.id]
