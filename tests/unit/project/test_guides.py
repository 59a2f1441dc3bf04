"""docs/guide.md and docs/admin.md quote the messages that the bot really sends."""

import re
from pathlib import Path
from typing import Final

import pytest

from bot.i18n.catalogs import translate
from tests.harness.texts import quote_text
from tests.translations.quotes import (
    compose_text,
    list_labels,
    rewrite_documents,
    rewrite_labels,
    rewrite_quotes,
)
from tests.unit.project.test_commands import registered

GUIDES: Final = ("guide.md", "admin.md")
_KEYED: Final = re.compile(r"> .+ <!-- text: .+ -->")


def test_documents_quote_what_the_bot_says(root: Path) -> None:
    """Otherwise run `make messages`."""
    documents = dict(rewrite_documents(root))
    assert {root / "docs" / name for name in GUIDES} <= documents.keys()
    for path, content in documents.items():
        assert path.read_text("utf-8") == content, f"{path.name}: run make messages"


@pytest.mark.parametrize("name", GUIDES)
def test_every_quote_of_a_guide_names_its_text(root: Path, name: str) -> None:
    page = (root / "docs" / name).read_text("utf-8")
    quotes = [line for line in page.splitlines() if line.startswith("> ")]
    assert len(quotes) > 7
    assert [line for line in quotes if not _KEYED.fullmatch(line)] == []


def test_every_failure_that_the_guide_explains_names_its_text(root: Path) -> None:
    page = (root / "docs" / "guide.md").read_text("utf-8")
    table = page.partition("| message |")[2].partition("\n\n")[0]
    failures = [line for line in table.splitlines() if line.startswith('| "')]
    assert len(failures) > 4
    assert [line for line in failures if '" <!-- text: ' not in line] == []


def test_a_quote_follows_its_text() -> None:
    page = '> Old. <!-- text: get.done clip=12 -->\n\n| "Old." <!-- text: server.paused --> | x |'
    quote, _, cell = rewrite_quotes(page).splitlines()
    assert quote == f"> {translate('get.done', clip=12)} <!-- text: get.done clip=12 -->"
    assert cell == f'| "{translate("server.paused")}" <!-- text: server.paused --> | x |'
    assert rewrite_quotes(f"{quote}\n\n{cell}") == f"{quote}\n\n{cell}"


def test_a_quote_can_be_made_of_several_texts_and_values() -> None:
    said = compose_text('card.by member="{people.nobody} {limit.clips_per_day:2}" + server.resumed')
    member = f"{translate('people.nobody')} {translate('limit.clips_per_day', count=2)}"
    assert said == f"{translate('card.by', member=member)} {translate('server.resumed')}"
    assert compose_text("get.done") == translate("get.done", clip="…")
    with pytest.raises(KeyError):
        compose_text("no.such.text")


def test_a_label_follows_its_text_wherever_it_stands() -> None:
    page = "Press *Old* or **Old**, not Old.\n\n<!-- labels\n*Old*: button.redo\n-->\n"
    label = quote_text("button.redo")
    written = rewrite_labels(page)
    assert written.startswith(f"Press *{label}* or **{label}**, not Old.\n")
    assert list_labels(written) == [(label, "button.redo")]


def test_the_guides_explain_every_command(root: Path) -> None:
    pages = {name: (root / "docs" / name).read_text("utf-8") for name in GUIDES}
    missing = {
        name
        for name in registered()
        if f"`/{name}`" not in pages["admin.md" if name.startswith("server ") else "guide.md"]
    }
    assert missing == set()
