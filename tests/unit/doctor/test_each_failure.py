"""`clapper doctor` names each thing that can be wrong, one at a time.

One sandbox and one web server stand in for Discord, Google and the operator's gallery. Everything
is well at first, and each case breaks one thing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio
import structlog
from aiohttp import web
from sqlalchemy import text

from bot.cli.doctor.examination import examine, list_secrets
from bot.cli.doctor.findings import CheckStatus, Finding
from bot.cli.doctor.machine_checks import MachineReadings
from bot.cli.doctor.report import format_json, format_text
from bot.cli.main import main
from bot.config.model_catalog import load_catalog
from bot.config.settings import read_settings
from bot.domain.jobs.request import GoogleRoute
from bot.observability.heartbeat import get_heartbeat_file
from bot.store.engine.database import open_database
from bot.web.operations import VISITOR_HEADER
from sandbox.server import SandboxServer
from tests.harness.control import Control
from tests.harness.migrated_file import MIGRATED_FILE
from tests.web.local_site import serve_locally

pytestmark = pytest.mark.asyncio(loop_scope="module")

GIGABYTE = 1_000_000_000
WELL = MachineReadings(
    free_disk_bytes=100 * GIGABYTE, stored_clips_bytes=0, free_memory_bytes=4 * GIGABYTE
)
CATALOG = load_catalog()
OMNI_MODELS = [model.id for model in CATALOG.restrict_to(GoogleRoute.OMNI).models]
WRONG_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GAbcde.abcdefghijklmnopqrstuvwxyz0123456789ab"
JUDGE = "gemini-3.5-flash-lite"
WRONG_KEY = "AIzaWrongWrongWrongWrongWrongWrongWrong"


@dataclass(kw_only=True)
class Installation:
    """A bot's settings, with a sandbox and a web server that they lead to."""

    sandbox: SandboxServer
    control: Control
    site_url: str
    proxied_urls: dict[str, str]
    data_dir: Path
    readings: MachineReadings = WELL

    async def examine(self) -> list[Finding]:
        """Make all checks, and see that no finding shows a secret."""
        settings = read_settings()
        findings = list(await examine(settings, readings=self.readings))
        shown = format_text(findings) + format_json(findings)
        assert not [secret for secret in list_secrets(settings) if secret in shown]
        assert "Traceback" not in shown
        return findings

    async def set_up_application(self, **changes: Any) -> None:
        await self.control.call("PATCH", "application", changes)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    folder = tmp_path_factory.mktemp("running")
    async with AsyncExitStack() as stack:
        sandbox = await SandboxServer.start(directory=folder / "sandbox", ratelimit_scale=None)
        stack.push_async_callback(sandbox.close)
        control = Control(f"{sandbox.base}/control")
        stack.push_async_callback(control.close)
        sites = {}
        for name, networks in (("trusting", ("127.0.0.0/8",)), ("alone", ())):
            (folder / name).mkdir()
            site = serve_locally(folder / name, trusted_proxies=networks)
            sites[name] = str((await stack.enter_async_context(site)).url).rstrip("/")
        proxied_urls = {
            name: await stack.enter_async_context(run_proxy(url)) for name, url in sites.items()
        }
        proxied_urls["trusting, and the proxy is silent"] = sites["trusting"]
        proxied_urls["alone, and the proxy is silent"] = sites["alone"]
        yield Installation(
            sandbox=sandbox,
            control=control,
            site_url=sites["alone"],
            proxied_urls=proxied_urls,
            data_dir=folder,
        )


@asynccontextmanager
async def run_proxy(target: str) -> AsyncIterator[str]:
    """Run a reverse proxy that tells the server behind it who asked, and yield its URL."""

    async def forward(_: web.Request) -> web.Response:
        connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"{target}/healthz", headers={"X-Forwarded-For": "192.0.2.7"}) as answer,
        ):
            kept = {VISITOR_HEADER: answer.headers[VISITOR_HEADER]}
            return web.Response(body=await answer.read(), status=answer.status, headers=kept)

    app = web.Application()
    app.router.add_get("/healthz", forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="module")
async def installation(
    running: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    """Everything is well, whatever the test before has broken."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    await MIGRATED_FILE.copy(data_dir / "clapper.db")
    environment = running.sandbox.bot_environment() | {
        "DATA_DIR": str(data_dir),
        "PUBLIC_URL": running.site_url,
        "PAID_CALLS": "allow",
    }
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    # the check of alerts lets discord.py use other servers, as the program does
    for owner, name in (
        (discord.http.Route, "BASE"),
        (discord.Asset, "BASE"),
        (discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    made = replace(running, data_dir=data_dir)
    await made.set_up_application(
        privileged_intents=[],
        public=True,
        requires_code_grant=False,
        install_contexts={"0": {}, "1": {}},
        custom_install_url="",
        terms_of_service_url=f"{running.site_url}/terms",
        privacy_policy_url=f"{running.site_url}/privacy",
    )
    yield made
    await running.control.clear_faults()
    await running.control.call("DELETE", "google")
    await running.control.gateway("up")
    await running.control.gateway("limit_session_starts", remaining=1000)
    running.sandbox.world.recommended_shards = None


def list_problems(findings: list[Finding]) -> dict[str, Finding]:
    return {each.check: each for each in findings if each.status is not CheckStatus.OK}


async def test_when_all_is_well_every_line_says_so_and_nothing_is_spent(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = installation.sandbox
    earlier = await installation.control.requests()
    monkeypatch.setenv("MODERATION_MODEL", JUDGE)
    findings = await installation.examine()
    assert list_problems(findings) == {}
    checked = {each.check for each in findings}
    assert {
        *("settings", "token", "application", "intents", "user install", "invite link"),
        *("Terms of Service URL", "Privacy Policy URL", "gateway", "session starts", "shards"),
        *("gemini", "omni", "clock against Discord", "clock against Google", "database"),
        *("MODERATION_MODEL", "prices of checks", "C2PA key", "alerts"),
        *("schema", "data folder", "disk", "memory", "PUBLIC_URL", "proxy"),
    } <= checked
    after = earlier[-1]["n"] if earlier else 0
    sent = await installation.control.requests(after=after)
    assert {each["server"] for each in sent} == {"discord", "google"}
    assert {each["method"] for each in sent} == {"GET"}
    state = await installation.control.call("GET", "google")
    assert (state["accepted"], state["refused"]) == (0, 0)
    assert sandbox.gateway.counters.identify_attempts == 0


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that is wrong: how, and the line that names it."""

    check: str
    status: CheckStatus = CheckStatus.FAILED
    settings: Mapping[str, str] | None = None
    prepare: Callable[[Installation], Awaitable[object]] | None = None
    words: str = ""
    reason: str | None = None
    also: frozenset[str] = frozenset()
    """Other checks that the same cause disturbs."""


NOBODY_PORT = 1
"""No program of this machine listens here."""
NOBODY = f"http://127.0.0.1:{NOBODY_PORT}"


def break_server(server: str, **fault: Any) -> Callable[[Installation], Awaitable[object]]:
    return lambda installation: installation.control.fault(server, times=None, **fault)


def set_up(**changes: Any) -> Callable[[Installation], Awaitable[object]]:
    return lambda installation: installation.set_up_application(**changes)


def disturb_gateway(action: str, **more: Any) -> Callable[[Installation], Awaitable[object]]:
    return lambda installation: installation.control.gateway(action, **more)


def change_google(**settings: Any) -> Callable[[Installation], Awaitable[object]]:
    return lambda installation: installation.control.google(**settings)


def set_clock(
    server: str, path: str, ahead: timedelta
) -> Callable[[Installation], Awaitable[object]]:
    async def change(installation: Installation) -> None:
        date = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
        await break_server(server, path=path, headers={"Date": date})(installation)

    return change


def measure(**changes: int) -> Callable[[Installation], Awaitable[object]]:
    async def change(installation: Installation) -> None:
        installation.readings = replace(WELL, **changes)

    return change


def run_sql(statement: str) -> Callable[[Installation], Awaitable[object]]:
    async def run(installation: Installation) -> None:
        database = open_database(read_settings().resolved_database_url)
        try:
            await database.write(lambda connection: connection.execute(text(statement)))
        finally:
            await database.close()

    return run


async def delete_database(installation: Installation) -> None:
    (installation.data_dir / "clapper.db").unlink()


async def damage_database(installation: Installation) -> None:
    (installation.data_dir / "clapper.db").write_bytes(
        b"not a database, but long enough for one" * 200
    )


async def refuse_judge(installation: Installation) -> None:
    error = {
        "code": 403,
        "message": "Requests to this API are blocked.",
        "status": "PERMISSION_DENIED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_SERVICE_BLOCKED",
                "domain": "googleapis.com",
            }
        ],
    }
    await break_server("google", path=f"/models/{JUDGE}", status=403, body={"error": error})(
        installation
    )


async def spoil_credentials(installation: Installation) -> None:
    (installation.data_dir / "broken.json").write_text("{}", "utf-8")


def use_vertex(installation: Installation) -> dict[str, str]:
    return installation.sandbox.google.vertex_environment()


BOTH_KEY_ROUTES = frozenset({"gemini", "omni"})

CASES = {
    "a token that Discord refuses": Case(
        check="token", settings={"DISCORD_TOKEN": WRONG_TOKEN}, reason="401"
    ),
    "no Discord": Case(
        check="token", settings={"DISCORD_API_URL": f"{NOBODY}/api/v10"}, words="listens"
    ),
    "an outage of Discord": Case(
        check="token",
        prepare=break_server("discord", path="/applications/@me", status=503),
        reason="503",
    ),
    "an address that Discord has banned": Case(
        check="token",
        prepare=break_server("discord", path="/applications/@me", status=429, body="banned"),
        reason="429",
    ),
    "an application that requires a code grant": Case(
        check="application", prepare=set_up(requires_code_grant=True)
    ),
    "an application that servers cannot add": Case(
        check="application", prepare=set_up(install_contexts={"1": {}})
    ),
    "an application that people cannot install": Case(
        check="user install", status=CheckStatus.WARNING, prepare=set_up(install_contexts={"0": {}})
    ),
    "people who are refused after they installed it": Case(
        check="user install", status=CheckStatus.WARNING, settings={"ALLOW_USER_INSTALL": "false"}
    ),
    "an intent that is not used": Case(
        check="intents",
        status=CheckStatus.WARNING,
        prepare=set_up(privileged_intents=["MESSAGE_CONTENT"]),
        words="Message Content",
    ),
    "a link of Discord's own without a permission": Case(
        check="invite link",
        status=CheckStatus.WARNING,
        prepare=set_up(
            install_contexts={
                "0": {"oauth2_install_params": {"scopes": ["bot"], "permissions": "3072"}},
                "1": {},
            }
        ),
        words="Attach Files",
    ),
    "a link of the operator's own without a permission": Case(
        check="invite link",
        status=CheckStatus.WARNING,
        prepare=set_up(
            custom_install_url="https://discord.com/oauth2/authorize?client_id=1&permissions=3072"
            "&scope=bot+applications.commands"
        ),
        words="Attach Files",
    ),
    "terms that the portal does not name": Case(
        check="Terms of Service URL",
        status=CheckStatus.WARNING,
        prepare=set_up(terms_of_service_url=""),
    ),
    "privacy at another address": Case(
        check="Privacy Policy URL",
        status=CheckStatus.WARNING,
        prepare=set_up(privacy_policy_url="https://elsewhere.example/privacy"),
        words="elsewhere.example",
    ),
    "a gateway that cannot be reached": Case(check="gateway", prepare=disturb_gateway("down")),
    "a gateway that Discord does not name": Case(
        check="gateway",
        prepare=break_server("discord", path="/gateway/bot", status=500),
        reason="500",
    ),
    "no session starts left": Case(
        check="session starts", prepare=disturb_gateway("limit_session_starts", remaining=3)
    ),
    "few session starts left": Case(
        check="session starts",
        status=CheckStatus.WARNING,
        prepare=disturb_gateway("limit_session_starts", remaining=60),
        words="60 of 1000",
    ),
    "too few shards": Case(
        check="shards",
        status=CheckStatus.WARNING,
        settings={"SHARD_COUNT": "1"},
        prepare=disturb_gateway("recommend_shards", shards=4),
    ),
    "a clock that differs from Discord's": Case(
        check="clock against Discord",
        status=CheckStatus.WARNING,
        prepare=set_clock("discord", "/applications/@me", timedelta(minutes=2)),
        words="behind",
    ),
    "a clock that differs much from Google's": Case(
        check="clock against Google",
        prepare=set_clock("google", "/v1beta/models$", timedelta(minutes=-9)),
        words="ahead",
    ),
    "a key that Google refuses": Case(
        check="gemini",
        settings={"GEMINI_API_KEY": WRONG_KEY},
        reason="API_KEY_INVALID",
        also=BOTH_KEY_ROUTES,
    ),
    "no Google": Case(
        check="omni",
        settings={"GEMINI_API_URL": NOBODY},
        also=BOTH_KEY_ROUTES | {"clock against Google"},
    ),
    "an outage of Google": Case(
        check="omni",
        prepare=break_server("google", path="/models/", status=503),
        also=BOTH_KEY_ROUTES,
    ),
    "a route without a model": Case(
        check="omni",
        prepare=change_google(retired_models=OMNI_MODELS),
        also=frozenset(f"omni {model}" for model in OMNI_MODELS),
    ),
    "a model that Google does not offer": Case(
        check=f"omni {OMNI_MODELS[0]}",
        status=CheckStatus.WARNING,
        prepare=change_google(retired_models=OMNI_MODELS[:1]),
    ),
    "a model for checks that Google does not offer": Case(
        check="MODERATION_MODEL",
        settings={"MODERATION_MODEL": "gemini-1.0-gone"},
        words="gemini-1.0-gone",
        also=frozenset({"prices of checks"}),
    ),
    "a model for checks that cannot be asked": Case(
        check="MODERATION_MODEL",
        settings={"MODERATION_MODEL": "veo-3.1-generate-preview"},
        words="cannot be asked",
        also=frozenset({"prices of checks"}),
    ),
    "a model for checks that Google does not let the key use": Case(
        check="MODERATION_MODEL",
        settings={"MODERATION_MODEL": JUDGE},
        prepare=refuse_judge,
        reason="API_KEY_SERVICE_BLOCKED",
    ),
    "a model for checks that does not answer": Case(
        check="MODERATION_MODEL",
        settings={"MODERATION_MODEL": JUDGE},
        prepare=break_server("google", path=f"/models/{JUDGE}", status=503),
    ),
    "a model for checks without prices of its own": Case(
        check="prices of checks",
        status=CheckStatus.WARNING,
        settings={"MODERATION_MODEL": "gemini-2.5-flash"},
        words=JUDGE,
    ),
    "checks that count nothing": Case(
        check="prices of checks",
        status=CheckStatus.WARNING,
        settings={"MODERATION_MODEL": JUDGE, "MODERATION_OUTPUT_USD": "0"},
    ),
    "a certificate that is not there": Case(
        check="C2PA key", settings={"C2PA_CERTIFICATE": "gone.pem", "C2PA_KEY": "gone.pem"}
    ),
    "a trust list without a certificate": Case(
        check="C2PA trust list", settings={"C2PA_TRUST": "/dev/null"}, words="no certificates"
    ),
    "a channel for alerts that the bot cannot see": Case(
        check="ALERT_CHANNEL", settings={"ALERT_CHANNEL": "123456789012345678"}
    ),
    "webhooks for which Google cannot reach the bot": Case(
        check="webhooks for Gemini Omni",
        settings={"GEMINI_WEBHOOKS": "true", "PUBLIC_URL": "https://clips.invalid"},
        prepare=run_sql(
            "INSERT INTO webhook_registrations (route, checked_at, problem)"
            " VALUES ('omni', '2026-12-01 00:00:00.000000', 'unreachable')"
        ),
        words="unreachable",
        also=frozenset({"PUBLIC_URL", "Terms of Service URL", "Privacy Policy URL"}),
    ),
    "a database that has never been used": Case(
        check="database", status=CheckStatus.WARNING, prepare=delete_database
    ),
    "a damaged database": Case(check="database", prepare=damage_database, words="damaged"),
    "no database": Case(
        check="database",
        settings={
            "DATABASE_URL": "postgresql+asyncpg://bot:hunter2-hunter2@127.0.0.1:"
            f"{NOBODY_PORT}/clapper"
        },
    ),
    "a malformed address of the database": Case(
        check="database",
        settings={"DATABASE_URL": "postgresql+asyncpg://bot:hunter2-hunter2@host:port/clapper"},
    ),
    "tables of a newer version": Case(
        check="schema",
        prepare=run_sql("UPDATE alembic_version SET version_num = '9999'"),
        words="9999",
    ),
    "tables of an older version": Case(
        check="schema",
        status=CheckStatus.WARNING,
        prepare=run_sql("UPDATE alembic_version SET version_num = '0001'"),
    ),
    "a bucket that does not answer": Case(
        check="bucket",
        settings={
            "MEDIA_URL": "s3://clips",
            "AWS_ENDPOINT_URL": NOBODY,
            "AWS_ACCESS_KEY_ID": "reader-of-clips",
            "AWS_SECRET_ACCESS_KEY": "correct-horse-battery-staple",
        },
    ),
    "a folder that cannot be written to": Case(
        check="data folder",
        settings={"DATA_DIR": "/dev/null/clapper"},
        also=frozenset({"database"}),
    ),
    "a full disk": Case(check="disk", prepare=measure(free_disk_bytes=GIGABYTE // 2)),
    "a disk without room for KEEP_CLIPS_GB": Case(
        check="disk",
        status=CheckStatus.WARNING,
        prepare=measure(free_disk_bytes=20 * GIGABYTE, stored_clips_bytes=10 * GIGABYTE),
        words="KEEP_CLIPS_GB",
    ),
    "too little memory for a clip": Case(
        check="memory", prepare=measure(free_memory_bytes=100 * 1024**2)
    ),
    "too little memory for a large image": Case(
        check="memory", status=CheckStatus.WARNING, prepare=measure(free_memory_bytes=300 * 1024**2)
    ),
    "paid calls that are forbidden": Case(
        check="paid calls", status=CheckStatus.WARNING, settings={"PAID_CALLS": "forbid"}
    ),
    "a bot that will start paused": Case(
        check="pause", status=CheckStatus.WARNING, settings={"PAUSED": "true"}
    ),
}
LEGAL_CHECKS = frozenset({"Terms of Service URL", "Privacy Policy URL"})
"""They depend on PUBLIC_URL, which the cases below change."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_each_problem_is_named(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    for name, value in (case.settings or {}).items():
        monkeypatch.setenv(name, value)
    if case.prepare is not None:
        await case.prepare(installation)
    assert_named(await installation.examine(), case)


def assert_named(findings: list[Finding], case: Case) -> None:
    """Check that the problem's line is there with a cure, and that no other line is disturbed."""
    problems = list_problems(findings)
    assert case.check in problems, format_text(findings)
    problem = problems[case.check]
    assert problem.status is case.status
    assert case.words in problem.message
    assert problem.cure
    if case.reason is not None:
        assert problem.reason == case.reason
    assert problems.keys() - case.also == {case.check} - case.also, format_text(findings)


async def test_an_address_without_the_web_server_is_a_failure_only_while_the_bot_runs(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first start there is nothing to reach yet."""
    monkeypatch.setenv("PUBLIC_URL", NOBODY)
    problem = list_problems(await installation.examine())["PUBLIC_URL"]
    assert problem.status is CheckStatus.WARNING
    get_heartbeat_file(installation.data_dir).touch()
    problem = list_problems(await installation.examine())["PUBLIC_URL"]
    assert problem.status is CheckStatus.FAILED
    assert problem.cure


async def test_an_address_with_another_program_is_a_failure(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", installation.sandbox.base)
    case = Case(check="PUBLIC_URL", reason="404", also=LEGAL_CHECKS)
    assert_named(await installation.examine(), case)


async def test_an_address_that_leads_on_is_a_failure(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {"path": "/healthz", "status": 308, "headers": {"Location": "https://www.example/"}}
    await installation.control.fault("discord", times=None, **order)
    monkeypatch.setenv("PUBLIC_URL", installation.sandbox.base)
    case = Case(check="PUBLIC_URL", reason="308", words="www.example", also=LEGAL_CHECKS)
    assert_named(await installation.examine(), case)


@pytest.mark.parametrize(
    ("server", "settings", "words"),
    [
        ("alone", {}, "TRUSTED_PROXIES"),
        ("trusting, and the proxy is silent", {"TRUSTED_PROXIES": "127.0.0.1"}, "does not arrive"),
        ("alone, and the proxy is silent", {"TRUSTED_PROXIES": "127.0.0.1"}, "does not arrive"),
        ("trusting", {"TRUSTED_PROXIES": "127.0.0.1"}, None),
    ],
)
async def test_a_proxy_must_say_who_visits_and_be_trusted(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    server: str,
    settings: dict[str, str],
    words: str | None,
) -> None:
    monkeypatch.setenv("PUBLIC_URL", installation.proxied_urls[server])
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    findings = {each.check: each for each in await installation.examine()}
    assert findings["PUBLIC_URL"].status is CheckStatus.OK
    proxy = findings["proxy"]
    assert proxy.status is (CheckStatus.OK if words is None else CheckStatus.WARNING)
    assert (words or "") in proxy.message


@pytest.mark.parametrize(
    ("prepare", "changes", "reason"),
    [
        (None, {}, None),
        (spoil_credentials, {"GOOGLE_APPLICATION_CREDENTIALS": "broken.json"}, "Credentials"),
        (
            break_server(
                "google",
                path="/google-oauth/token",
                status=400,
                body={"error": "invalid_grant", "error_description": "Invalid JWT Signature."},
            ),
            {},
            "invalid_grant",
        ),
    ],
    ids=["accepted", "unreadable", "refused"],
)
async def test_the_credentials_of_a_project_are_checked(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Installation], Awaitable[object]] | None,
    changes: dict[str, str],
    reason: str | None,
) -> None:
    if prepare is not None:
        await prepare(installation)
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.chdir(installation.data_dir)
    for name, value in (use_vertex(installation) | changes).items():
        monkeypatch.setenv(name, value)
    findings = {each.check: each for each in await installation.examine()}
    vertex = findings["vertex"]
    if reason is None:
        assert vertex.status is CheckStatus.OK
        assert findings["clock against Google"].status is CheckStatus.OK
        return
    assert vertex.status is CheckStatus.FAILED
    assert reason in (vertex.reason or "")
    assert vertex.cure


@pytest.mark.parametrize("token", [None, WRONG_TOKEN], ids=["accepted", "refused"])
async def test_the_program_prints_the_findings_and_its_status_says_whether_one_failed(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    token: str | None,
) -> None:
    """It measures this machine, which may have little disk or memory."""
    if token is not None:
        monkeypatch.setenv("DISCORD_TOKEN", token)
    try:
        status = await asyncio.to_thread(main, ["doctor", "--json"])
        printed = capsys.readouterr()
        text_status = await asyncio.to_thread(main, ["doctor"])
    finally:
        structlog.reset_defaults()
    assert printed.err == ""
    report = json.loads(printed.out)
    checks = {check["check"]: check for check in report["checks"]}
    assert checks["token"]["ok"] is (token is None)
    assert report["ok"] is all(check["ok"] for check in report["checks"])
    assert status == (0 if report["ok"] else 1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(checks)
    statuses = {line.split()[0] for line in lines}
    assert statuses <= set(CheckStatus)
    assert text_status == (1 if "failed" in statuses else 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DISCORD_TOKEN", ""),
        ("PUBLIC_URL", "clips.example"),
        ("MODELS_FILE", "gone.toml"),
        ("WORD_LIST_FILE", "gone.txt"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "gone.json"),
        ("C2PA_KEY", "key-without-certificate.pem"),
        ("MODERATE_RESULTS", "true"),
    ],
)
async def test_a_setting_with_which_no_check_is_possible_is_one_line_and_status_2(
    installation: Installation,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    try:
        status = await asyncio.to_thread(main, ["doctor"])
    finally:
        structlog.reset_defaults()
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert len(printed.err.splitlines()) == 1
    assert name in printed.err
