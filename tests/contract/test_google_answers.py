"""How the stages of a job handle unexpected answers from Google or from a proxy in between."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleQuotaExceeded,
    GoogleUnavailable,
    RemoteNotFound,
    VideoNotFetchable,
    VideoRefused,
)
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.ports import OperationFailed, OperationPending
from tests.contract.test_process_failures import start_successor
from tests.fakes.google import ScriptStep
from tests.fakes.world import MODEL, PRICE, SimulatedProcess, SimulatedWorld
from tests.harness.waiting import eventually

PAGE = AnswerNotFromGoogle("404 and not by Google", status=404)
DENIED = RemoteNotFound("404 NOT_FOUND Requested entity was not found.")


@pytest.fixture
async def process(world: SimulatedWorld) -> SimulatedProcess:
    return await world.start_process()


# --- the download --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([PAGE], id="google-D1"),
        pytest.param([DENIED] * 4, id="google-D2"),
        pytest.param([AnswerNotFromGoogle("a page")] * 5, id="google-D4"),
        pytest.param(
            [DENIED, PAGE, AccessRefused("403", reason="BILLING_DISABLED")], id="google-K4"
        ),
    ],
)
async def test_made_clip_is_fetched_whatever_a_few_answers_say(
    world: SimulatedWorld, process: SimulatedProcess, answers: list[ScriptStep]
) -> None:
    """[google-K4, google-K5]"""
    world.google.fetch_script.extend(answers)
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.DELIVERED
    waits = [p for p in world.discord.shown_progress if p.waiting_for is Outcome.DOWNLOAD_FAILED]
    assert bool(waits) == (len(answers) > 2), (
        "the waiting member is told, but not for a short failure"
    )
    assert all(shown.retry_at is not None for shown in waits)


async def test_pages_in_a_videos_place_do_not_end_the_download(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """They may come from a proxy. [google-D4, google-K5]"""
    world.google.is_verifying, world.google.odd_downloads = False, 6
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.DELIVERED


async def test_clip_that_is_unplayable_at_google_too_is_given_up(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[google-K5]"""
    world.google.odd_downloads = 1000
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.DOWNLOAD_FAILED


async def test_denied_download_ends_when_google_deletes_the_file(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[google-K4]"""
    world.google.expires_at = world.clock.now() + timedelta(seconds=100)
    world.google.fetch_script.extend([DENIED] * 1000)
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.DOWNLOAD_FAILED
    assert world.clock.now() >= world.google.expires_at


async def test_address_that_cannot_be_fetched_ends_at_once(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[google-D22, google-K9]"""
    world.google.fetch_script.append(VideoNotFetchable("the video's uri is of scheme gs"))
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.DOWNLOAD_FAILED
    assert world.google.fetch_count == 0


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([PAGE], id="google-D25-html"),
        pytest.param([DENIED] * 3, id="google-D25-google"),
        pytest.param(
            [OperationFailed(Outcome.OPERATION_FAILED, None), OperationPending()],
            id="google-K6-failed",
        ),
    ],
)
async def test_restart_while_fetching_asks_until_it_is_answered(
    world: SimulatedWorld, process: SimulatedProcess, answers: list[ScriptStep]
) -> None:
    """The clip is known to exist. [google-D25, google-K6]"""
    world.google.fetch_script.extend([GoogleUnavailable("503")] * 1000)
    job = await process.submit_job(1)
    await world.wait_for_state(job, JobState.FETCHING)
    await process.worker.crash()
    world.google.fetch_script.clear()
    world.google.poll_script.extend(answers)
    await start_successor(world, process)
    after = await world.wait_for_end(job)
    assert after.outcome is Outcome.DELIVERED
    assert not world.google.poll_script
    assert await world.ledger.sum_reserved() == 0


# --- the submit ----------------------------------------------------------------------------------


async def test_account_refusal_is_logged_with_google_words_and_code(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[google-A1, google-A6, google-K1, google-K10]"""
    words = "submit answered 402 RESOURCE_EXHAUSTED Your prepayment credits are depleted."
    world.google.submit_script.append(AccessRefused(words, reason="RESOURCE_EXHAUSTED"))
    with capture_logs() as logs:
        after = await world.wait_for_end(await process.submit_job(1))
    assert (after.outcome, after.detail, after.attempts) == (Outcome.ACCESS_REFUSED, None, 1)
    [line] = [entry for entry in logs if entry["log_level"] == "error"]
    assert (line["error"], line["reason"]) == (words, "RESOURCE_EXHAUSTED")


async def test_bucket_that_google_may_not_write_is_logged(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[google-C14, google-K15]"""
    failed = OperationFailed(
        Outcome.ACCESS_REFUSED, None, operator_message="storage.objects.create", reason="X"
    )
    world.google.poll_script.append(failed)
    with capture_logs() as logs:
        after = await world.wait_for_end(await process.submit_job(1))
    assert (after.outcome, after.detail) == (Outcome.ACCESS_REFUSED, None)
    assert [e["error"] for e in logs if e["log_level"] == "error"] == ["storage.objects.create"]


async def test_refusal_of_something_in_between_is_logged_and_takes_no_model_off(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[google-A13, google-A30, google-K2, google-K10]"""
    message = "submit answered 404 and not by Google: “404 Not Found”"
    world.google.submit_script.append(VideoRefused(message, outcome=Outcome.NOT_REACHED))
    with capture_logs() as logs:
        after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.NOT_REACHED
    assert world.model_availability.unavailable_models == {}
    assert message in [entry.get("error") for entry in logs]


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        pytest.param(GoogleQuotaExceeded("429", retry_after_s=64_520.0), 1, id="google-A17-long"),
        pytest.param(GoogleQuotaExceeded("429", is_daily=True), 1, id="google-A17-no-delay"),
        pytest.param(
            GoogleQuotaExceeded("429", retry_after_s=22.0, is_daily=True), 2, id="google-A17-short"
        ),
        pytest.param(GoogleUnavailable("503", retry_after_s=86_400.0), 1, id="google-K7-busy"),
    ],
)
async def test_too_long_a_wait_ends_the_job_now_and_blocks_nobody(
    world: SimulatedWorld, process: SimulatedProcess, error: GoogleUnavailable, attempts: int
) -> None:
    """The requester reads when it is possible again. [google-A17, google-K7]"""
    world.google.submit_script.extend([error] * 8)
    job = await process.submit_job(1)
    after = await world.wait_for_end(job)
    assert (after.state, after.attempts) == (JobState.FAILED, attempts)
    assert after.finished_at is not None
    assert after.finished_at - after.created_at < timedelta(hours=1)
    if isinstance(error, GoogleQuotaExceeded):
        assert after.outcome is Outcome.GOOGLE_QUOTA
        assert after.retry_at is not None
        assert after.retry_at > after.finished_at
    held = (await world.model_store.load_states()).get(MODEL)
    until = None if held is None else held.rate_limited_until
    assert until is None or until <= world.clock.now() + timedelta(minutes=5)
    world.google.submit_script.clear()
    assert (await world.wait_for_end(await process.submit_job(2))).outcome is Outcome.DELIVERED


async def test_later_members_read_that_the_model_is_waiting(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[google-A17, google-K7]"""
    world.google.submit_script.append(GoogleQuotaExceeded("429", retry_after_s=1200.0))
    first = await process.submit_job(1)

    async def is_waiting() -> bool:
        return (await world.get_job(first.id)).outcome is Outcome.GOOGLE_QUOTA

    await eventually(is_waiting)
    later = await process.submit_job(2, user_id=901)

    def is_told() -> bool:
        return any(
            shown.job.id == later.id
            and shown.waiting_for is Outcome.GOOGLE_QUOTA
            and shown.retry_at is not None
            for shown in world.discord.shown_progress
        )

    await eventually(is_told)
    for job in (first, later):
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED


# --- the poll ------------------------------------------------------------------------------------


async def test_denied_operation_is_asked_about_again(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[google-C18, google-K17]"""
    world.google.poll_script.extend([DENIED, DENIED, PAGE, PAGE, PAGE])
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.DELIVERED


async def test_poll_does_not_sleep_for_a_day(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[google-K7]"""
    world.google.poll_script.append(GoogleQuotaExceeded("429", retry_after_s=86_400.0))
    job = await process.submit_job(1)
    after = await world.wait_for_end(job)
    assert after.outcome is Outcome.DELIVERED
    assert after.finished_at is not None
    assert after.finished_at - after.created_at < timedelta(hours=1)
    assert after.price == PRICE
