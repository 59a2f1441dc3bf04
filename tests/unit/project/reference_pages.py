"""``make reference``: generates the pages that come from the code."""

import re
import sys
import textwrap
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, Final

from bot.cli.main import SUBCOMMANDS, main
from bot.cli.models_document import render_catalog
from bot.config.model_catalog import load_catalog
from bot.config.settings import Settings, describe_setting
from tests.unit.project.sandbox_api_page import render_sandbox_api

_SETTINGS_TABLE: Final = re.compile(
    r"(?<=-->\n)\| setting \|.*?(?=<!-- /settings -->)", re.MULTILINE | re.DOTALL
)
_EXAMPLE: Final = re.compile(r"(?:^# (?!---).*\n)+(?=#?([A-Z][A-Z0-9_]+)=)", re.MULTILINE)
_EXAMPLE_WIDTH: Final = 96
_COMMAND_LINE: Final = """\
# The command line

What `clapper --help` and each command's `--help` say. In a checkout the program is
`.venv/bin/clapper`; [with Docker](operations.md#with-docker) it is
`docker compose exec bot clapper`.
"""


def render_pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield each page with its expected content."""
    docs, example = root / "docs", root / ".env.example"
    settings = docs / "settings.md"
    yield docs / "command-line.md", _render_command_line()
    yield docs / "models.md", render_catalog(load_catalog())
    table = _render_settings()
    yield docs / "sandbox-api.md", render_sandbox_api(root)
    yield settings, _SETTINGS_TABLE.sub(lambda _: table, settings.read_text("utf-8"))
    yield example, _EXAMPLE.sub(_render_comment, example.read_text("utf-8"))


def read_help(subcommand: str = "") -> str:
    """Return what ``clapper SUBCOMMAND --help`` prints."""
    printed = StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        main([*subcommand.split(), "--help"])
    return printed.getvalue()


def _render_command_line() -> str:
    sections = [
        f"## {f'clapper {name}'.strip()}\n\n```text\n{read_help(name)}```\n"
        for name in ("", *SUBCOMMANDS)
    ]
    return "\n".join([_COMMAND_LINE, *sections])


def _render_settings() -> str:
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "**required**" if field.is_required() else _format_default(field.default)
        about = describe_setting(name).replace("|", "\\|")
        lines.append(f"| `{name.upper()}` | {default} | {about} |")
    return "\n".join(lines) + "\n"


def _format_default(default: Any) -> str:
    if default is None or default == "":
        return "unset"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float | Decimal):
        return f"`{default:g}`"
    return f"`{default}`"


def _render_comment(match: re.Match[str]) -> str:
    lines = textwrap.wrap(
        describe_setting(match[1].lower()),
        _EXAMPLE_WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path, content in render_pages(Path(sys.argv[1])):
        path.write_text(content, "utf-8")
