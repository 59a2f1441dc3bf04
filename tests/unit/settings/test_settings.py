"""Settings are read from the environment and `.env`, documented, and rejected with one line."""

import re
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest

from bot.config.renamed_settings import RENAMED_SETTINGS, SettingsError
from bot.config.settings import Settings, read_settings
from bot.domain.jobs.request import OperatorRegion
from bot.domain.places import PlacePolicy

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*Settings.model_fields, *RENAMED_SETTINGS):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)  # away from the developer's .env


@pytest.fixture
def required_settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("DISCORD_TOKEN", "a-token-for-nothing")
    monkeypatch.setenv("GEMINI_API_KEY", "a-key-for-nothing")
    return monkeypatch


def test_minimal_settings_use_safe_defaults(required_settings: pytest.MonkeyPatch) -> None:
    settings = read_settings()
    assert settings.resolved_database_url == "sqlite+aiosqlite:///var/clapper.db"
    assert settings.poll_interval_s == 10
    assert settings.paid_calls == "allow"
    assert settings.policy.member.usd_per_day == 4_000_000
    assert settings.policy.bot.usd_per_month is not None
    assert settings.google_region is OperatorRegion.ELSEWHERE


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, PlacePolicy()),
        ({"ALLOWED_SERVERS": " "}, PlacePolicy()),
        (
            {"ALLOWED_SERVERS": "123456789012345678, 223456789012345678"},
            PlacePolicy(frozenset({123456789012345678, 223456789012345678}), False, False),
        ),
        (
            {"ALLOWED_SERVERS": "123456789012345678", "ALLOW_DIRECT_MESSAGES": "true"},
            PlacePolicy(frozenset({123456789012345678}), True, False),
        ),
        ({"ALLOW_DIRECT_MESSAGES": "false"}, PlacePolicy(None, False, True)),
        ({"ALLOW_USER_INSTALL": "false"}, PlacePolicy(None, True, False)),
    ],
)
def test_a_list_of_servers_closes_the_other_doors(
    required_settings: pytest.MonkeyPatch, values: dict[str, str], expected: PlacePolicy
) -> None:
    """Without a list any server is allowed; with one, only those. [people-O3]"""
    for name, value in values.items():
        required_settings.setenv(name, value)
    assert read_settings().place_policy == expected


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GOOGLE_APPLICATION_CREDENTIALS", "/no/such.json", "the path of a file that exists"),
        ("GOOGLE_APPLICATION_CREDENTIALS", '{"type": "' + "x" * 300, "the path of a file"),
        ("GOOGLE_OUTPUT_URI", "bucket/x", "must look like gs://BUCKET/FOLDER"),
        ("MEDIA_URL", "bucket/x", "must look like s3://BUCKET/FOLDER"),
        ("MEDIA_URL", "s3://", "must look like s3://BUCKET/FOLDER"),
        ("MEDIA_URL", "https://bucket.example/x", "must look like s3://BUCKET/FOLDER"),
        ("MEDIA_URL", "file://relative", "file:///FOLDER"),
        ("PUBLIC_URL", "https://", "must be a URL that begins with https:// or http://"),
        ("PUBLIC_URL", "https:///clips", "must look like https://HOST"),
        ("PUBLIC_URL", "https://clips.example?page=1", "without ? and #"),
        ("PUBLIC_URL", "https://my clips.example", "must look like https://HOST"),
        ("GEMINI_API_URL", "http://[::1", "must look like http://HOST or http://HOST:PORT"),
        ("VERTEX_API_URL", "http://127.0.0.1:port", "must look like http://HOST"),
        ("AWS_ENDPOINT_URL", "http://minio:90000", "must look like http://HOST"),
        ("DISCORD_API_URL", "https://discord..example", "must look like https://HOST"),
        ("DISCORD_GATEWAY_URL", "wss://:443", "must look like wss://HOST"),
        ("DEFAULT_MEMBER_CLIPS_PER_DAY", "unlimited", "must be a whole number, or none"),
        ("DEFAULT_MEMBER_USD_PER_DAY", "$4", "in dollars without a sign, e.g. 4 or 4.50, or none"),
        ("DEFAULT_MEMBER_USD_PER_DAY", "4,50", "e.g. 4 or 4.50, or none"),
        ("BOT_USD_PER_DAY", "-1", "must be 0 or more, or none"),
        ("WEB_PORT", "http", "must be a whole number"),
        ("PAUSED", "perhaps", "must be true or false"),
        ("POLL_INTERVAL_S", "soon", "must be a number"),
        ("POLL_INTERVAL_S", "0", "must be more than 0. Seconds"),
        ("LOG_FORMAT", "xml", "must be 'console' or 'json'"),
        ("ALLOWED_SERVERS", "my server", "must be server IDs, separated by commas"),
        ("ALLOWED_SERVERS", "12", "Copy Server ID"),
    ],
)
def test_a_malformed_setting_says_in_plain_words_what_it_may_be(
    required_settings: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    """[people-O6]"""
    required_settings.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{name} is malformed: it ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "https://clips.example/gallery/"),
        ("PUBLIC_URL", "http://bücher.example"),
        ("AWS_ENDPOINT_URL", "http://[::1]:9000"),
        ("GEMINI_API_URL", "http://me:secret@gateway_1:80"),
        ("DISCORD_GATEWAY_URL", "ws://127.0.0.1:8080/gateway?v=10"),
    ],
)
def test_a_complete_address_is_accepted(
    required_settings: pytest.MonkeyPatch, name: str, value: str
) -> None:
    required_settings.setenv(name, value)
    assert getattr(read_settings(), name.lower()) == value.rstrip("/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOT_IN_FLIGHT", "0"),
        ("MAX_CONCURRENT_JOBS", "0"),
        ("BOT_JOBS_AT_ONCE", "0"),
        ("MODEL_REQUESTS_PER_MINUTE", "0"),
        ("MODEL_REQUESTS_PER_DAY", "0"),
        ("POLL_INTERVAL_S", "inf"),
        ("POLL_INTERVAL_S", "900"),
        ("JOB_TIME_LIMIT_S", "1e30"),
        ("LEASE_S", "nan"),
        ("LINK_LIFETIME_DAYS", "inf"),
    ],
)
def test_a_value_with_which_all_would_wait_for_ever_is_refused(
    required_settings: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """[people-O7]"""
    required_settings.setenv(name, value)
    with pytest.raises(SettingsError):
        read_settings()


def test_a_misspelled_setting_is_reported_with_the_right_name(
    required_settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelled limit has no effect. [people-O7]"""
    lines = ["DEFAULT_MEMBER_CLIP_PER_DAY=5", "DISCORD_TOKN=x", "POSTGRES_PASSWORD=y", "OTHER=1"]
    Path(".env").write_text("\n".join(lines), encoding="utf-8")
    required_settings.setenv("BOT_USD_A_DAY", "5")
    required_settings.setenv("LOG_LEVL", "INFO")
    required_settings.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "of Google's own libraries")
    read_settings()
    warnings = capsys.readouterr().err.splitlines()
    assert sorted(line.split()[5].strip(";") for line in warnings) == [
        "BOT_USD_A_DAY",
        "DEFAULT_MEMBER_CLIP_PER_DAY",
        "DISCORD_TOKN",
        "LOG_LEVL",
    ]
    assert any("Did you mean DEFAULT_MEMBER_CLIPS_PER_DAY?" in line for line in warnings)
    assert any("Did you mean BOT_USD_PER_DAY?" in line for line in warnings)


@pytest.mark.parametrize("keys", ["a", "short,long-enough-for-a-key", "long-enough-for-a-key,b"])
def test_keys_that_could_be_guessed_are_refused(
    required_settings: pytest.MonkeyPatch, keys: str
) -> None:
    """[web-W23]"""
    required_settings.setenv("LINK_KEYS", keys)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert "16 characters or more" in str(caught.value)
    assert len(keys) < 3 or keys not in str(caught.value)


def test_a_file_is_read_and_the_environment_wins(required_settings: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("WEB_PORT=1234\nLOG_FORMAT=json\nUNRELATED=1\n", encoding="utf-8")
    required_settings.setenv("LOG_FORMAT", "console")
    settings = read_settings()
    assert (settings.web_port, settings.log_format) == (1234, "console")


def test_a_blank_setting_is_its_default_and_none_lifts_a_limit(
    required_settings: pytest.MonkeyPatch,
) -> None:
    required_settings.setenv("DATA_DIR", "")
    required_settings.setenv("DEFAULT_MEMBER_CLIPS_PER_DAY", "none")
    required_settings.setenv("DEFAULT_MEMBER_USD_PER_DAY", "0.0125")
    settings = read_settings()
    assert settings.data_dir == Path("var")
    assert settings.default_member_usd_per_day == Decimal("0.0125")
    assert settings.policy.member.clips_per_day is None
    assert settings.policy.member.usd_per_day == 12_500


def test_pasted_whitespace_and_letter_case_are_ignored(
    required_settings: pytest.MonkeyPatch,
) -> None:
    required_settings.setenv("DISCORD_TOKEN", " a.token\n")
    required_settings.setenv("GEMINI_API_KEY", "a-key\r\n")
    required_settings.setenv("LOG_LEVEL", "debug")
    required_settings.setenv("GOOGLE_REGION", "EU")
    settings = read_settings()
    assert settings.secret_values == ("a.token", "a-key")
    assert (settings.log_level, settings.google_region) == ("DEBUG", OperatorRegion.EU)


def test_where_alerts_are_sent_is_no_secret_in_the_log(
    required_settings: pytest.MonkeyPatch,
) -> None:
    url, secret = "https://alerts.example/key?team=bots", "whsec_" + 32 * "A"
    required_settings.setenv("ALERT_CHANNEL", " 123456789012345678 ")
    required_settings.setenv("ALERT_URL", url)
    required_settings.setenv("ALERT_SECRET", secret)
    settings = read_settings()
    assert settings.alert_channel == 123456789012345678
    assert {url, secret} <= set(settings.secret_values)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ALERT_CHANNEL", "#alerts", "Copy Channel ID"),
        ("ALERT_URL", "alerts.example", "https://"),
        ("ALERT_SECRET", "whsec_c2hvcnQ=", "24 to 64 bytes"),
        ("ALERT_SECRET", "not in base64, but long enough to be", "24 to 64 bytes"),
    ],
)
def test_a_malformed_setting_of_alerts_is_named_and_a_secret_is_not_shown(
    required_settings: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    required_settings.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert name in str(caught.value)
    assert message in str(caught.value)
    assert name != "ALERT_SECRET" or value not in str(caught.value)


def test_shards_are_a_list(required_settings: pytest.MonkeyPatch) -> None:
    required_settings.setenv("SHARD_COUNT", "4")
    required_settings.setenv("SHARD_IDS", "0, 2")
    assert read_settings().shard_ids == (0, 2)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DISCORD_TOKEN", None, "DISCORD_TOKEN is missing"),
        ("DISCORD_TOKEN", "  ", "DISCORD_TOKEN is missing"),
        ("DISCORD_TOKEN", "to\nken", "DISCORD_TOKEN is malformed"),
        ("DISCORD_TOKEN", "Bot to.ke.n", "DISCORD_TOKEN is malformed"),
        ("GEMINI_API_KEY", "ke\r\ny", "GEMINI_API_KEY is malformed"),
        ("GEMINI_API_KEY", " ", "GEMINI_API_KEY or GOOGLE_CLOUD_PROJECT must be set"),
        ("GEMINI_API_KEY", None, "GEMINI_API_KEY or GOOGLE_CLOUD_PROJECT must be set"),
        ("POLL_INTERVAL_S", "soon", "POLL_INTERVAL_S is malformed"),
        ("POLL_INTERVAL_S", "-1", "POLL_INTERVAL_S is malformed"),
        ("WEB_PORT", "99999", "WEB_PORT is malformed"),
        ("DATABASE_URL", "mysql://root:hunter22@db/x", "DATABASE_URL is malformed"),
        ("DISCORD_API_URL", "discord.example", "DISCORD_API_URL is malformed"),
        ("DISCORD_GATEWAY_URL", "http://discord.example", "DISCORD_GATEWAY_URL is malformed"),
        ("GOOGLE_REGION", "mars", "GOOGLE_REGION is malformed"),
        ("GOOGLE_OUTPUT_URI", "s3://bucket", "GOOGLE_OUTPUT_URI is malformed"),
        ("PAID_CALLS", "maybe", "PAID_CALLS is malformed"),
        ("SHARD_IDS", "0,one", "SHARD_IDS is malformed"),
        ("SHARD_IDS", "0", "SHARD_COUNT must be set"),
        ("AWS_ACCESS_KEY_ID", "AKIA", "AWS_SECRET_ACCESS_KEY must both be set"),
        ("DEFAULT_MEMBER_CLIPS_PER_DAY", "-1", "DEFAULT_MEMBER_CLIPS_PER_DAY is malformed"),
        ("BOT_USD_PER_MONTH", "lots", "BOT_USD_PER_MONTH is malformed"),
        ("PAUSED", "perhaps", "PAUSED is malformed"),
    ],
)
def test_invalid_setting_is_named_in_one_line(
    required_settings: pytest.MonkeyPatch, name: str, value: str | None, message: str
) -> None:
    if value is None:
        required_settings.delenv(name)
    else:
        required_settings.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    line = str(caught.value)
    assert message in line
    assert "\n" not in line
    assert value is None or len(value) < 3 or value not in line


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "GEMINI_WEBHOOKS needs PUBLIC_URL"),
        ({"PUBLIC_URL": "http://clips.example"}, "with https"),
        (
            {"PUBLIC_URL": "https://clips.example", "GEMINI_API_KEY": ""},
            "GEMINI_WEBHOOKS needs GEMINI_API_KEY",
        ),
        ({"PUBLIC_URL": "https://clips.example"}, None),
        (
            {"PUBLIC_URL": "http://127.0.0.1:1", "GEMINI_API_URL": "http://127.0.0.1:2"},
            None,
        ),
    ],
)
def test_webhooks_need_an_address_that_google_reaches(
    required_settings: pytest.MonkeyPatch, changes: dict[str, str], message: str | None
) -> None:
    values = {"GEMINI_WEBHOOKS": "on", "GOOGLE_CLOUD_PROJECT": "project"} | changes
    for name, value in values.items():
        required_settings.setenv(name, value)
    if message is None:
        assert read_settings().gemini_webhooks
        return
    with pytest.raises(SettingsError, match=message):
        read_settings()


RENAMED = [
    ("LINK_DAYS", "2.5", "LINK_LIFETIME_DAYS", "link_lifetime_days", 2.5),
    (
        "METRICS_CLIENTS",
        "10.0.0.0/8",
        "METRICS_ALLOWED_NETWORKS",
        "metrics_allowed_networks",
        (ip_network("10.0.0.0/8"),),
    ),
    ("BOT_IN_FLIGHT", "none", "MAX_CONCURRENT_JOBS", "max_concurrent_jobs", None),
    ("GUILD_GRACE_DAYS", "3", "KEEP_LEFT_SERVERS_DAYS", "keep_left_servers_days", 3),
    (
        "UNKNOWN_SETTLEMENT",
        "refund",
        "CHARGE_MEMBER_FOR_UNCONFIRMED_SUBMITS",
        "charge_member_for_unconfirmed_submits",
        False,
    ),
    (
        "UNKNOWN_SETTLEMENT",
        "charge",
        "CHARGE_MEMBER_FOR_UNCONFIRMED_SUBMITS",
        "charge_member_for_unconfirmed_submits",
        True,
    ),
]


def test_each_renamed_setting_has_a_test() -> None:
    assert {old.lower(): field for old, _, _, field, _ in RENAMED} == RENAMED_SETTINGS


@pytest.mark.parametrize("place", ["environment", "file"])
@pytest.mark.parametrize(("old", "value", "new", "field", "expected"), RENAMED)
def test_old_name_is_understood_with_one_warning(
    required_settings: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    old: str,
    value: str,
    new: str,
    field: str,
    expected: object,
) -> None:
    if place == "file":
        Path(".env").write_text(f"{old}={value}\n", encoding="utf-8")
    else:
        required_settings.setenv(old, value)
    assert getattr(read_settings(), field) == expected
    [warning] = capsys.readouterr().err.splitlines()
    assert old in warning
    assert new in warning


@pytest.mark.parametrize(("old", "value", "new"), [case[:3] for case in RENAMED])
def test_old_and_new_name_together_are_refused(
    required_settings: pytest.MonkeyPatch, old: str, value: str, new: str
) -> None:
    Path(".env").write_text(f"{new}=1\n", encoding="utf-8")
    required_settings.setenv(old, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    line = str(caught.value)
    assert old in line
    assert new in line
    assert "\n" not in line


def test_malformed_value_under_an_old_name_is_named(required_settings: pytest.MonkeyPatch) -> None:
    required_settings.setenv("UNKNOWN_SETTLEMENT", "perhaps")
    with pytest.raises(SettingsError, match="CHARGE_MEMBER_FOR_UNCONFIRMED_SUBMITS is malformed"):
        read_settings()


def test_new_names_warn_of_nothing(
    required_settings: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    required_settings.setenv("LINK_LIFETIME_DAYS", "2")
    required_settings.setenv("LINK_DAYS", " ")  # blank: as if it were not set
    assert read_settings().link_lifetime_days == 2
    assert capsys.readouterr().err == ""


def test_a_secret_is_printed_nowhere(required_settings: pytest.MonkeyPatch) -> None:
    required_settings.setenv("DATABASE_URL", "postgresql+asyncpg://clapper:hunter22@db/clapper")
    settings = read_settings()
    printed = repr(settings) + str(settings) + settings.model_dump_json()
    for secret in ("a-token-for-nothing", "a-key-for-nothing", "hunter22"):
        assert secret not in printed
    assert settings.resolved_database_url.endswith("hunter22@db/clapper")
    assert settings.secret_values == ("a-token-for-nothing", "a-key-for-nothing")


def test_every_setting_is_in_the_example_and_nothing_else_is() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, flags=re.MULTILINE)
    assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_describes_each_setting_as_the_code_does() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    comments = " ".join(re.sub(r"^# ?", "", text, flags=re.MULTILINE).split())
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert " ".join(field.description.split()) in comments, name


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", text, flags=re.MULTILINE))
    for name, value in shown.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    monkeypatch.setenv("GEMINI_API_KEY", "x")
    from_example = read_settings()
    for name in shown:
        monkeypatch.delenv(name)
    assert from_example == read_settings(discord_token="x", gemini_api_key="x")
