"""Every setting is documented and in .env.example."""

import re
from pathlib import Path

import pytest

from bot.config.setting_types import NONE_IS_UNLIMITED
from bot.config.settings import Settings, describe_setting

UNITS = {
    "days": "days",
    "s": "seconds",
    "seconds": "seconds",
    "gb": "gigabytes",
    "usd": "US dollars",
}
"""The unit that a description names, by a part of the setting's name."""


def test_the_example_has_each_setting_with_its_default(root: Path) -> None:
    text = (root / ".env.example").read_text("utf-8")
    lines = dict(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))
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
