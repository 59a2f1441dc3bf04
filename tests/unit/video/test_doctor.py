"""`clapper doctor` shows why Google refuses the operator's account, in Google's words."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from bot.app.clock import SystemClock
from bot.app.startup import build_routes
from bot.cli.doctor.database_checks import check_database
from bot.cli.doctor.findings import CheckStatus, Finding, run_groups
from bot.cli.doctor.google_checks import build_route_checks
from bot.config.settings import read_settings
from bot.domain.jobs.request import GoogleRoute
from bot.domain.jobs.webhook import WebhookRegistration
from bot.observability.metrics import Instruments
from bot.store.engine.database import open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.webhook_events import WebhookEventStore
from bot.store.jobs.webhook_registrations import WebhookRegistrationStore
from bot.store.tables.core import interaction_lifetimes_table
from tests.unit.video import google_answers as recorded
from tests.unit.video.conftest import CATALOG, Stage

GEMINI, OMNI = GoogleRoute.GEMINI, GoogleRoute.OMNI


@pytest.fixture(autouse=True)
def settings(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure the Gemini route of the stage's Google."""
    monkeypatch.chdir(stage.data_dir)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    for name, value in (stage.google.environment() | {"DISCORD_TOKEN": "x.y.z"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATA_DIR", str(stage.data_dir))
    monkeypatch.delenv("DATABASE_URL", raising=False)


async def migrate(*, refused: str | None = None) -> None:
    database = open_database(read_settings().resolved_database_url)
    try:
        await upgrade_schema(database)
        if refused is not None:
            await AccountRefusalStore(database).record_refusal(
                GoogleRoute.GEMINI,
                reason="BILLING_DISABLED",
                message=refused,
                now=datetime(2026, 11, 29, 12, 0, tzinfo=UTC),
            )
    finally:
        await database.close()


async def examine() -> list[Finding]:
    """Make the checks of the routes and of the database."""
    settings, clock = read_settings(), SystemClock()
    routes = build_routes(settings, CATALOG, Instruments(), clock, media_folder=settings.data_dir)
    now = datetime.now(UTC)
    try:
        findings = await run_groups(build_route_checks(routes, CATALOG, now.date()))
    finally:
        for models in routes.values():
            await models.close()
    return [*findings, *await check_database(settings, now)]


async def list_failures() -> list[Finding]:
    return [finding for finding in await examine() if finding.status is CheckStatus.FAILED]


async def test_all_is_well(stage: Stage) -> None:
    """[google-K10]"""
    await migrate()
    findings = await examine()
    assert [finding.check for finding in findings if finding.status is not CheckStatus.OK] == []
    assert "gemini" in [finding.check for finding in findings]


async def test_refusal_is_shown_with_google_sentence_and_code(stage: Stage) -> None:
    """[google-A6, google-K10]"""
    await migrate()
    stage.add_fault(path="/models/", times=None, **recorded.SERVICE_DISABLED.fault)
    bad = await list_failures()
    assert [finding.check for finding in bad] == ["gemini", "omni"]  # the same key
    for finding in bad:
        assert finding.reason == "SERVICE_DISABLED"
        assert "Enable it by visiting" in finding.message
        assert finding.cure


async def test_route_that_google_has_shut_down_is_no_fault(stage: Stage) -> None:
    """Veo was shut down for API keys; the key still makes clips with Omni."""
    await migrate()
    stage.configure(retired_models=[model.id for model in CATALOG.restrict_to(GEMINI).models])
    findings = await examine()
    assert [finding for finding in findings if finding.status is not CheckStatus.OK] == []
    told = {finding.check: finding.message for finding in findings}
    assert "shut down" in told["gemini"]
    assert "2 of 2" in told["omni"]


async def test_route_without_a_model_is_a_fault(stage: Stage) -> None:
    await migrate()
    stage.configure(retired_models=[model.id for model in CATALOG.restrict_to(OMNI).models])
    assert [finding.check for finding in await list_failures()] == ["omni"]


async def test_refusal_of_the_last_request_is_shown(stage: Stage) -> None:
    """Some errors appear only on a submit. [google-A1, google-K1, google-K10]"""
    await migrate(refused="submit answered 402: your prepayment credits are depleted")
    [bad] = await list_failures()
    assert (bad.check, bad.reason) == ("last refusal on gemini", "BILLING_DISABLED")
    assert "prepayment credits" in bad.message
    assert "billing" in (bad.cure or "")


async def test_learned_lifetime_of_interactions_is_shown(stage: Stage) -> None:
    """Billing may be off, or a shorter lifetime set, without the operator knowing."""
    await migrate()
    database = open_database(read_settings().resolved_database_url)
    now = datetime.now(UTC)
    lessons = [
        {"route": OMNI, "kept_s": 86_400, "learnt_at": now},
        {"route": GEMINI, "kept_s": 86_400, "learnt_at": now - timedelta(days=8)},
    ]
    try:
        await database.execute(insert(interaction_lifetimes_table).values(lessons))
    finally:
        await database.close()
    told = [each for each in await examine() if "keeps" in each.check]
    [lesson] = told  # Gemini's is too old to say anything
    assert lesson.status is CheckStatus.OK
    assert lesson.check.startswith("omni")
    assert "1.0 days" in lesson.message


@pytest.mark.parametrize(
    ("registration", "is_well", "words"),
    [
        (None, True, "when it runs"),
        (WebhookRegistration(), True, "being registered"),
        (WebhookRegistration(problem="new webhook: refused"), False, "new webhook: refused"),
        (
            WebhookRegistration(webhook_id="w", url="https://x/hook", secret="whsec_x"),
            True,
            "/hook",
        ),
    ],
)
async def test_the_state_of_webhooks_is_shown_without_the_secret(
    monkeypatch: pytest.MonkeyPatch,
    registration: WebhookRegistration | None,
    is_well: bool,
    words: str,
) -> None:
    monkeypatch.setenv("GEMINI_WEBHOOKS", "on")
    monkeypatch.setenv("PUBLIC_URL", "https://x")
    await migrate()
    database = open_database(read_settings().resolved_database_url)
    try:
        store = WebhookRegistrationStore(database)
        if registration is not None:
            pause = timedelta(minutes=1)
            assert await store.claim_check(interval=pause, retry_interval=pause)
            await store.save(registration)
        await WebhookEventStore(database).record_event("m", "v1_a")
    finally:
        await database.close()
    findings = await examine()
    [shown] = [finding for finding in findings if finding.check == "webhooks for Gemini Omni"]
    assert shown.status is (CheckStatus.OK if is_well else CheckStatus.FAILED)
    assert words in shown.message
    assert "whsec_x" not in shown.message
    if registration is not None and registration.secret is not None:
        assert "latest event at" in shown.message
