"""Fills a gallery with clips rendered by the sandbox, in a database made by the migrations.

All clips show scenes only for the screenshots in the documents; plain clips render five times as
fast. Two servers are public and one is not, so that every test also notices a leak.
"""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.server_page import ICON_SIDE, build_icon_key
from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.showcase.search_text import build_search_text, normalize_search_text
from bot.store.showcase.search_words import refresh_post_words, refresh_server_words
from bot.store.showcase.settings import record_last_showcased
from bot.store.tables.core import clips_table
from bot.store.tables.showcase import (
    creator_pages_table,
    server_pages_table,
    showcase_posts_table,
    showcase_settings_table,
)
from sandbox.google.clip_spec import ClipSpec, RenderStyle
from sandbox.google.encoding import RenderedClip, render_to_file

HARBOUR: Final = 7_001
ATELIER: Final = 7_002
SECRET: Final = 7_003
SERVERS: Final = {HARBOUR: "Harbour Film Club", ATELIER: "Atelier Nachtlicht", SECRET: "Back Room"}
FAST: Final = "veo-3.1-fast-generate-preview"
FINE: Final = "veo-3.1-generate-preview"
NOW: Final = datetime.now(UTC).replace(microsecond=0)
"""When the newest clips were shown; the program chooses the week's winner by its own clock."""

WITHOUT_PREVIEW: Final = 10
"""The clip whose preview the bot has not made yet, and whose colors it has not measured."""
POSTER_COLORS: Final = "136137135246357357a63c74b62"
"""Blue above, orange below."""
ACCENT: Final = 0x5B4BDB
"""Of the server that has said how it presents itself: Atelier Nachtlicht."""
CREATOR: Final = 108
"""The member who has opened a page: Gita."""
CREATOR_PAGE: Final = "8f3c01d2a4b59e67"
SPOILER: Final = 5
"""The clip that `put_behind_spoiler` puts behind a spoiler."""
_HEAD: Final = 3
"""Clips of the long chain; the numbers 1 to 3."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One clip to render and show; ``after`` is the number of the clip that it extends."""

    prompt: str
    maker: str
    server: int = HARBOUR
    model: str = FAST
    votes: int = 0
    tall: bool = False
    seconds: int = 2
    after: int | None = None
    secret: bool = False
    large: bool = False


SCENES: Final = (
    Scene(
        "A paper boat leaves the harbour at dusk, the lanterns light up one by one, soft waves",
        "Ada", model=FINE, votes=41, large=True, seconds=4,
    ),
    Scene(
        "Fireflies rise from the water and the little boat sails on among the stars",
        "Ada", model=FINE, votes=58, after=1, large=True, seconds=4,
    ),
    Scene(
        "Morning comes: gulls, a pink sky, and the boat meets a whale that hums",
        "Bao", model=FINE, votes=97, after=2, large=True, seconds=4,
    ),
    Scene("Storm over the lighthouse, one beam sweeps the breakers, film grain", "Cem", votes=33),
    Scene("A tram glides through blossoms, slow dolly, warm evening light", "Dora", votes=21),
    Scene(
        "夜市の提灯の下、雨に濡れた石畳を三毛猫が歩く", "Emi", server=ATELIER, votes=64, tall=True
    ),
    Scene("Secret of the house", "Fynn", server=ATELIER, votes=12, secret=True),
    Scene(
        "Dunes at first light, a caravan of paper lanterns drifts over the ridge", "Gita",
        server=ATELIER, model=FINE, votes=75,
    ),
    Scene(
        "A dancer made of smoke turns in a shaft of light", "Hugo", server=ATELIER, votes=48,
        tall=True,
    ),
    Scene("Mountain lake, mirror still, a red canoe crosses the reflected peak", "Ines", votes=29),
    Scene("Neon rain on a rooftop garden, a robot waters the tomatoes", "Jon", votes=52),
    Scene("What nobody outside may see", "Kim", server=SECRET, votes=999),
)  # fmt: skip


def data_url(directory: Path) -> str:
    """Return the database's URL for a bot with this data directory."""
    return f"sqlite+aiosqlite:///{directory / 'clapper.db'}"


def render_scenes(directory: Path) -> list[RenderedClip]:
    """Render every scene to ``clips/NUMBER.mp4``, on two cores; extensions last."""
    folder = directory / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    done: dict[int, RenderedClip] = {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        waiting = dict(enumerate(SCENES, start=1))
        while waiting:
            ready = {n: s for n, s in waiting.items() if s.after is None or s.after in done}
            made = pool.map(_render, [(folder, n, scene) for n, scene in ready.items()])
            done |= zip(ready, made, strict=True)
            waiting = {n: scene for n, scene in waiting.items() if n not in done}
    return [done[number] for number in sorted(done)]


def write_previews(directory: Path) -> None:
    """Give the clips previews, as the bot does when they are shown; the short clips themselves."""
    for number in range(1, len(SCENES) + 1):
        if number != WITHOUT_PREVIEW:
            clip = directory / "clips" / f"{number}.mp4"
            shutil.copy(clip, clip.with_suffix(".preview.mp4"))


def _render(order: tuple[Path, int, Scene]) -> RenderedClip:
    folder, number, scene = order
    width, height = _size(scene)
    source = None if scene.after is None else folder / f"{scene.after}.mp4"
    # a browser loads the whole of a plain clip at once; the first is for seeking in it
    is_scene = number == 1 or "PICTURES" in os.environ
    spec = ClipSpec(
        prompt=scene.prompt,
        seed=number,
        sample=0,
        width=width,
        height=height,
        seconds=scene.seconds,
        audio=True,
        source=source,
        look=RenderStyle.SCENE if is_scene else RenderStyle.PLAIN,
    )
    return render_to_file(spec, folder / f"{number}.mp4", folder / f".{number}.mp4")


def _size(scene: Scene) -> tuple[int, int]:
    wide, high = (1280, 720) if scene.large else (640, 360)
    return (high, wide) if scene.tall else (wide, high)


async def fill(directory: Path, rendered: list[RenderedClip], *, entries: int = 30) -> None:
    """Write ``entries`` showcased clips; the last is the oldest scene, later ones repeat."""
    database = open_database(data_url(directory))
    try:
        await upgrade_schema(database)
        await write(database, rows(rendered, entries))
        await write_pages(database)
        draw_icon(directory / build_icon_key(ATELIER))
    finally:
        await database.close()


def rows(rendered: list[RenderedClip], entries: int) -> list[dict[str, Any]]:
    """Return a row for each entry, oldest first: repeats, then each scene once with its number."""
    repeats = entries - len(SCENES)
    single = [n for n, scene in enumerate(SCENES, start=1) if scene.after is None and n > _HEAD]
    found = []
    for place in range(entries):
        at = NOW - timedelta(hours=5 * (entries - place))
        if place < repeats:
            number = single[place % (len(single) - 1)]  # never the secret room's
            scene = SCENES[number - 1]
            found.append(
                _row(1000 + place, number, scene, rendered[number - 1], at, votes=place % 17)
            )
        else:
            number = place - repeats + 1
            scene = SCENES[number - 1]
            found.append(_row(number, number, scene, rendered[number - 1], at, votes=scene.votes))
    return found


def _row(
    clip: int, file: int, scene: Scene, rendered: RenderedClip, at: datetime, *, votes: int
) -> dict[str, Any]:
    width, height = _size(scene)
    depth, first = 0, scene.after
    while first is not None:
        depth, root = depth + 1, first
        first = SCENES[first - 1].after
    return {
        "id": clip,
        "path": f"clips/{file}.mp4",
        "sha256": rendered.sha256,
        "size": rendered.size,
        "prompt": scene.prompt,
        "user_id": 100 + file,
        "maker": scene.maker,
        "guild_id": scene.server,
        "model": scene.model,
        "width": width,
        "height": height,
        "seconds": round(rendered.seconds),
        "extension_depth": depth,
        "parent": scene.after,
        "root": root if depth else None,
        "votes": votes,
        "at": at,
        "hide": scene.secret,
        "mode": "extension" if depth else "text",
        "poster_colors": None if clip == WITHOUT_PREVIEW else POSTER_COLORS,
    }


async def write(database: Database, entries: list[dict[str, Any]]) -> None:
    """Write clips, showcase entries and their servers."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(
            insert(showcase_settings_table),
            [
                {
                    "guild_id": number,
                    "name": name,
                    "search_name": normalize_search_text(name),
                    "stars": 0,
                    "curation": "makers",
                    "public": number != SECRET,
                    "digest_hour": 18,
                    "digest_zone": "UTC",
                }
                for number, name in SERVERS.items()
            ],
        )

    await database.write(work)
    await write_entries(database, entries)


async def write_pages(database: Database) -> None:
    """Write how one server presents itself, and open the page of one creator."""
    page = {
        "guild_id": ATELIER,
        "description": "Night pieces, lanterns and slow light. We meet on Thursdays and make one"
        " clip each; the best ones stay on the wall.",
        "accent": ACCENT,
        "invite_code": "nachtlicht",
        "icon_hash": "0" * 32,
        "has_icon": True,
    }
    creator = {"user_id": CREATOR, "page_key": CREATOR_PAGE, "opened_at": NOW}

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(server_pages_table).values(page))
        await connection.execute(insert(creator_pages_table).values(creator))

    await database.write(work)


async def put_behind_spoiler(directory: Path) -> None:
    """Let the moderators of a server put `SPOILER` behind a spoiler."""
    database = open_database(data_url(directory))

    async def work(connection: AsyncConnection) -> None:
        chosen = update(clips_table).where(clips_table.c.id == SPOILER)
        await connection.execute(chosen.values(spoiler=True))

    try:
        await database.write(work)
    finally:
        await database.close()


def draw_icon(path: Path) -> None:
    """Draw a moon over a dark roof."""
    path.parent.mkdir(parents=True, exist_ok=True)
    icon = Image.new("RGB", (ICON_SIDE, ICON_SIDE), (38, 30, 92))
    draw = ImageDraw.Draw(icon)
    draw.ellipse((60, 40, 196, 176), fill=(255, 214, 122))
    draw.ellipse((100, 24, 220, 144), fill=(38, 30, 92))
    roof = [(0, 256), (0, 206), (96, 150), (190, 206), (256, 176), (256, 256)]
    draw.polygon(roof, fill=(16, 12, 40))
    icon.save(path, "WEBP")


async def write_entries(database: Database, entries: list[dict[str, Any]]) -> None:
    """Write clips and showcase entries."""

    async def work(connection: AsyncConnection) -> None:
        for start in range(0, len(entries), 500):
            part = entries[start : start + 500]
            await connection.execute(insert(clips_table), [_clip(each) for each in part])
            await connection.execute(insert(showcase_posts_table), [_entry(each) for each in part])
        await refresh_post_words(connection, [each["id"] for each in entries])
        for number, name in SERVERS.items():
            await refresh_server_words(connection, number, normalize_search_text(name))
            await record_last_showcased(connection, number)

    await database.write(work)


def _clip(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "job_id": row["id"],
        "index": 0,
        "guild_id": row["guild_id"],
        "channel_id": 1,
        "user_id": row["user_id"],
        "model": row["model"],
        "route": "gemini",
        "mode": row["mode"],
        "prompt": row["prompt"],
        "aspect_ratio": _name_shape(row),
        "resolution": "720p",
        "seconds": row["seconds"],
        "width": row["width"],
        "height": row["height"],
        "extension_depth": row["extension_depth"],
        "parent_clip_id": row["parent"],
        "root_clip_id": row["root"],
        "path": row["path"],
        "sha256": row["sha256"],
        "size_bytes": row["size"],
        "created_at": row["at"],
        "message_id": 50_000 + row["id"],
        "poster_colors": row["poster_colors"],
    }


def _name_shape(row: dict[str, Any]) -> str:
    return "9:16" if row["height"] > row["width"] else "16:9"


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "clip_id": row["id"],
        "guild_id": row["guild_id"],
        "user_id": row["user_id"],
        "creator_name": row["maker"],
        "hide_prompt": row["hide"],
        "search_text": build_search_text(None if row["hide"] else row["prompt"], row["maker"]),
        "model": row["model"],
        "seconds": row["seconds"],
        "aspect_ratio": _name_shape(row),
        "votes": row["votes"],
        "public": True,
        "change_count": 0,
        "revision": 0,
        "revision_at": row["at"],
        "added_by": row["user_id"],
        "channel_id": 2,
        "message_id": 60_000 + row["id"],
        "showcased_at": row["at"],
    }
