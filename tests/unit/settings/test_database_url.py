"""A malformed ``DATABASE_URL`` is refused in one line, before anything is opened."""

import re
from pathlib import Path

import pytest

from bot.config.settings import read_settings
from bot.store.engine.database_url import read_database_url

POSTGRES = "postgresql+asyncpg://me:hunter22@"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        *(
            pytest.param(POSTGRES + rest, "must look like postgresql+asyncpg://USER", id=rest)
            for rest in (
                *("one,/db", "one:x,two/db", "one:1:2,two/db"),
                *("/db?host=a,b:x", "/db?host=a:1,b:2", "/db?host=a&host=b"),
                *("/db?host=a:1&host=b:y", "/db?host=a,b&port=1,2,3", "/db?host=a,b&port=x"),
                *("h:x/db", "h:/db", "[::1/db", "my host/db", "h/db?port=x"),
                "h/db?prepared_statement_cache_size=x",
            )
        ),
        (POSTGRES + "h:99999/db", "a port must be between 1 and 65535"),
        (POSTGRES + "a:1,b:70000/db", "a port must be between 1 and 65535"),
        (POSTGRES + "h/db?sslmode=perhaps", "its parameter ssl must be one of disable"),
        (POSTGRES + "h/db?ssl=require&sslmode=disable", "unknown parameter sslmode: use"),
        (POSTGRES + "h/db?ssl=perhaps", "its parameter ssl must be one of disable"),
        (POSTGRES + "h/db?target_session_attrs=bad", "target_session_attrs must be one of any"),
        ("sqlite+aiosqlite://h/db", "must look like sqlite+aiosqlite:///PATH"),
        ("sqlite+aiosqlite:///", "must look like sqlite+aiosqlite:///PATH"),
        ("sqlite+aiosqlite:///:memory:", "must look like sqlite+aiosqlite:///PATH"),
        ("sqlite+aiosqlite:///a?timeout=soon", "must look like sqlite+aiosqlite:///PATH"),
        ("sqlite+aiosqlite:///a?nonsense=1", "unknown parameter nonsense: use"),
        ("mysql://me:hunter22@h/db", "must begin with sqlite+aiosqlite:// or postgresql"),
    ],
)
def test_a_malformed_url_is_one_line_without_the_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read_database_url(url)
    line = str(caught.value)
    assert "\n" not in line
    assert "hunter22" not in line


@pytest.mark.parametrize(
    "url",
    [
        POSTGRES + "h/db",
        POSTGRES + "one:1,two/db?ssl=verify-full",
        POSTGRES + "/db?host=a:1&host=b:2",
        POSTGRES + "/db?host=a,b&port=1,2&target_session_attrs=primary",
        "postgresql+asyncpg:///db?host=/var/run/postgresql",
        "sqlite+aiosqlite:///var/clapper.db?timeout=5",
        "sqlite+aiosqlite:///file:var/clapper.db?uri=true&cache=private",
    ],
)
def test_a_well_formed_url_keeps_what_it_says(url: str) -> None:
    parsed = read_database_url(url)
    assert read_database_url(parsed.render_as_string(hide_password=False)) == parsed


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
@pytest.mark.parametrize("name", ["ssl", "sslmode"])
def test_what_hosts_write_is_understood(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheme: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)  # without a developer's .env
    monkeypatch.setenv("DISCORD_TOKEN", "token")
    monkeypatch.setenv("GEMINI_API_KEY", "key")
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://me:hunter22@h:6543/db?{name}=require")
    url = read_settings().resolved_database_url
    assert read_database_url(url) == read_database_url(POSTGRES + "h:6543/db?ssl=require")
