"""The table in docs/settings.md and .env.example tell what bot/config/settings.py declares."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from bot.config.settings import Settings, describe_setting

BEGIN, END = re.compile(r"<!-- settings:.*-->\n"), "<!-- /settings -->"


def test_the_table_is_complete(root: Path) -> None:
    text = (root / "docs" / "settings.md").read_text("utf-8")
    begin = BEGIN.search(text)
    assert begin is not None
    found = text[begin.end() : text.index(END)]
    wanted = table(Settings.model_fields)
    assert found == wanted, f"put this between the marks in docs/settings.md:\n\n{wanted}"


def test_the_example_has_each_setting_with_its_default(root: Path) -> None:
    text = (root / ".env.example").read_text("utf-8")
    lines = dict(re.findall(r"^#?\s?([A-Z][A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert set(lines) == {name.upper() for name in Settings.model_fields}


def test_each_setting_says_what_it_is() -> None:
    assert all(len(field.description or "") > 10 for field in Settings.model_fields.values())


def table(fields: dict[str, FieldInfo]) -> str:
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in fields.items():
        default = "**required**" if field.is_required() else shown(field.default)
        about = describe_setting(name).replace("|", "\\|")
        lines.append(f"| `{name.upper()}` | {default} | {about} |")
    return "\n".join(lines) + "\n"


def shown(default: Any) -> str:
    if default is None or default == "":
        return "unset"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float | Decimal):
        return f"`{default:g}`"
    return f"`{default}`"
