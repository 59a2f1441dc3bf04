"""Renders Discord's message text for a terminal: markdown, mentions and timestamps.

Discord sends ``<@123>`` and ``<t:1700000000:R>``, and the client decides how to show them.
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
    """Return ``content`` as styled text. ``names`` are those of people and channels by id."""
    lines = [_render_line(line, names) for line in content.splitlines()]
    return Text("\n").join(lines)


def _render_line(line: str, names: Mapping[str, str]) -> Text:
    for mark, style in (("### ", "bold"), ("## ", "bold"), ("# ", "bold"), ("-# ", "dim")):
        if line.startswith(mark):
            text = _render_inline(line.removeprefix(mark), names)
            text.stylize(style)
            return text
    for mark, bullet in (("> ", "▎ "), ("- ", "• "), ("* ", "• ")):
        if line.startswith(mark):
            return Text(bullet, style="dim") + _render_inline(line.removeprefix(mark), names)
    return _render_inline(line, names)


def _render_inline(line: str, names: Mapping[str, str]) -> Text:
    text, end = Text(), 0
    for match in _INLINE.finditer(line):
        if match.start() and line[match.start() - 1] == "\\":
            continue
        text.append(_unescape_markdown(line[end : match.start()]))
        kind = next(name for name in match.groupdict() if match[name] is not None)
        text.append(_RENDERERS[kind](match, names))
        end = match.end()
    text.append(_unescape_markdown(line[end:]))
    return text


def _unescape_markdown(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _format_timestamp(match: re.Match[str], _: Mapping[str, str]) -> Text:
    unix, style = int(match["when"]), match["style"] or "f"
    if style == "R":
        return Text(_format_relative_time(unix - time.time()), style="underline")
    moment = dt.datetime.fromtimestamp(unix, dt.UTC).astimezone()
    return Text(moment.strftime(_FORMATS[style]), style="underline")


def _format_relative_time(seconds: float) -> str:
    for name, length in _UNITS:
        if abs(seconds) >= length:
            count = round(abs(seconds) / length)
            duration = f"{count} {name}{'s' if count > 1 else ''}"
            return f"in {duration}" if seconds > 0 else f"{duration} ago"
    return "now"


def _mention_renderer(mark: str, group: str) -> Callable[[re.Match[str], Mapping[str, str]], Text]:
    def render_mention(match: re.Match[str], names: Mapping[str, str]) -> Text:
        return Text(mark + names.get(match[group], "unknown"), style="bold bright_blue")

    return render_mention


_RENDERERS: Final[Mapping[str, Callable[[re.Match[str], Mapping[str, str]], Text]]] = {
    "bold": lambda match, names: _with_style(_render_inline(match["bold"], names), "bold"),
    "italic": lambda match, names: _with_style(_render_inline(match["italic"], names), "italic"),
    "code": lambda match, _: Text(match["code"], style="cyan"),
    "when": _format_timestamp,
    "person": _mention_renderer("@", "person"),
    "channel": _mention_renderer("#", "channel"),
    "room": lambda match, names: Text(
        f"#{names.get(match['room'], 'unknown')} › message", style="bold bright_blue"
    ),
    "command": lambda match, _: Text(f"/{match['command']}", style="bold bright_blue"),
    "label": lambda match, names: _with_style(
        _render_inline(match["label"], names), "bright_blue underline"
    ),
}


def _with_style(text: Text, style: str) -> Text:
    text.stylize(style)
    return text
