"""Draws docs/pictures/conversation.png from the files of ``make demo`` in var/demo.

    make demo && .venv/bin/python docs/pictures/make_conversation.py

All texts and frames in the picture come from the demo. Needs Chromium on the PATH (Debian: apt
install chromium).
"""

import base64
import html
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import av
from PIL import Image

Json = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parents[2]
DEMO: Final = ROOT / "var" / "demo"
PICTURE: Final = Path(__file__).with_name("conversation.png")
WIDTH: Final = 1200
SCALE: Final = 1.25
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")

STYLE: Final = """
* { box-sizing: border-box; margin: 0 }
body { width: WIDTHpx; background: #313338; color: #dbdee1; font: 16px/1.4 "Inter", "Noto Sans",
  "DejaVu Sans", sans-serif; padding: 2px 20px 20px; display: grid;
  grid-template-columns: 1fr 1fr; gap: 26px; align-items: start }
.m { display: grid; grid-template-columns: 52px 1fr; margin-top: 18px }
.a { width: 40px; height: 40px; border-radius: 50%; color: #fff; font-weight: 600; font-size: 19px;
  display: grid; place-items: center }
.n { font-weight: 600 } .t { color: #949ba4; font-size: 12px; margin-left: 6px }
.app { background: #5865f2; color: #fff; font-size: 10px; font-weight: 600; border-radius: 4px;
  padding: 1px 5px; margin-left: 5px; vertical-align: 2px }
.r { grid-column: 1 / -1; margin: 0 0 4px 20px; padding-left: 38px; color: #b5bac1; font-size: 14px;
  position: relative; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.r::before { content: ""; position: absolute; left: 0; top: 10px; width: 32px; height: 14px;
  border: 2px solid #4e5058; border-right: 0; border-bottom: 0; border-top-left-radius: 7px }
.u { font-size: 14px; color: #b5bac1 } .u b { color: #dee0fc; background: #3c4270;
  border-radius: 4px; padding: 1px 5px; font-weight: 500 }
.o { display: grid; grid-template-columns: max-content 1fr; gap: 1px 14px; font-size: 15px;
  margin: 4px 0 } .o i { color: #949ba4; font-style: normal }
.c { background: #2b2d31; border: 1px solid #3f4147; border-left: 4px solid; border-radius: 8px;
  padding: 12px 14px; margin-top: 4px; max-width: 640px }
.v { position: relative; margin-bottom: 10px } .v img, .p { width: 100%; border-radius: 8px;
  display: block }
.p { width: 218px; margin-top: 6px }
.v .k { position: absolute; inset: 0; display: grid; place-items: center }
.v .k span { width: 64px; height: 64px; border-radius: 50%; background: #000a; display: grid;
  place-items: center; padding-left: 6px }
.v .d { position: absolute; right: 10px; bottom: 10px; background: #000a; border-radius: 4px;
  padding: 1px 7px; font-size: 13px; color: #fff }
.s { color: #949ba4; font-size: 13px } .e { font-size: 12px; color: #949ba4; margin: 4px 0 }
.x { background: #3c427055; color: #c9cdfb; border-radius: 3px; padding: 0 2px }
time { background: #3f4147; border-radius: 3px; padding: 0 2px }
.b { display: flex; gap: 8px; margin-top: 10px } .b span { color: #fff; font-size: 14px;
  font-weight: 500; border-radius: 8px; padding: 5px 14px }
""".replace("WIDTH", str(WIDTH))
_BUTTONS: Final = {1: "#5865f2", 2: "#4e5058", 3: "#248046", 4: "#da373c"}
_PEOPLE: Final = "#c2679b"
_BOT: Final = "#5865f2"


def main() -> int:
    """Returns 1 when the demo has not run or there is no browser."""
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    transcript = DEMO / "conversation.json"
    if browser is None or not transcript.exists():
        sys.stderr.write("needs Chromium on the PATH, and `make demo` first\n")
        return 1
    conversation = json.loads(transcript.read_text("utf-8"))
    columns = "".join(
        f"<div>{''.join(_render_entry(entry, conversation['names']) for entry in column)}</div>"
        for column in _split_columns(conversation["said"])
    )
    page = f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><body>{columns}"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(page, "utf-8")
        subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--force-device-scale-factor={SCALE}", f"--window-size={WIDTH},4000",
                f"--screenshot={PICTURE}", source.as_uri(),
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
    _trim_image(PICTURE)
    return 0


def _split_columns(entries: list[Json]) -> tuple[list[Json], list[Json]]:
    """The request with its clip, and the replies with their clips, without status messages."""
    shown = [
        entry
        for entry in entries
        if "command" in entry
        or not entry["message"]["author"].get("bot")
        or any(
            part.get("items") for part in _walk_components(entry["message"].get("components", []))
        )
    ]
    return shown[:2], shown[2:]


def _walk_components(components: list[Json]) -> list[Json]:
    parts = []
    for part in components:
        parts += [part, *_walk_components(part.get("components", []))]
    return parts


def _message_components(message: Json) -> list[Json]:
    return _walk_components(message.get("components", []))


def _display_name(user: Json) -> str:
    return str(user.get("global_name") or user["username"])


def _trim_image(path: Path) -> None:
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    empty = Image.new("RGB", picture.size, picture.getpixel((2, picture.height - 2)))
    rows = [
        y
        for y in range(0, picture.height, 4)
        if picture.crop((0, y, picture.width, y + 1)).tobytes()
        != empty.crop((0, 0, picture.width, 1)).tobytes()
    ]
    bottom = min(rows[-1] + int(24 * SCALE), picture.height)
    cropped = picture.crop((0, 0, picture.width, bottom))
    colors = cropped.quantize(256)
    cropped.quantize(palette=colors, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def _render_entry(entry: Json, names: dict[str, str]) -> str:
    return (
        _render_message(entry["message"], names) if "message" in entry else _render_command(entry)
    )


def _render_command(entry: Json) -> str:
    options = "".join(
        f"<i>{html.escape(name)}</i><span>{html.escape(value)}</span>"
        for name, value in entry["options"].items()
    )
    picture = base64.b64encode(_encode_jpeg(Image.open(DEMO / entry["options"]["image"]))).decode()
    return _render_bubble(
        entry["person"],
        False,
        f"<div class=u>used <b>/{html.escape(entry['command'])}</b></div>"
        f"<div class=o>{options}</div>"
        f'<img class=p src="data:image/jpeg;base64,{picture}">',
        at=entry["timestamp"],
    )


def _render_message(message: Json, names: dict[str, str]) -> str:
    author = message["author"]
    body = ""
    if message.get("content"):
        body += f"<div>{_render_text(message['content'], names)}</div>"
    body += "".join(_render_component(part, names) for part in message.get("components", []))
    if int(message.get("flags", 0)) & 64:
        body += "<div class=e>Only you can see this</div>"
    replied_to = message.get("referenced_message")
    reply = ""
    if replied_to:
        original_author = html.escape(_display_name(replied_to["author"]))
        preview = _render_text(_first_text(replied_to), names).replace("<br>", " ")
        preview = re.sub(r"<[^>]+>", "", preview)
        reply = f"<div class=r><b>@{original_author}</b> {preview}</div>"
    return _render_bubble(
        _display_name(author), bool(author.get("bot")), body, reply, at=message["timestamp"]
    )


def _render_bubble(name: str, bot: bool, body: str, reply: str = "", *, at: str) -> str:
    moment = datetime.fromisoformat(at)
    color = _BOT if bot else _PEOPLE
    badge = "<span class=app>APP</span>" if bot else ""
    initial = html.escape(name[0].upper())
    return (
        f'<div class=m>{reply}<div class=a style="background:{color}">{initial}'
        f"</div><div><span class=n>{html.escape(name)}</span>{badge}"
        f"<span class=t>{moment.astimezone():%H:%M}</span>{body}</div></div>"
    )


def _render_component(part: Json, names: dict[str, str]) -> str:
    children = "".join(_render_component(child, names) for child in part.get("components", []))
    match part["type"]:
        case 17:
            accent = part.get("accent_color")
            color = "#3f4147" if accent is None else f"#{accent:06x}"
            return f'<div class=c style="border-left-color:{color}">{children}</div>'
        case 10:
            return f"<div>{_render_text(part['content'], names)}</div>"
        case 12:
            return "".join(_render_video(item["media"]["url"]) for item in part["items"])
        case 2:
            emoji = (part.get("emoji") or {}).get("name") or ""
            color = _BUTTONS.get(part.get("style", 2), _BUTTONS[2])
            return f'<span style="background:{color}">{emoji} {html.escape(part["label"])}</span>'
        case 1:
            return f"<div class=b>{children}</div>"
        case _:
            return children


def _render_video(url: str) -> str:
    summary = json.loads((DEMO / "summary.json").read_text("utf-8"))
    name = url.partition("?")[0].rpartition("/")[2]
    conversation = json.loads((DEMO / "conversation.json").read_text("utf-8"))
    clip = next(entry for entry in summary["clips"] if entry["file"] == conversation["files"][name])
    time_s = clip["seconds"] * (0.3 if clip["parent_message_id"] is None else 0.85)
    frame = base64.b64encode(_encode_jpeg(_extract_still(DEMO / clip["file"], time_s))).decode()
    seconds = round(clip["seconds"])
    return (
        f'<div class=v><img src="data:image/jpeg;base64,{frame}"><div class=k><span><svg width=26 '
        'height=30><path d="M0 0L26 15L0 30Z" fill="#fff"/></svg></span></div>'
        f"<div class=d>0:{seconds:02}</div></div>"
    )


def _extract_still(path: Path, time_s: float) -> Image.Image:
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            if frame.time >= time_s:
                return Image.fromarray(frame.to_ndarray(format="rgb24"))
    raise ValueError(f"{path} is shorter than {time_s} s")


def _encode_jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _first_text(message: Json) -> str:
    if message.get("content"):
        return str(message["content"])
    texts = [
        part["content"]
        for part in _walk_components(message.get("components", []))
        if part["type"] == 10
    ]
    return str(texts[0]) if texts else ""


def _render_text(content: str, names: dict[str, str]) -> str:
    return "<br>".join(_render_line(line, names) for line in content.splitlines())


def _render_line(line: str, names: dict[str, str]) -> str:
    small = line.startswith("-# ")
    text = html.escape(line.removeprefix("-# "), quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    text = re.sub(
        r"&lt;@!?(\d+)&gt;",
        lambda match: f"<span class=x>@{html.escape(names.get(match[1], '?'))}</span>",
        text,
    )
    text = re.sub(r"&lt;t:(\d+)(?::(\w))?&gt;", _format_timestamp, text)
    text = re.sub(r"\\([\\*_`~|>#\-.])", r"\1", text)
    return f"<span class=s>{text}</span>" if small else text


def _format_timestamp(match: re.Match[str]) -> str:
    unix, style = int(match[1]), match[2] or "f"
    if style == "R":
        minutes = round((unix - time.time()) / 60)
        distance = f"in {minutes} minutes" if minutes > 0 else f"{-minutes} minutes ago"
        return f"<time>{distance if minutes else 'now'}</time>"
    time_format = "%H:%M" if style in "tT" else "%d %B %Y" if style in "dD" else "%d %B %Y %H:%M"
    return f"<time>{datetime.fromtimestamp(unix, UTC).astimezone().strftime(time_format)}</time>"


if __name__ == "__main__":
    sys.exit(main())
