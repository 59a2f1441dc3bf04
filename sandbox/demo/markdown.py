"""Discord's message text as a terminal shows it: markdown, mentions and timestamps.

Discord sends ``<@123>`` and ``<t:1700000000:R>`` and leaves the rest to the client; a person never
sees either. This is that part of the client.
"""

import datetime as dt
import re
import time
from collections.abc import Callable, Mapping
from typing import Final

from rich.text import Text

_INLINE: Final = re.compile(
    r"\*\*(?P<bold>.+?)\*\*"
    r"|(?<!\w)[*_](?P<italic>[^*_]+?)[*_](?!\w)"
    r"|`(?P<code>[^`]+)`"
    r"|<t:(?P<when>-?\d+)(?::(?P<style>[tTdDfFR]))?>"
    r"|<@[!&]?(?P<person>\d+)>"
    r"|<#(?P<channel>\d+)>"
    r"|</(?P<command>[^:>]+):\d+>"
    r"|https://discord\.com/channels/(?:\d+|@me)/(?P<room>\d+)/\d+"
    r"|\[(?P<label>[^\]]+)\]\((?P<link>[^)\s]+)\)"
)
_ESCAPED: Final = re.compile(r"\\([\\*_`~|>#<\[\]()\-@:.])")
_FORMATS: Final = {
    "t": "%H:%M",
    "T": "%H:%M:%S",
    "d": "%d/%m/%Y",
    "D": "%d %B %Y",
    "f": "%d %B %Y %H:%M",
    "F": "%A, %d %B %Y %H:%M",
}
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def render_markdown(content: str, names: Mapping[str, str]) -> Text:
    """Return ``content`` as styled text; ``names`` are people and channels by their ids."""
    lines = [_render_line(line, names) for line in content.splitlines()]
    return Text("\n").join(lines)


def _render_line(line: str, names: Mapping[str, str]) -> Text:
    for mark, style in (("### ", "bold"), ("## ", "bold"), ("# ", "bold"), ("-# ", "dim")):
        if line.startswith(mark):
            text = _render_inline(line.removeprefix(mark), names)
            text.stylize(style)
            return text
    for mark, shown in (("> ", "▎ "), ("- ", "• "), ("* ", "• ")):
        if line.startswith(mark):
            return Text(shown, style="dim") + _render_inline(line.removeprefix(mark), names)
    return _render_inline(line, names)


def _render_inline(line: str, names: Mapping[str, str]) -> Text:
    text, end = Text(), 0
    for found in _INLINE.finditer(line):
        if found.start() and line[found.start() - 1] == "\\":
            continue
        text.append(_unescape_markdown(line[end : found.start()]))
        kind = next(name for name in found.groupdict() if found[name] is not None)
        text.append(_RENDERERS[kind](found, names))
        end = found.end()
    text.append(_unescape_markdown(line[end:]))
    return text


def _unescape_markdown(words: str) -> str:
    return _ESCAPED.sub(r"\1", words)


def _format_timestamp(found: re.Match[str], _: Mapping[str, str]) -> Text:
    unix, style = int(found["when"]), found["style"] or "f"
    if style == "R":
        return Text(_format_relative_time(unix - time.time()), style="underline")
    moment = dt.datetime.fromtimestamp(unix, dt.UTC).astimezone()
    return Text(moment.strftime(_FORMATS[style]), style="underline")


def _format_relative_time(seconds: float) -> str:
    for name, length in _UNITS:
        if abs(seconds) >= length:
            count = round(abs(seconds) / length)
            words = f"{count} {name}{'s' if count > 1 else ''}"
            return f"in {words}" if seconds > 0 else f"{words} ago"
    return "now"


def _mention_renderer(mark: str, group: str) -> Callable[[re.Match[str], Mapping[str, str]], Text]:
    def render_mention(found: re.Match[str], names: Mapping[str, str]) -> Text:
        return Text(mark + names.get(found[group], "unknown"), style="bold bright_blue")

    return render_mention


_RENDERERS: Final[Mapping[str, Callable[[re.Match[str], Mapping[str, str]], Text]]] = {
    "bold": lambda found, names: _with_style(_render_inline(found["bold"], names), "bold"),
    "italic": lambda found, names: _with_style(_render_inline(found["italic"], names), "italic"),
    "code": lambda found, _: Text(found["code"], style="cyan"),
    "when": _format_timestamp,
    "person": _mention_renderer("@", "person"),
    "channel": _mention_renderer("#", "channel"),
    "room": lambda found, names: Text(
        f"#{names.get(found['room'], 'unknown')} › message", style="bold bright_blue"
    ),
    "command": lambda found, _: Text(f"/{found['command']}", style="bold bright_blue"),
    "label": lambda found, names: _with_style(
        _render_inline(found["label"], names), "bright_blue underline"
    ),
}


def _with_style(text: Text, style: str) -> Text:
    text.stylize(style)
    return text
