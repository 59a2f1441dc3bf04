"""Shows Discord's messages, cards and buttons in a terminal.

In a terminal with color, clips are shown as strips of frames in half blocks, and the status message
is updated when the bot edits it. Otherwise everything is printed as plain lines.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

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

from demo.control_client import Json
from demo.markdown import render_markdown
from demo.video_file import VideoProperties
from sandbox.discord.components import ComponentKind as K

_PLAIN_WIDTH: Final = 96
_MAX_WIDTH: Final = 108
_BUTTON_COLORS: Final = {1: "#5865f2", 2: "#4e5058", 3: "#248046", 4: "#da373c", 5: "#4e5058"}
_PERSON_COLORS: Final = ("#eb459e", "#3ba55d", "#faa61a", "#00a8fc")
_BOT_COLOR: Final = "#5865f2"


@dataclass(frozen=True, slots=True)
class ClipPreview:
    """A posted clip for display."""

    name: str
    properties: VideoProperties
    stills: tuple[Image.Image, ...]


class Terminal:
    """Prints a conversation. ``names`` are those of people and channels by id."""

    def __init__(self, console: Console, names: Mapping[str, str]) -> None:
        self.console = console
        self._names = names
        if not console.is_terminal:
            console.width = _PLAIN_WIDTH
        console.width = min(console.width, _MAX_WIDTH)

    def print_channel(self, name: str, server: str) -> None:
        """Print the channel's heading."""
        title = Text.assemble((f" # {name} ", "bold"), (f" {server} ", "dim"))
        self.console.print(Rule(title, style="grey37", characters="─"), "")

    def print_line(self, words: str, style: str = "dim") -> None:
        """Print a remark that is not part of the conversation."""
        self.console.print(Text(words, style=style))

    def print_command(
        self, person: str, name: str, options: Mapping[str, str], picture: Image.Image | None
    ) -> None:
        """Print a person's command, with the image they attached."""
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="dim")
        rows.add_column()
        for option, value in options.items():
            rows.add_row(option, value)
        typed = Text.assemble("uses ", (f" /{name} ", "bold white on #3c4270"))
        blocks: list[RenderableType] = [typed, rows]
        if picture is not None and self._supports_color:
            blocks.append(_render_half_blocks(picture, 30))
        self._print_bubble(person, None, blocks)

    def print_message(
        self, message: Json, previews: Mapping[str, ClipPreview] | None = None
    ) -> None:
        """Print a message. ``previews`` are its clips by file name."""
        self.console.print(self.render_message(message, previews or {}), "")

    @contextmanager
    def show_progress(self, description: str) -> Iterator["ProgressDisplay"]:
        """Show progress while the block runs."""
        if self.console.is_terminal:
            with Live(console=self.console, transient=True, refresh_per_second=8) as live:
                yield ProgressDisplay(self, description, live)
        else:
            yield ProgressDisplay(self, description, None)
            self.print_line("")

    def print_summary(self, rows: Sequence[tuple[str, VideoProperties, str]]) -> None:
        """Print a table of files: names, properties and remarks."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
        for heading in ("file", "length", "picture", "sound"):
            table.add_column(heading, no_wrap=True)
        table.add_column("")  # the remark, which wraps in a narrow terminal
        for name, properties, remark in rows:
            picture = f"{properties.width}×{properties.height}, {properties.fps:g} fps"
            sound = "yes" if properties.has_audio else "no"
            table.add_row(name, f"{properties.seconds:g} s", picture, sound, remark)
        self.console.print(table)

    @property
    def _supports_color(self) -> bool:
        return self.console.is_terminal and self.console.color_system in {"256", "truecolor"}

    def _print_bubble(self, author: str, at: str | None, blocks: Sequence[RenderableType]) -> None:
        self.console.print(self._render_bubble(author, False, at, blocks), "")

    def render_message(self, message: Json, previews: Mapping[str, ClipPreview]) -> RenderableType:
        author = message["author"]
        blocks: list[RenderableType] = []
        if int(message.get("flags", 0)) & 64:
            blocks.append(Text("only visible to the person who asked", style="dim italic"))
        if message.get("content"):
            blocks.append(render_markdown(message["content"], self._names))
        for embed in message.get("embeds", []):
            blocks.extend(self._render_embed(embed))
        # A file that a component shows is shown there only.
        remaining = [file["filename"] for file in message.get("attachments", [])]
        blocks.extend(self._render_components(message.get("components", []), previews, remaining))
        blocks.extend(self._render_file(name, previews) for name in remaining)
        name = author.get("global_name") or author["username"]
        return self._render_bubble(
            name,
            bool(author.get("bot")),
            message.get("timestamp"),
            blocks,
            reply_to=message.get("referenced_message"),
            edited=bool(message.get("edited_timestamp")),
        )

    def _render_bubble(
        self,
        name: str,
        is_bot: bool,
        at: str | None,
        blocks: Sequence[RenderableType],
        *,
        reply_to: Json | None = None,
        edited: bool = False,
    ) -> RenderableType:
        color = _BOT_COLOR if is_bot else _PERSON_COLORS[sum(name.encode()) % len(_PERSON_COLORS)]
        head = Text.assemble((name, f"bold {color}"))
        if is_bot:
            head.append(" ")
            head.append(" APP ", style=f"white on {_BOT_COLOR}")
        moment = datetime.now() if at is None else datetime.fromisoformat(at).astimezone()  # noqa: DTZ005 (the person's own clock)
        head.append(f"  {moment:%H:%M}", style="dim")
        if edited:
            head.append("  (edited)", style="dim")
        body: list[RenderableType] = [head, *blocks]
        if reply_to is not None:
            body.insert(0, self._render_reply_line(reply_to))
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=3)
        grid.add_column(ratio=1)
        avatar = Text(f" {name[:1].upper()} ", style=f"bold white on {color}")
        grid.add_row(Group("", avatar) if reply_to is not None else avatar, Group(*body))
        return Padding(grid, (0, 0, 0, 1))

    def _render_reply_line(self, message: Json) -> Text:
        author = message["author"]
        name = author.get("global_name") or author["username"]
        text = " ".join(render_markdown(_first_text(message), self._names).plain.split())
        line = Text.assemble(("╭─ ", "grey50"), (f"@{name} ", "bold dim"), (text, "dim"))
        line.truncate(self.console.width - 12, overflow="ellipsis")
        return line

    def _render_embed(self, embed: Json) -> Iterator[RenderableType]:
        parts = [embed.get("title"), embed.get("description")]
        parts += [f"**{field['name']}**\n{field['value']}" for field in embed.get("fields", [])]
        if footer := embed.get("footer"):
            parts.append(f"-# {footer['text']}")
        text = "\n".join(part for part in parts if part)
        if text:
            yield self._render_card([render_markdown(text, self._names)], embed.get("color"))

    def _render_components(
        self, components: Sequence[Json], previews: Mapping[str, ClipPreview], remaining: list[str]
    ) -> Iterator[RenderableType]:
        for component in components:
            inner = component.get("components", [])
            match component["type"]:
                case K.CONTAINER:
                    blocks = list(self._render_components(inner, previews, remaining))
                    yield self._render_card(blocks, component.get("accent_color"))
                case K.SECTION:
                    yield from self._render_components(inner, previews, remaining)
                    if component.get("accessory", {}).get("type") == K.BUTTON:
                        yield self._render_buttons([component["accessory"]])
                case K.TEXT_DISPLAY:
                    yield render_markdown(component["content"], self._names)
                case K.MEDIA_GALLERY:
                    for item in component["items"]:
                        name = _file_name(item["media"]["url"])
                        yield self._take_file(name, previews, remaining)
                case K.FILE:
                    yield self._take_file(_file_name(component["file"]["url"]), previews, remaining)
                case K.SEPARATOR:
                    yield Text("")
                case K.ACTION_ROW if any(child["type"] == K.BUTTON for child in inner):
                    yield self._render_buttons(inner)

    def _render_card(self, blocks: Sequence[RenderableType], accent: int | None) -> Panel:
        style = "grey37" if accent is None else f"#{accent:06x}"
        return Panel(Group(*blocks), box=box.ROUNDED, border_style=style, padding=(0, 1))

    def _render_buttons(self, buttons: Sequence[Json]) -> Text:
        row = Text("", end="\n")
        for button in buttons:
            emoji = (button.get("emoji") or {}).get("name") or ""
            label = " ".join(part for part in (emoji, button.get("label")) if part)
            if self._supports_color:
                style = f"white on {_BUTTON_COLORS.get(button.get('style', 2), _BUTTON_COLORS[2])}"
                row.append(f" {label} ", style="dim" if button.get("disabled") else style)
            else:
                row.append(f"[ {label} ]")
            row.append(" ")
        return row

    def _take_file(
        self, name: str, previews: Mapping[str, ClipPreview], remaining: list[str]
    ) -> RenderableType:
        if name in remaining:
            remaining.remove(name)
        return self._render_file(name, previews)

    def _render_file(self, name: str, previews: Mapping[str, ClipPreview]) -> RenderableType:
        return (
            self._render_preview(previews[name])
            if name in previews
            else Text(f"▣ {name}", style="dim")
        )

    def _render_preview(self, preview: ClipPreview) -> RenderableType:
        properties = preview.properties
        caption = Text.assemble(
            ("▶ ", "bold green"),
            (preview.name, "bold"),
            (
                f"  {int(properties.seconds) // 60}:{round(properties.seconds) % 60:02}"
                f" · {properties.width}×{properties.height} · {properties.fps:g} fps"
                f" · {'sound' if properties.has_audio else 'no sound'}"
                f" · {properties.size / 1e6:.1f} MB",
                "dim",
            ),
        )
        if not self._supports_color or not preview.stills:
            return caption
        strip = Table.grid(padding=(0, 1, 0, 0))
        width = (self.console.width - 14) // max(len(preview.stills), 1) - 1
        strip.add_row(*(_render_half_blocks(still, width) for still in preview.stills))
        return Group(strip, caption)


class ProgressDisplay:
    """The progress display while the bot works."""

    def __init__(self, terminal: Terminal, description: str, live: Live | None) -> None:
        self._terminal = terminal
        self._live = live
        self._printed_lines: set[str] = set()
        self._started_at = time.monotonic()
        self._spinner = Spinner("dots", Text(description, style="dim"), style="bold green")
        self._description = description
        if live is None:
            terminal.print_line(f"… {description}")

    def show_status(self, message: Json | None) -> None:
        """Show the current status message."""
        if self._live is not None:
            elapsed = time.monotonic() - self._started_at
            self._spinner.update(text=Text(f"{self._description}  {elapsed:.0f} s", style="dim"))
            spinner = Padding(self._spinner, (0, 0, 0, 6))
            self._live.update(
                spinner
                if message is None
                else Group(self._terminal.render_message(message, {}), "", spinner)
            )
        elif message is not None:
            for line in _first_text(message).splitlines():
                if line not in self._printed_lines:
                    self._printed_lines.add(line)
                    self._terminal.print_line(
                        f"  {render_markdown(line, self._terminal._names).plain}"
                    )


def _first_text(message: Json) -> str:
    if message.get("content"):
        return str(message["content"])
    texts = list(_component_texts(message.get("components", [])))
    return texts[0] if texts else "a message"


def _component_texts(components: Sequence[Json]) -> Iterator[str]:
    for component in components:
        if component["type"] == K.TEXT_DISPLAY:
            yield str(component["content"])
        yield from _component_texts(component.get("components", []))


def _file_name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _render_half_blocks(picture: Image.Image, width: int) -> Text:
    """Return an image as half blocks, with two pixels per character and ``width`` characters."""
    rows = max(round(width * picture.height / picture.width / 2), 1)
    small = picture.convert("RGB").resize((width, rows * 2), Image.Resampling.BOX)
    pixels = np.asarray(small)
    text = Text(no_wrap=True)
    for row in range(rows):
        for upper, lower in zip(pixels[2 * row], pixels[2 * row + 1], strict=True):
            text.append("▀", style=f"{_hex_color(upper)} on {_hex_color(lower)}")
        if row < rows - 1:
            text.append("\n")
    return text


def _hex_color(pixel: npt.NDArray[np.uint8]) -> str:
    return "#" + bytes(pixel).hex()
