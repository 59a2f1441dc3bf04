"""How Google's error sentences are classified, and which parts members may see."""

import pytest
from structlog.testing import capture_logs

from bot.domain.jobs.job import Outcome
from bot.google.answers import clean_message, read_answer
from bot.google.api_errors import (
    build_filtered_failure,
    classify_submit_error,
    read_operation_failure,
)
from bot.google.wording import classify_message


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (None, None),
        ("", None),
        ("Too long.", "Too long."),
        (
            "For more information, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n"
            "* Quota exceeded",
            "* Quota exceeded",
        ),
        ("See https://x.test/a?key=AIzaSyA1234567890abcdef for help", None),
        ("key=secret and AIzaSyA1234567890abcdef", None),
        ("Odd. The token ya29.abc-def_1.x is bad. Sorry.", "Odd. Sorry."),
        ("gs://bucket/clip.mp4 is missing. Try again.", "Try again."),
        ("Access denied. Ask veo@my-proj.iam.gserviceaccount.com for it.", "Access denied."),
        (
            "Vertex AI API has not been used in project 918273645546 before or it is disabled. "
            "Enable it by visiting //console.developers.google.com/apis?project=918273645546 "
            "then retry.",
            None,
        ),
        ("Quota exceeded for 'project_number:918273645546'. Wait.", "Wait."),
        ("Permission denied on resource project my-clips. No.", "No."),
        ("Consumer 'projects/918273645546' is suspended.", None),
        ("Denied on //aiplatform.googleapis.com/projects/p/models/veo (or gone).", None),
        ("Requests a day at generativelanguage.googleapis.com/requests, limit: 0", None),
        ("This project has been denied access.", "This project has been denied access."),
        (
            "A ratio of 16:9 and/or 9:16 only. See above.",
            "A ratio of 16:9 and/or 9:16 only. See above.",
        ),
        ("File files/ab-12 has expired.", "the file has expired."),
        (
            "You may not access the File abcdefghijkl or it may not exist.",
            "You may not access the file or it may not exist.",
        ),
        ("The format of the file is unknown.", "The format of the file is unknown."),
        (
            "`projects/p/locations/l/publishers/google/models/veo` was not found",
            "`veo` was not found",
        ),
        (
            "You do not have permission to access the File abc123 or it may not exist.",
            "You do not have permission to access the file or it may not exist.",
        ),
        ("x" * 1000, "x" * 399 + "…"),
    ],
)
def test_displayable_reasons(message: str | None, shown: str | None) -> None:
    assert clean_message(message) == shown


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("This model models/veo is no longer available.", Outcome.MODEL_RETIRED),
        ("models/veo-9 is not found for API version v1beta", Outcome.MODEL_RETIRED),
        ("dont_allow for personGeneration is currently not supported.", Outcome.PERSON_REFUSED),
        (
            "Veo could not generate videos because the input image violates Vertex AI's usage "
            "guidelines.",
            Outcome.BLOCKED_IMAGE,
        ),
        (
            "Sorry, we can't create videos from input images containing celebrity or their "
            "likenesses.",
            Outcome.BLOCKED,
        ),
        ("We encountered an issue with the audio for your prompt.", Outcome.BLOCKED_AUDIO),
        ("violates Google's Responsible AI practices", Outcome.BLOCKED),
        ("The prompt could not be submitted.", None),
    ],
)
def test_error_classification(message: str, outcome: Outcome | None) -> None:
    assert classify_message(message) is outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ({"code": 3, "message": "The input image violates our policies."}, Outcome.BLOCKED_IMAGE),
        ({"code": 8, "message": "Resource has been exhausted."}, Outcome.OVERLOADED),
        ({"code": 13, "message": "Internal error."}, Outcome.OPERATION_FAILED),
        ({}, Outcome.OPERATION_FAILED),
    ],
)
def test_operation_failures_are_classified(error: dict[str, object], outcome: Outcome) -> None:
    assert read_operation_failure(error).outcome is outcome


def test_filtered_for_two_reasons() -> None:
    failure = build_filtered_failure(["Blocked by our safety filters.", "An issue with the audio."])
    assert failure.outcome is Outcome.BLOCKED_AUDIO
    assert failure.detail == "Blocked by our safety filters. An issue with the audio."


@pytest.mark.parametrize(
    ("body", "retry_after", "seconds"),
    [
        (
            '{"error":{"message":"m","status":"UNAVAILABLE",'
            '"details":[{"@type":"x/google.rpc.RetryInfo",'
            '"retryDelay":"34.4s"}]}}',
            None,
            34.4,
        ),
        ('{"error":{"message":"m","details":[{"@type":"x","retryDelay":"1s"}]}}', "7", 7.0),
        ('{"error":{"message":"m"}}', "Wed, 21 Oct 2026 07:28:00 GMT", None),
        ('{"error":{"message":"m"}}', "-3", None),
        ("<html>", "12", 12.0),
        ('[{"error":{"message":"m"}}]', "12", 12.0),
        ("[]", None, None),
        ('{"error":"text"}', None, None),
    ],
)
def test_retry_delay_is_parsed(body: str, retry_after: str | None, seconds: float | None) -> None:
    assert read_answer(429, body, retry_after).retry_after_s == seconds


def test_only_google_messages_are_shown() -> None:
    words = '{"error":{"message":"Too long.","status":"INVALID_ARGUMENT"}}'
    assert read_answer(400, words).detail == "Too long."
    assert read_answer(400, '{"error":{"message":"A gateway\'s."}}').detail is None
    assert read_answer(400, "<html>nginx</html>").detail is None
    assert read_answer(400, '{"message":"a proxy\'s"}').detail is None


def test_unknown_wording_is_logged_without_the_message() -> None:
    message = "We could not make your red balloon."
    body = {"error": {"message": message, "status": "INVALID_ARGUMENT"}}
    with capture_logs() as logs:
        classify_submit_error(read_answer(400, body))
        read_operation_failure({"code": 13, "message": message})
        build_filtered_failure([message])
        read_operation_failure({"code": 3, "message": "The input image violates our policies."})
        build_filtered_failure(["Blocked by our safety filters."])
    assert [(entry["event"], entry["call"]) for entry in logs] == [
        ("google.answer_unrecognized", "submit"),
        ("google.answer_unrecognized", "operation"),
        ("google.answer_unrecognized", "filter"),
    ]
    assert len({entry["fingerprint"] for entry in logs}) == 1
    assert "balloon" not in repr(logs)
