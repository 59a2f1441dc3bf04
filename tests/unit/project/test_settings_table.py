"""The table in docs/settings.md and .env.example tell what bot/config/settings.py declares."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from bot.config.setting_types import NONE_IS_UNLIMITED
from bot.config.settings import Settings, describe_setting

BEGIN, END = re.compile(r"<!-- settings:.*-->\n"), "<!-- /settings -->"
UNITS = {
    "days": "days",
    "s": "seconds",
    "seconds": "seconds",
    "gb": "gigabytes",
    "usd": "US dollars",
}
"""The unit that a description names, by a part of the setting's name."""


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


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_described_in_one_sentence(name: str) -> None:
    """With its unit, and with what `none` means where that is a value."""
    description = describe_setting(name)
    assert description.endswith(".")
    assert not re.search(r"\. [A-Z]", description)
    assert len(description) < 200
    for part, unit in UNITS.items():
        assert not re.search(rf"_{part}(_|$)", name) or unit.lower() in description.lower()
    if NONE_IS_UNLIMITED in Settings.model_fields[name].metadata:
        assert re.search(r"\((unset or )?none: [a-z ]+\)", description)


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
