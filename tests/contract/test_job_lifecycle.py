"""Jobs from request to end, with the real services and fakes for Google and Discord."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.domain.billing.limits import PacingLimits, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.errors import (
    AccessRefused,
    ChannelUnavailable,
    DiscordUnavailable,
    FileTooLarge,
    GoogleQuotaExceeded,
    GoogleUnavailable,
    NotAllowed,
    RecordNotFound,
    RemoteNotFound,
    RequestsPaused,
    SubmitUncertain,
    VideoNotFetchable,
    VideoRefused,
)
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.ports import OperationFailed, OperationFinished, OperationPending, RemoteVideo
from bot.services.jobs.requests import CancellationResult
from bot.services.jobs.stages.running_job import BillingRules, PollingTimes
from bot.store.engine.database import Database
from bot.store.engine.types import DatabaseClock
from bot.store.jobs.jobs import JobStore
from tests.fakes.world import (
    GUILD,
    MEMBER,
    MODEL,
    NOTHING_STARTS,
    PRICE,
    SimulatedProcess,
    SimulatedWorld,
    make_origin,
    make_plan,
)
from tests.harness.waiting import eventually, stretch_timeout


@pytest.fixture
async def process(world: SimulatedWorld) -> SimulatedProcess:
    """Give one running process."""
    return await world.start_process()


async def sum_charged(world: SimulatedWorld) -> int:
    """Return what the server has been charged."""
    rows = await world.ledger.list_usage(GUILD, since=world.clock.now() - timedelta(days=400))
    return sum(row.micros for row in rows)


async def sum_member_charged(world: SimulatedWorld) -> int:
    """Return what counts against the member's own limits."""
    policy = SpendingPolicy(member=UsageLimits(usd_per_month=Micros(1_000_000_000)))
    [line] = (await world.ledger.quota_status(make_origin(0), policy=policy)).lines
    return line.used


async def test_a_job_is_submitted_once_posted_once_and_settled(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await process.submit_job(1)
    after = await world.wait_for_end(job)
    assert (after.state, after.outcome) == (JobState.DONE, Outcome.DELIVERED)
    assert world.google.submits == [job.id]
    [(nonce, message_id, [clip_id])] = world.discord.messages
    assert nonce == job.post_nonce
    assert after.posted_message_id == message_id
    clip = await world.clips.find_by_message(message_id)
    assert clip is not None
    assert (clip.id, clip.seconds, clip.extension_depth) == (clip_id, 8, 0)
    assert (world.data_dir / clip.path).read_bytes().startswith(b"video of")
    assert world.discord.closed_status_jobs == [job.id]
    assert after.status_message_id is not None
    assert await world.ledger.sum_reserved() == 0
    assert await sum_charged(world) == PRICE
    states = [progress.job.state for progress in world.discord.shown_progress]
    assert states == sorted(states, key=list(JobState).index)


async def test_what_google_refuses_costs_nothing(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.submit_script.append(
        VideoRefused("400", outcome=Outcome.INVALID, detail="durationSeconds")
    )
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.state, after.outcome, after.detail) == (
        JobState.FAILED,
        Outcome.INVALID,
        "durationSeconds",
    )
    assert await sum_charged(world) == await world.ledger.sum_reserved() == 0
    assert [notified.id for notified in world.discord.notified_jobs] == [after.id]


async def test_retired_model_is_disabled(world: SimulatedWorld, process: SimulatedProcess) -> None:
    world.google.submit_script.append(
        VideoRefused("404", outcome=Outcome.MODEL_RETIRED, detail="shut down")
    )
    await world.wait_for_end(await process.submit_job(1))
    assert world.model_availability.unavailable_models == {MODEL: "shut down"}


async def test_failed_operation_of_retired_model_disables_it(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.poll_script.append(OperationFailed(Outcome.MODEL_RETIRED, "shut down"))
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.MODEL_RETIRED
    assert world.model_availability.unavailable_models == {MODEL: "shut down"}


async def test_rejected_credentials_cost_nothing(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.submit_script.append(
        AccessRefused("403 Billing is off.", reason="BILLING_DISABLED")
    )
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.outcome, after.detail) == (Outcome.ACCESS_REFUSED, None)
    assert await sum_charged(world) == 0


@pytest.mark.parametrize("error", [SubmitUncertain("connection lost"), KeyError("name")])
async def test_uncertain_submit_is_never_repeated(
    world: SimulatedWorld, process: SimulatedProcess, error: Exception
) -> None:
    world.google.submit_script.append(error)
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.SUBMIT_UNKNOWN)
    assert world.google.submits == []
    assert not world.google.submit_script
    assert await world.ledger.sum_reserved() == 0
    assert await sum_charged(world) == PRICE, "it stays in the server's budget"
    assert [unknown.id for unknown in await world.jobs.list_unknown(GUILD)] == [after.id]


async def test_own_error_before_first_byte_costs_nothing(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    def fail() -> None:
        raise KeyError("unforeseen")

    world.google.before_send = fail
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.state, after.outcome) == (JobState.FAILED, Outcome.NOT_SENT)
    assert world.google.submits == []
    assert await sum_charged(world) == await world.ledger.sum_reserved() == 0


async def test_cancelled_job_does_not_wait_for_unavailable_google(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """It was cancelled in another process, and this one may not know yet."""
    world.google.send_gate = asyncio.Event()
    job = await process.submit_job(1)
    await world.wait_for_state(job, JobState.SUBMITTING)
    await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
    world.google.submit_script.append(GoogleQuotaExceeded("429", retry_after_s=20.0))
    world.google.send_gate.set()
    after = await world.wait_for_end(job)
    assert (after.state, after.outcome) == (JobState.CANCELLED, Outcome.CANCELLED)
    assert await sum_charged(world) == await world.ledger.sum_reserved() == 0


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (GoogleQuotaExceeded("429", retry_after_s=20.0), Outcome.GOOGLE_QUOTA),
        (GoogleUnavailable("503"), Outcome.GOOGLE_BUSY),
    ],
)
async def test_unavailable_google_is_retried(
    world: SimulatedWorld, process: SimulatedProcess, error: GoogleUnavailable, outcome: Outcome
) -> None:
    world.google.submit_script.append(error)
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.outcome, after.attempts) == (Outcome.DELIVERED, 2)
    [waiting] = [shown for shown in world.discord.shown_progress if shown.waiting_for is outcome][
        :1
    ]
    assert waiting.retry_at is not None
    assert world.google.repeated_submits == 0


async def test_unavailable_google_is_given_up_eventually(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.submit_script.extend([GoogleUnavailable("503", detail="high demand")] * 8)
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.state, after.outcome) == (JobState.FAILED, Outcome.GOOGLE_BUSY)
    assert (after.attempts, after.detail) == (8, "high demand")
    assert await sum_charged(world) == await world.ledger.sum_reserved() == 0


async def test_filtered_clip_is_refunded_with_reason(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.poll_script.append(
        OperationFailed(Outcome.BLOCKED_AUDIO, "an issue with the audio")
    )
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.state, after.outcome, after.detail) == (
        JobState.FAILED,
        Outcome.BLOCKED_AUDIO,
        "an issue with the audio",
    )
    assert await sum_charged(world) == 0


async def test_poll_errors_are_tolerated(world: SimulatedWorld, process: SimulatedProcess) -> None:
    world.google.poll_script.extend(
        [GoogleUnavailable("500"), AccessRefused("401"), GoogleUnavailable("503")]
    )
    assert (await world.wait_for_end(await process.submit_job(1))).outcome is Outcome.DELIVERED


async def test_missing_operation_may_be_billed(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.poll_script.extend([RemoteNotFound("404")] * 3)
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.OPERATION_LOST)
    assert await sum_charged(world) == PRICE
    assert await sum_member_charged(world) == 0


class TestTimeLimit:
    @pytest.fixture
    def world(self, world: SimulatedWorld) -> SimulatedWorld:
        world.polling_times = PollingTimes(poll_interval_s=10.0, time_limit_s=25.0)
        return world

    async def test_timed_out_job_is_polled_once_more_then_refunded(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.default_poll = OperationPending()
        after = await world.wait_for_end(await process.submit_job(1))
        assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.OPERATION_LOST)
        assert after.finished_at is not None
        assert after.submitted_at is not None
        assert after.finished_at - after.submitted_at >= timedelta(seconds=25)
        assert await sum_member_charged(world) == 0
        assert await sum_charged(world) == PRICE, "it may still be billed: it stays in the budgets"
        assert [job.id for job in await world.jobs.list_unknown(GUILD)] == [after.id]

    async def test_a_late_success_is_charged_and_delivered(self, world: SimulatedWorld) -> None:
        world.polling_times = PollingTimes(poll_interval_s=60.0, time_limit_s=25.0)
        process = await world.start_process()
        after = await world.wait_for_end(await process.submit_job(1))
        assert after.outcome is Outcome.DELIVERED
        assert after.finished_at is not None
        assert after.submitted_at is not None
        assert after.finished_at - after.submitted_at > timedelta(seconds=25)
        assert await sum_charged(world) == PRICE

    async def test_a_google_that_never_answers_leaves_it_unknown(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.poll_script.extend([GoogleUnavailable("503")] * 1000)
        after = await world.wait_for_end(await process.submit_job(1))
        assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.OPERATION_LOST)


async def test_single_poll_error_after_downtime_keeps_clip(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """It counts from the first error, not from the submit: the bot may have been down."""
    world.google.poll_script.append(OperationPending())
    job = await process.submit_job(1)
    await eventually(lambda: not world.google.poll_script)
    await process.worker.stop(5.0)
    world.clock.jump(timedelta(seconds=3 * world.polling_times.time_limit_s))
    world.google.poll_script.append(GoogleUnavailable("503"))
    await world.start_process()
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED


async def test_download_is_retried_while_file_exists(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.fetch_script.extend([GoogleUnavailable("503"), OSError(28, "disk full"), None])
    assert (await world.wait_for_end(await process.submit_job(1))).outcome is Outcome.DELIVERED


async def test_a_paid_clip_waits_until_the_disk_takes_it(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """Its folder cannot be created until an operator fixes the full or read-only disk."""
    folder = world.data_dir / "clips"
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"in the way")
    with capture_logs() as logs:
        job = await process.submit_job(1)
        await eventually(lambda: any(log["event"] == "download.failed" for log in logs))
        folder.unlink()
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    # an unexpected failure would end the job after a few more
    assert not [log for log in logs if log["event"] == "job.failed_unexpectedly"]


async def test_impossible_download_is_not_charged(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.fetch_script.append(VideoNotFetchable("gs://"))
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.state, after.outcome) == (JobState.FAILED, Outcome.DOWNLOAD_FAILED)
    assert await sum_charged(world) == PRICE, "Google made it: it stays in the budgets"
    assert await world.ledger.sum_reserved() == 0


async def test_download_retries_end_when_file_expires(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.expires_at = world.clock.now() + timedelta(seconds=60)
    world.google.fetch_script.extend([GoogleUnavailable("503")] * 1000)
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.DOWNLOAD_FAILED


@pytest.mark.parametrize(
    "errors",
    [
        [DiscordUnavailable("500")],
        [DiscordUnavailable("429", retry_after_s=3.0), DiscordUnavailable("502")],
        [OSError("odd")],
        [KeyError("ours")],
    ],
)
async def test_unavailable_discord_is_retried(
    world: SimulatedWorld, process: SimulatedProcess, errors: list[Exception]
) -> None:
    world.discord.post_script.extend(errors)
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.DELIVERED
    assert len(world.discord.messages) == 1


async def test_a_post_whose_answer_was_lost_is_found_and_not_made_again(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.discord.honors_nonce = False
    world.discord.lost_answers.append(DiscordUnavailable("connection reset"))
    world.discord.find_script.append(DiscordUnavailable("history away"))
    after = await world.wait_for_end(await process.submit_job(1))
    [(_, message_id, _)] = world.discord.messages
    assert after.posted_message_id == message_id


@pytest.mark.parametrize("error", [ChannelUnavailable("10003"), FileTooLarge("413")])
async def test_a_clip_that_cannot_be_posted_is_kept_and_charged(
    world: SimulatedWorld, process: SimulatedProcess, error: Exception
) -> None:
    world.discord.post_script.extend([error] * 20)  # no upload option is accepted
    after = await world.wait_for_end(await process.submit_job(1))
    assert (after.state, after.outcome) == (JobState.DONE, Outcome.DELIVERY_FAILED)
    [clip] = await world.clips.list_history(user_id=MEMBER, guild_id=GUILD, limit=9)
    assert clip.message_id is None
    assert (world.data_dir / clip.path).exists()
    assert await sum_charged(world) == PRICE
    assert [notified.id for notified in world.discord.notified_jobs] == [after.id]


async def test_undownloadable_one_of_two_videos_is_absorbed(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.fetch_script.append(VideoNotFetchable("gs://"))
    after = await world.wait_for_end(await process.submit_job(1, videos=2, price=Micros(2 * PRICE)))
    assert (after.outcome, after.videos_made) == (Outcome.DELIVERED, 2)
    assert await sum_member_charged(world) == PRICE
    assert await sum_charged(world) == 2 * PRICE
    assert await world.ledger.sum_reserved() == 0


async def test_finished_operation_survives_crash(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """One of three was filtered, one cannot be downloaded, and another process posts."""
    two = OperationFinished(
        (RemoteVideo("https://google.invalid/files/x"), RemoteVideo("https://google.invalid/y")),
        ("blocked",),
    )
    world.google.poll_script.append(two)
    world.google.fetch_script.append(VideoNotFetchable("gs://"))
    world.discord.post_script.extend([DiscordUnavailable("503")] * 100)
    job = await process.submit_job(1, videos=3, price=Micros(3 * PRICE))
    await world.wait_for_state(job, JobState.POSTING)
    await process.worker.stop(5.0)
    world.discord.post_script.clear()
    await world.start_process()
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert await sum_member_charged(world) == PRICE
    assert await sum_charged(world) == 2 * PRICE
    assert await world.ledger.sum_reserved() == 0


async def test_only_made_videos_are_absorbed_when_undownloadable(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    one = OperationFinished((RemoteVideo("https://google.invalid/files/x"),), ("blocked",))
    world.google.poll_script.append(one)
    world.google.fetch_script.append(VideoNotFetchable("gs://"))
    after = await world.wait_for_end(await process.submit_job(1, videos=2, price=Micros(2 * PRICE)))
    assert after.outcome is Outcome.DOWNLOAD_FAILED
    assert await sum_charged(world) == PRICE
    assert await sum_member_charged(world) == await world.ledger.sum_reserved() == 0


async def test_all_videos_of_a_job_are_delivered(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await process.submit_job(1, videos=2, price=Micros(2 * PRICE))
    await world.wait_for_end(job)
    [(_, _, clip_ids)] = world.discord.messages
    assert len(clip_ids) == 2
    assert len({clip.path for clip in await world.clips.list_for_job(job.id)}) == 2
    assert await sum_charged(world) == 2 * PRICE


async def test_of_two_videos_the_filtered_one_is_refunded(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    one = OperationFinished((RemoteVideo("https://google.invalid/files/x"),), ("blocked",))
    world.google.poll_script.append(one)
    after = await world.wait_for_end(await process.submit_job(1, videos=2, price=Micros(2 * PRICE)))
    assert after.outcome is Outcome.DELIVERED
    assert await sum_charged(world) == PRICE
    assert await world.ledger.sum_reserved() == 0


async def test_final_status_is_retried_until_discord_returns(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.submit_script.append(VideoRefused("no", outcome=Outcome.BLOCKED))
    world.discord.notify_script.extend([DiscordUnavailable("503"), DiscordUnavailable("429")])
    after = await world.wait_for_end(await process.submit_job(1))
    assert [job.id for job in world.discord.notified_jobs] == [after.id]
    assert not world.discord.notify_script


async def test_final_status_is_sent_after_restart(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.submit_script.append(VideoRefused("no", outcome=Outcome.BLOCKED))
    world.discord.notify_script.extend([DiscordUnavailable("503")] * 100)
    job = await process.submit_job(1)
    await world.wait_for_state(job, JobState.FAILED)
    await eventually(lambda: len(world.discord.notify_script) < 100)
    await process.worker.stop(5.0)
    assert (await world.get_job(job.id)).owner is not None
    assert not world.discord.notified_jobs
    world.discord.notify_script.clear()
    await world.start_process()
    await world.wait_for_end(job)
    assert [notified.id for notified in world.discord.notified_jobs] == [job.id]


async def test_final_status_is_abandoned_after_a_day(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.submit_script.append(VideoRefused("no", outcome=Outcome.BLOCKED))
    world.discord.notify_script.extend([DiscordUnavailable("503")] * 100)
    job = await process.submit_job(1)
    await eventually(lambda: len(world.discord.notify_script) < 100)
    world.clock.jump(timedelta(hours=25))
    await world.wait_for_end(job)
    assert not world.discord.notified_jobs


async def test_paid_calls_can_be_forbidden(world: SimulatedWorld) -> None:
    world.billing_rules = BillingRules(paid_calls=False)
    process = await world.start_process()
    with pytest.raises(RequestsPaused):
        await process.submit_job(1)
    job = await world.admit_job(2)  # accepted while it was still allowed
    process.worker.wake()
    after = await world.wait_for_end(job)
    assert after.state is JobState.FAILED
    assert world.google.submits == []


class _ReportsCancelRequests(JobStore):
    """Tells when a worker has read that one of its jobs is to be cancelled."""

    def __init__(self, database: Database, *, now: DatabaseClock) -> None:
        super().__init__(database, now=now)
        self.cancel_seen = asyncio.Event()

    async def list_cancel_requests(self, owner: str) -> list[int]:
        job_ids = await super().list_cancel_requests(owner)
        if job_ids:
            self.cancel_seen.set()
        return job_ids


class TestCancel:
    async def test_a_queued_job_is_refunded(self, world: SimulatedWorld) -> None:
        world.policy = NOTHING_STARTS
        process = await world.start_process()
        job = await process.submit_job(1)
        answer = await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
        assert answer is CancellationResult.CANCELLED
        after = await world.wait_for_end(job)
        assert (after.state, after.outcome) == (JobState.CANCELLED, Outcome.CANCELLED)
        assert await sum_charged(world) == await world.ledger.sum_reserved() == 0
        assert [notified.id for notified in world.discord.notified_jobs] == [job.id]
        again = await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
        assert again is CancellationResult.TOO_LATE

    async def test_a_running_job_is_charged_if_it_was_made_and_not_posted(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.default_poll = OperationPending()
        job = await process.submit_job(1)
        await world.wait_for_state(job, JobState.POLLING)
        answer = await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
        assert answer is CancellationResult.REQUESTED
        world.google.default_poll = None
        after = await world.wait_for_end(job)
        assert after.state is JobState.CANCELLED
        assert world.discord.messages == []
        assert len(await world.clips.list_for_job(job.id)) == 1
        assert await sum_charged(world) == PRICE

    async def test_a_running_job_is_refunded_if_it_was_not_made(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.default_poll = OperationPending()
        job = await process.submit_job(1)
        await world.wait_for_state(job, JobState.POLLING)
        await process.request_service.cancel(job.id, user_id=1, moderator=True, guild_id=GUILD)
        world.google.default_poll = OperationFailed(Outcome.BLOCKED, "no")
        after = await world.wait_for_end(job)
        assert after.state is JobState.CANCELLED
        assert await sum_charged(world) == await world.ledger.sum_reserved() == 0

    @pytest.mark.parametrize("home", [GUILD, None])
    @pytest.mark.parametrize("elsewhere", [GUILD + 1, None])
    async def test_a_moderator_of_another_server_finds_no_job_to_cancel(
        self, world: SimulatedWorld, home: int | None, elsewhere: int | None
    ) -> None:
        world.policy = NOTHING_STARTS
        process = world.create_process()
        job = await process.submit_job(1, guild_id=home)
        with pytest.raises(RecordNotFound):
            await process.request_service.cancel(
                job.id, user_id=1, moderator=True, guild_id=elsewhere
            )
        assert (await world.get_job(job.id)).state is JobState.QUEUED
        result = await process.request_service.cancel(
            job.id, user_id=MEMBER, moderator=False, guild_id=elsewhere
        )
        assert result is CancellationResult.CANCELLED

    async def test_member_cannot_cancel_another_members_job(self, world: SimulatedWorld) -> None:
        world.policy = NOTHING_STARTS
        process = world.create_process()
        job = await process.submit_job(1)
        with pytest.raises(NotAllowed):
            await process.request_service.cancel(job.id, user_id=1, moderator=False, guild_id=GUILD)
        assert (await world.get_job(job.id)).state is JobState.QUEUED

    async def test_a_job_of_another_process_is_cancelled_there(self, world: SimulatedWorld) -> None:
        store = _ReportsCancelRequests(world.database, now=world.now)
        process = await world.start_process(jobs=store)
        world.google.default_poll = OperationPending()
        job = await process.submit_job(1)
        await world.wait_for_state(job, JobState.POLLING)
        elsewhere = world.create_process()
        await elsewhere.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
        process.worker.notify_job_changed(0)  # the next reconciliation, at once
        await asyncio.wait_for(store.cancel_seen.wait(), stretch_timeout(30))
        world.google.default_poll = None
        after = await world.wait_for_end(job)
        assert after.state is JobState.CANCELLED


async def test_places_in_the_queue_are_shown_and_kept_up_to_date(world: SimulatedWorld) -> None:
    world.policy = SpendingPolicy(pace=PacingLimits(in_flight=1))
    world.google.answer_gate = asyncio.Event()
    process = await world.start_process()
    jobs = [await process.submit_job(n) for n in range(3)]

    def shown_places(job: Job) -> list[int]:
        return [
            shown.queue_position
            for shown in world.discord.shown_progress
            if shown.job.id == job.id and shown.queue_position
        ]

    # a place that was read before the first job started is one higher
    await eventually(lambda: [shown_places(job)[-1:] for job in jobs[1:]] == [[1], [2]])
    world.google.answer_gate.set()
    for job in jobs:
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert world.google.submits == [job.id for job in jobs]


async def test_estimates_are_measured_or_not_given(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    began = world.clock.monotonic()
    first = await process.request_service.submit(make_plan(), make_origin(0))
    assert first.eta is None
    await world.wait_for_end(first.job)
    for n in range(1, 4):
        await world.wait_for_end(await process.submit_job(n))
    durations = await world.model_store.list_durations(MODEL, limit=10)
    assert len(durations) == 4
    assert all(5.0 < duration < world.clock.monotonic() - began for duration in durations)
    world.clock.jump(timedelta(minutes=1))
    later = await world.create_process().request_service.submit(make_plan(), make_origin(9))
    assert later.eta is not None
    low, high = (time - world.clock.now() for time in later.eta)
    assert low <= high < timedelta(seconds=2 * max(durations) + 1)
    await world.wait_for_end(later.job)


async def test_files_are_written_atomically(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    await world.wait_for_end(await process.submit_job(1))
    files = [path for path in Path(world.data_dir).rglob("*") if path.is_file()]
    assert [path.suffix for path in files] == [".mp4"]


async def test_job_resumes_from_database_after_own_error(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    world.google.poll_script.append(KeyError("a mistake in the adapter"))
    job = await process.submit_job(1)
    await world.wait_for_state(job, JobState.POLLING)
    await eventually(lambda: process.worker.running_count == 0)

    async def has_ended() -> bool:
        process.worker.notify_job_changed(0)  # the next reconciliation, at once
        return (await world.get_job(job.id)).state.has_ended

    await eventually(has_ended)
    after = await world.wait_for_end(job)
    assert after.outcome is Outcome.DELIVERED
    assert world.google.submits == [job.id]
