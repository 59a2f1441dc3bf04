"""Settings: read from the environment, refused in one line, documented where people look."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from bot.config.settings import Settings, SettingsError, read_settings
from bot.domain.jobs.request import OperatorRegion

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)  # no .env of the developer's


@pytest.fixture
def least(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("DISCORD_TOKEN", "a-token-for-nothing")
    monkeypatch.setenv("GEMINI_API_KEY", "a-key-for-nothing")
    return monkeypatch


def test_minimal_settings_use_safe_defaults(least: pytest.MonkeyPatch) -> None:
    settings = read_settings()
    assert settings.resolved_database_url == "sqlite+aiosqlite:///var/clapper.db"
    assert settings.poll_interval_s == 10
    assert settings.paid_calls == "allow"
    assert settings.policy.member.usd_per_day == 4_000_000
    assert settings.policy.bot.usd_per_month is not None
    assert settings.google_region is OperatorRegion.ELSEWHERE


def test_a_file_is_read_and_the_environment_wins(least: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("WEB_PORT=1234\nLOG_FORMAT=json\nUNRELATED=1\n", encoding="utf-8")
    least.setenv("LOG_FORMAT", "console")
    settings = read_settings()
    assert (settings.web_port, settings.log_format) == (1234, "console")


def test_a_blank_setting_is_its_default_and_none_lifts_a_limit(least: pytest.MonkeyPatch) -> None:
    least.setenv("DATA_DIR", "")
    least.setenv("DEFAULT_MEMBER_CLIPS_PER_DAY", "none")
    least.setenv("DEFAULT_MEMBER_USD_PER_DAY", "0.0125")
    settings = read_settings()
    assert settings.data_dir == Path("var")
    assert settings.default_member_usd_per_day == Decimal("0.0125")
    assert settings.policy.member.clips_per_day is None
    assert settings.policy.member.usd_per_day == 12_500


def test_what_is_pasted_with_blanks_or_in_another_case_is_understood(
    least: pytest.MonkeyPatch,
) -> None:
    least.setenv("DISCORD_TOKEN", " a.token\n")
    least.setenv("GEMINI_API_KEY", "a-key\r\n")
    least.setenv("LOG_LEVEL", "debug")
    least.setenv("GOOGLE_REGION", "EU")
    settings = read_settings()
    assert settings.secret_values == ("a.token", "a-key")
    assert (settings.log_level, settings.google_region) == ("DEBUG", OperatorRegion.EU)


def test_shards_are_a_list(least: pytest.MonkeyPatch) -> None:
    least.setenv("SHARD_COUNT", "4")
    least.setenv("SHARD_IDS", "0, 2")
    assert read_settings().shard_ids == (0, 2)


@pytest.mark.parametrize(
    ("name", "value", "words"),
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
        ("DEFAULT_MEMBER_CLIPS_PER_DAY", "-1", "DEFAULT_MEMBER_CLIPS_PER_DAY is malformed"),
        ("BOT_USD_PER_MONTH", "lots", "BOT_USD_PER_MONTH is malformed"),
        ("PAUSED", "perhaps", "PAUSED is malformed"),
    ],
)
def test_invalid_setting_is_named_in_one_line(
    least: pytest.MonkeyPatch, name: str, value: str | None, words: str
) -> None:
    if value is None:
        least.delenv(name)
    else:
        least.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    said = str(refused.value)
    assert words in said
    assert "\n" not in said
    assert value is None or len(value) < 3 or value not in said


def test_a_secret_is_printed_nowhere(least: pytest.MonkeyPatch) -> None:
    least.setenv("DATABASE_URL", "postgresql+asyncpg://clapper:hunter22@db/clapper")
    settings = read_settings()
    printed = repr(settings) + str(settings) + settings.model_dump_json()
    for secret in ("a-token-for-nothing", "a-key-for-nothing", "hunter22"):
        assert secret not in printed
    assert settings.resolved_database_url.endswith("hunter22@db/clapper")
    assert settings.secret_values == ("a-token-for-nothing", "a-key-for-nothing")


def test_every_setting_is_in_the_example_and_nothing_else_is() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, flags=re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_says_of_each_setting_what_the_code_says() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    words = " ".join(re.sub(r"^# ?", "", text, flags=re.MULTILINE).split())
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert " ".join(field.description.split()) in words, name


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
