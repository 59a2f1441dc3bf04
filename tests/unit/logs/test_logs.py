"""No secret and no prompt gets into the log."""

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO

import aiohttp
import pytest
import structlog

from bot.observability import logging as logs

TOKEN = "MTA0MjM1.fake-but-long-enough"  # a known secret, in any format
LIKE_A_TOKEN = "MTAyNDM1MDk4NzY1NDMyMTA5OA.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789AB"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    structlog_before = structlog.get_config()
    yield
    root.handlers[:], root.level = before
    logging.captureWarnings(False)
    structlog.configure(**structlog_before)


class Lines(StringIO):
    def last(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.getvalue().strip().splitlines()[-1])
        return found


@pytest.fixture
def lines() -> Lines:
    stream = Lines()
    logs.configure_logging(log_format="json", level="INFO", secrets=[TOKEN], stream=stream)
    return stream


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        LIKE_A_TOKEN,
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "Bearer ya29.a0AfH6SMBx1234567890",
        "Bot abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_secrets_are_removed_from_messages_fields_and_tracebacks(lines: Lines, secret: str) -> None:
    log = structlog.get_logger("bot.test")
    hidden = secret.split()[-1]
    log.info("event", header=f"authorization: {secret}", nested={"list": [secret]})
    assert hidden not in json.dumps(lines.last())
    logging.getLogger("discord.http").warning("sent %s", secret)
    assert hidden not in json.dumps(lines.last())
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed")
    written = json.dumps(lines.last())
    assert "ValueError" in written
    assert hidden not in written


@pytest.mark.parametrize(
    ("said", "kept", "gone"),
    [
        ("GET https://cdn.example/a.mp4?ex=1&hm=5f3c", "cdn.example/a.mp4", "5f3c"),
        ("POST https://d.example/api/webhooks/12/tok-EN/messages", "webhooks/12/", "tok-EN"),
        ("POST /api/v10/interactions/12/aW50ZXI/callback", "interactions/12/", "aW50ZXI"),
        ("postgresql://clapper:hunter22@db/x", "db/x", "hunter22"),
        ("VideoPlan(prompt='a red fox', seed=3)", "seed=3", "red fox"),
        ('{"prompt": "a \\"red\\" fox", "n": 1}', '"n": 1', "fox"),
    ],
)
def test_signatures_tokens_in_paths_passwords_and_prompts_go(
    said: str, kept: str, gone: str
) -> None:
    cleaned = logs.LogRedactor().redact(said)
    assert gone not in cleaned
    assert kept in cleaned


def test_a_prompt_given_as_a_field_is_not_written(lines: Lines) -> None:
    structlog.get_logger("bot.test").info("asked", prompt="a red fox", seed=3)
    written = lines.last()
    assert written["prompt"] == "[redacted]"
    assert written["seed"] == 3


def test_a_jobs_number_is_on_every_line_inside_and_on_none_outside(lines: Lines) -> None:
    log = structlog.get_logger("bot.test")
    with structlog.contextvars.bound_contextvars(job_id=7):
        log.info("inside")
        assert lines.last()["job_id"] == 7
        logging.getLogger("discord.client").warning("a library's line")
        assert lines.last()["job_id"] == 7
    log.info("outside")
    assert "job_id" not in lines.last()


def test_a_fault_of_the_network_is_one_field_not_a_traceback(lines: Lines) -> None:
    try:
        raise aiohttp.ServerDisconnectedError
    except aiohttp.ClientError:
        logging.getLogger("discord.shard").exception("Failed to connect")
    written = lines.last()
    assert "exception" not in written
    assert str(written["error"]).startswith("ServerDisconnectedError")


def test_other_faults_keep_their_traceback(lines: Lines) -> None:
    try:
        raise KeyError("attachment_size_limit")
    except KeyError:
        logging.getLogger("discord.client").error("parse failed", exc_info=sys.exc_info())
    assert "KeyError" in str(lines.last()["exception"])


def test_libraries_never_speak_at_debug() -> None:
    stream = StringIO()
    logs.configure_logging(log_format="console", level="DEBUG", stream=stream)
    logging.getLogger("discord.http").debug("payload with everything")
    logging.getLogger("google_genai").debug("body")
    logging.getLogger("sqlalchemy.engine.Engine").info("INSERT … parameters")
    structlog.get_logger("bot.test").debug("ours")
    said = stream.getvalue()
    assert "ours" in said
    assert "payload" not in said
    assert "body" not in said
    assert "parameters" not in said
