"""Gallery entries in the form that templates show, with dates in the reader's language."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bot.domain.clips.file_names import build_file_name
from bot.domain.jobs.request import AspectRatio, GenerationMode
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.page_paths import build_clip_path, build_creator_path
from bot.services.clips.thumbnails import POSTER_MAX_SIDE, WEBP_POSTER_SIDES
from bot.web.page_texts import PageTexts
from bot.web.site import GallerySite

_MAX_TITLE_LENGTH: Final = 70
_NONCHARACTERS: Final = "".join(
    chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
)
_UNPRINTABLE_PATTERN: Final = re.compile(
    f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_NONCHARACTERS}]"
)
"""Characters that XML and HTML documents may not contain (XML 1.0, 2.2; HTML, 13.2.3.5)."""
_BIDI_CONTROL_PATTERN: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that change the direction of the text after them (UAX 9, 2.1 to 2.4)."""


@dataclass(frozen=True, slots=True)
class CardView:
    """One clip, for grids, chains and its own page."""

    id: int
    url: str
    video: str
    poster: str
    poster_width: int
    poster_height: int
    poster_sizes: str
    glow: str
    colors: tuple[str, ...]
    large_poster: str
    preview: str | None
    title: str
    prompt: str | None
    creator: str
    creator_url: str | None
    server: str
    server_id: int
    server_url: str
    model: str
    model_id: str
    origin: str
    file_name: str
    mode: GenerationMode
    length: str
    seconds: int
    votes: str
    vote_count: int
    portrait: bool
    width: int
    height: int
    size_bytes: int
    extension_depth: int
    spoiler: bool
    day: str
    iso: str


def build_card_view(
    entry: GalleryEntry, site: GallerySite, texts: PageTexts, *, has_preview: bool = False
) -> CardView:
    """Return the entry in the language of ``texts``; it moves in lists if it ``has_preview``."""
    clip = entry.clip
    url = build_clip_path(clip.id)
    prompt = None if entry.prompt is None else contain_text(entry.prompt)
    poster_size = fit_size(measure_clip_size(entry), (POSTER_MAX_SIDE, POSTER_MAX_SIDE))
    return CardView(
        id=clip.id,
        url=url,
        video=f"{url}/video.mp4",
        poster=f"{url}/poster.jpg",
        poster_width=poster_size[0],
        poster_height=poster_size[1],
        poster_sizes=_list_poster_sizes(url, poster_size),
        glow=f"{url}/poster-{WEBP_POSTER_SIDES[0]}.webp",
        colors=_split_colors(clip.poster_colors or ""),
        large_poster=f"{url}/poster-{WEBP_POSTER_SIDES[-1]}.webp",
        preview=f"{url}/preview.mp4" if has_preview else None,
        title=prompt or texts("clip.untitled", clip=clip.id),
        prompt=prompt,
        creator=contain_text(entry.creator_name),
        creator_url=find_creator_path(entry),
        server=contain_text(entry.guild_name),
        server_id=entry.guild_id,
        server_url=site.servers.build_path(entry.guild_id),
        model=site.get_model_name(clip.model),
        model_id=clip.model,
        origin=texts("clip.origin", model=site.get_model_name(clip.model)),
        file_name=build_file_name(clip),
        mode=clip.mode,
        length=format_time(clip.seconds),
        seconds=clip.seconds,
        votes=texts.format_number(entry.votes),
        vote_count=entry.votes,
        portrait=clip.aspect_ratio is AspectRatio.PORTRAIT,
        width=clip.width,
        height=clip.height,
        size_bytes=clip.size_bytes,
        extension_depth=clip.extension_depth,
        spoiler=clip.spoiler,
        day=texts.format_day(entry.showcased_at),
        iso=entry.showcased_at.isoformat(timespec="seconds"),
    )


def find_creator_path(entry: GalleryEntry) -> str | None:
    """Return the path of the creator's own page, if they have opened one.

    Clips for adults are not there, so it may be empty for those who come from one.
    """
    if entry.creator_page is None or entry.is_for_adults:
        return None
    return build_creator_path(entry.creator_page)


def format_time(seconds: int) -> str:
    """Return a length, or a place in a clip, as players show it."""
    return f"{seconds // 60}:{seconds % 60:02}"


def _split_colors(digits: str) -> tuple[str, ...]:
    """Return the colors of `Clip.poster_colors` one by one."""
    return tuple(digits[start : start + 3] for start in range(0, len(digits), 3))


def fit_size(size: tuple[int, int], limits: tuple[int, int]) -> tuple[int, int]:
    """Return ``size`` scaled down to ``limits``, with the same aspect ratio."""
    (width, height), (max_width, max_height) = size, limits
    scale = min(1.0, max_width / width, max_height / height)
    return max(1, int(width * scale)), max(1, int(height * scale))


def measure_clip_size(entry: GalleryEntry) -> tuple[int, int]:
    """Return width and height of a clip; of one whose size is not known, only the shape."""
    return entry.clip.width or 16, entry.clip.height or 9


def _list_poster_sizes(url: str, poster_size: tuple[int, int]) -> str:
    """Return the posters of a clip with their widths, for ``srcset``."""
    smaller = [side for side in WEBP_POSTER_SIDES if side < max(poster_size)]
    sides = WEBP_POSTER_SIDES[: len(smaller) + 1]
    widths = {side: fit_size(poster_size, (side, side))[0] for side in sides}
    return ", ".join(f"{url}/poster-{side}.webp {width}w" for side, width in widths.items())


async def build_moving_cards(
    entries: Iterable[GalleryEntry], site: GallerySite, texts: PageTexts
) -> list[CardView]:
    """Return the entries as cards, which move if their previews are made.

    A page never asks for a preview that must be made first, because all of its clips would.
    """

    async def build_card(entry: GalleryEntry) -> CardView:
        clip = entry.clip
        has_preview = not clip.spoiler and await site.thumbnails.is_preview_made(clip)
        return build_card_view(entry, site, texts, has_preview=has_preview)

    return list(await asyncio.gather(*map(build_card, entries)))


def contain_text(text: str) -> str:
    """Return ``text`` without characters that could affect the rest of the page."""
    return _BIDI_CONTROL_PATTERN.sub("", _UNPRINTABLE_PATTERN.sub(" ", text))


def isolate_text(text: str) -> str:
    """Return ``text`` for use in a sentence, independent of its writing direction."""
    return f"\u2068{text}\u2069"


def shorten_title(title: str, max_length: int = _MAX_TITLE_LENGTH) -> str:
    """Return a title in one line, cut between words."""
    line = " ".join(title.split())
    if len(line) <= max_length:
        return line
    cut = line[: max_length - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > max_length // 2 else cut).rstrip(" ,.;:") + "…"


def build_generate_command(entry: GalleryEntry) -> str | None:
    """Return the command for a clip like this one, or `None` if the prompt is hidden.

    Edits have none either, because their words mean nothing without the clip that they change. The
    command is not translated: Discord accepts the English option names in every language.
    """
    clip = entry.clip
    if not entry.prompt or clip.mode is GenerationMode.EDIT:
        return None
    prompt = " ".join(contain_text(entry.prompt).split())
    parts = ["/video generate", f"prompt:{prompt}", f"model:{clip.model}"]
    parts.append(f"aspect_ratio:{clip.aspect_ratio}")
    if clip.resolution is not None:
        parts.append(f"resolution:{clip.resolution}")
    has_own_length = clip.extension_depth == 0 and clip.mode is not GenerationMode.CONTINUATION
    if has_own_length:
        parts.append(f"duration:{clip.seconds}")
    return " ".join(parts)
