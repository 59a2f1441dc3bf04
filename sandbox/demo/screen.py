"""The terminal as a small Discord: who said what, the bot's cards and buttons, the clips' pictures.

On a terminal in colour a clip is shown as a strip of its own frames in half blocks, and waiting
shows the status message as the bot edits it. Without a terminal the same is told in plain lines.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from sandbox.demo.film import Facts
from sandbox.demo.letters import render

Json = dict[str, Any]

_PLAIN_WIDTH: Final = 96
_WIDEST: Final = 108
_BUTTONS: Final = {1: "#5865f2", 2: "#4e5058", 3: "#248046", 4: "#da373c", 5: "#4e5058"}
_PEOPLE: Final = ("#eb459e", "#3ba55d", "#faa61a", "#00a8fc")
_BOT: Final = "#5865f2"
_TEXT, _ROW, _BUTTON, _SECTION, _GALLERY, _FILE, _SEPARATOR, _CONTAINER = (
    10,
    1,
    2,
    9,
    12,
    13,
    14,
    17,
)


@dataclass(frozen=True, slots=True)
class Film:
    """A posted clip as the terminal can show it."""

    name: str
    facts: Facts
    stills: tuple[Image.Image, ...]


class Screen:
    """Prints a conversation. ``names`` are people and channels by their ids."""

    def __init__(self, console: Console, names: Mapping[str, str]) -> None:
        self.console = console
        self._names = names
        if not console.is_terminal:
            console.width = _PLAIN_WIDTH
        console.width = min(console.width, _WIDEST)

    def channel(self, name: str, server: str) -> None:
        """Begin: the channel's headline."""
        title = Text.assemble((f" # {name} ", "bold"), (f" {server} ", "dim"))
        self.console.print(Rule(title, style="grey37", characters="─"), "")

    def line(self, words: str, style: str = "dim") -> None:
        """Say something that is not part of the conversation."""
        self.console.print(Text(words, style=style))

    def command(
        self, person: str, name: str, options: Mapping[str, str], picture: Image.Image | None
    ) -> None:
        """Show what a person typed as a command, with the picture they gave."""
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="dim")
        rows.add_column()
        for option, value in options.items():
            rows.add_row(option, value)
        typed = Text.assemble("uses ", (f" /{name} ", "bold white on #3c4270"))
        blocks: list[RenderableType] = [typed, rows]
        if picture is not None and self._colourful:
            blocks.append(_blocks(picture, 30))
        self._say(person, None, blocks)

    def message(self, message: Json, films: Mapping[str, Film] | None = None) -> None:
        """Show a message; ``films`` are its clips by their file names."""
        self.console.print(self._whole(message, films or {}), "")

    @contextmanager
    def waiting(self, for_what: str) -> Iterator["Waiting"]:
        """Show progress while something takes its time."""
        if self.console.is_terminal:
            with Live(console=self.console, transient=True, refresh_per_second=8) as live:
                yield Waiting(self, for_what, live)
        else:
            yield Waiting(self, for_what, None)
            self.line("")

    def summary(self, rows: Sequence[tuple[str, Facts, str]]) -> None:
        """Show what is left: file names, facts and remarks."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
        for heading in ("file", "length", "picture", "sound"):
            table.add_column(heading, no_wrap=True)
        table.add_column("")  # in a narrow terminal the remark is what gives way
        for name, facts, remark in rows:
            picture = f"{facts.width}×{facts.height}, {facts.fps:g} fps"
            sound = "yes" if facts.has_audio else "no"
            table.add_row(name, f"{facts.seconds:g} s", picture, sound, remark)
        self.console.print(table)

    @property
    def _colourful(self) -> bool:
        return self.console.is_terminal and self.console.color_system in {"256", "truecolor"}

    def _say(self, author: str, at: str | None, blocks: Sequence[RenderableType]) -> None:
        self.console.print(self._bubble(author, False, at, blocks), "")

    def _whole(self, message: Json, films: Mapping[str, Film]) -> RenderableType:
        author = message["author"]
        blocks: list[RenderableType] = []
        if int(message.get("flags", 0)) & 64:
            blocks.append(Text("only visible to the person who asked", style="dim italic"))
        if message.get("content"):
            blocks.append(render(message["content"], self._names))
        for embed in message.get("embeds", []):
            blocks.extend(self._embed(embed))
        # what a component shows stands where that component is, and nowhere else
        left = [file["filename"] for file in message.get("attachments", [])]
        blocks.extend(self._components(message.get("components", []), films, left))
        blocks.extend(self._file(name, films) for name in left)
        name = author.get("global_name") or author["username"]
        return self._bubble(
            name,
            bool(author.get("bot")),
            message.get("timestamp"),
            blocks,
            reply_to=message.get("referenced_message"),
            edited=bool(message.get("edited_timestamp")),
        )

    def _bubble(
        self,
        name: str,
        is_bot: bool,
        at: str | None,
        blocks: Sequence[RenderableType],
        *,
        reply_to: Json | None = None,
        edited: bool = False,
    ) -> RenderableType:
        color = _BOT if is_bot else _PEOPLE[sum(name.encode()) % len(_PEOPLE)]
        head = Text.assemble((name, f"bold {color}"))
        if is_bot:
            head.append(" ")
            head.append(" APP ", style=f"white on {_BOT}")
        moment = datetime.now() if at is None else datetime.fromisoformat(at).astimezone()  # noqa: DTZ005 (the person's own clock)
        head.append(f"  {moment:%H:%M}", style="dim")
        if edited:
            head.append("  (edited)", style="dim")
        body: list[RenderableType] = [head, *blocks]
        if reply_to is not None:
            body.insert(0, self._reply_line(reply_to))
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=3)
        grid.add_column(ratio=1)
        avatar = Text(f" {name[:1].upper()} ", style=f"bold white on {color}")
        grid.add_row(Group("", avatar) if reply_to is not None else avatar, Group(*body))
        return Padding(grid, (0, 0, 0, 1))

    def _reply_line(self, message: Json) -> Text:
        author = message["author"]
        name = author.get("global_name") or author["username"]
        words = " ".join(render(_first_words(message), self._names).plain.split())
        line = Text.assemble(("╭─ ", "grey50"), (f"@{name} ", "bold dim"), (words, "dim"))
        line.truncate(self.console.width - 12, overflow="ellipsis")
        return line

    def _embed(self, embed: Json) -> Iterator[RenderableType]:
        parts = [embed.get("title"), embed.get("description")]
        parts += [f"**{field['name']}**\n{field['value']}" for field in embed.get("fields", [])]
        if footer := embed.get("footer"):
            parts.append(f"-# {footer['text']}")
        text = "\n".join(part for part in parts if part)
        if text:
            yield self._card([render(text, self._names)], embed.get("color"))

    def _components(
        self, components: Sequence[Json], films: Mapping[str, Film], left: list[str]
    ) -> Iterator[RenderableType]:
        for component in components:
            inner = component.get("components", [])
            match component["type"]:
                case 17:
                    blocks = list(self._components(inner, films, left))
                    yield self._card(blocks, component.get("accent_color"))
                case 9:
                    yield from self._components(inner, films, left)
                    if component.get("accessory", {}).get("type") == _BUTTON:
                        yield self._buttons([component["accessory"]])
                case 10:
                    yield render(component["content"], self._names)
                case 12:
                    for item in component["items"]:
                        name = _file_name(item["media"]["url"])
                        yield self._taken(name, films, left)
                case 13:
                    yield self._taken(_file_name(component["file"]["url"]), films, left)
                case 14:
                    yield Text("")
                case 1 if any(each["type"] == _BUTTON for each in inner):
                    yield self._buttons(inner)

    def _card(self, blocks: Sequence[RenderableType], accent: int | None) -> Panel:
        style = "grey37" if accent is None else f"#{accent:06x}"
        return Panel(Group(*blocks), box=box.ROUNDED, border_style=style, padding=(0, 1))

    def _buttons(self, buttons: Sequence[Json]) -> Text:
        row = Text("", end="\n")
        for button in buttons:
            emoji = (button.get("emoji") or {}).get("name") or ""
            label = " ".join(part for part in (emoji, button.get("label")) if part)
            if self._colourful:
                style = f"white on {_BUTTONS.get(button.get('style', 2), _BUTTONS[2])}"
                row.append(f" {label} ", style="dim" if button.get("disabled") else style)
            else:
                row.append(f"[ {label} ]")
            row.append(" ")
        return row

    def _taken(self, name: str, films: Mapping[str, Film], left: list[str]) -> RenderableType:
        if name in left:
            left.remove(name)
        return self._file(name, films)

    def _file(self, name: str, films: Mapping[str, Film]) -> RenderableType:
        return self._film(films[name]) if name in films else Text(f"▣ {name}", style="dim")

    def _film(self, film: Film) -> RenderableType:
        facts = film.facts
        told = Text.assemble(
            ("▶ ", "bold green"),
            (film.name, "bold"),
            (
                f"  {int(facts.seconds) // 60}:{round(facts.seconds) % 60:02}"
                f" · {facts.width}×{facts.height} · {facts.fps:g} fps"
                f" · {'sound' if facts.has_audio else 'no sound'} · {facts.size / 1e6:.1f} MB",
                "dim",
            ),
        )
        if not self._colourful or not film.stills:
            return told
        strip = Table.grid(padding=(0, 1, 0, 0))
        width = (self.console.width - 14) // max(len(film.stills), 1) - 1
        strip.add_row(*(_blocks(still, width) for still in film.stills))
        return Group(strip, told)


class Waiting:
    """What is shown while the bot works."""

    def __init__(self, screen: Screen, for_what: str, live: Live | None) -> None:
        self._screen = screen
        self._live = live
        self._said: set[str] = set()
        self._began = time.monotonic()
        self._spinner = Spinner("dots", Text(for_what, style="dim"), style="bold green")
        self._for_what = for_what
        if live is None:
            screen.line(f"… {for_what}")

    def show(self, message: Json | None) -> None:
        """Show the status message as it stands now."""
        if self._live is not None:
            took = time.monotonic() - self._began
            self._spinner.update(text=Text(f"{self._for_what}  {took:.0f} s", style="dim"))
            under = Padding(self._spinner, (0, 0, 0, 6))
            self._live.update(
                under if message is None else Group(self._screen._whole(message, {}), "", under)
            )
        elif message is not None:
            for line in _first_words(message).splitlines():
                if line not in self._said:
                    self._said.add(line)
                    self._screen.line(f"  {render(line, self._screen._names).plain}")


def _first_words(message: Json) -> str:
    if message.get("content"):
        return str(message["content"])
    texts = list(_texts(message.get("components", [])))
    return texts[0] if texts else "a message"


def _texts(components: Sequence[Json]) -> Iterator[str]:
    for component in components:
        if component["type"] == _TEXT:
            yield str(component["content"])
        yield from _texts(component.get("components", []))


def _file_name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _blocks(picture: Image.Image, width: int) -> Text:
    """Return a picture as half blocks: two pixels a character, ``width`` characters wide."""
    rows = max(round(width * picture.height / picture.width / 2), 1)
    small = picture.convert("RGB").resize((width, rows * 2), Image.Resampling.BOX)
    pixels = np.asarray(small)
    text = Text(no_wrap=True)
    for row in range(rows):
        for upper, lower in zip(pixels[2 * row], pixels[2 * row + 1], strict=True):
            text.append("▀", style=f"{_hex(upper)} on {_hex(lower)}")
        if row < rows - 1:
            text.append("\n")
    return text


def _hex(pixel: npt.NDArray[np.uint8]) -> str:
    return "#" + bytes(pixel).hex()
