"""The player for other sites: its size and the code that embeds it."""

from typing import Final

from bot.domain.showcase.gallery import GalleryEntry
from bot.web.site import GallerySite
from bot.web.view_models import CardView, fit_size, measure_clip_size

MAX_WIDTH: Final = 960
MAX_HEIGHT: Final = 720
"""Maximum size of the player in pixels, unless the request asks for less."""


def build_embed_code(
    entry: GalleryEntry,
    card: CardView,
    site: GallerySite,
    limits: tuple[int, int] = (MAX_WIDTH, MAX_HEIGHT),
) -> str:
    """Return the HTML that shows the player of a clip within ``limits`` of width and height."""
    width, height = fit_size(measure_clip_size(entry), limits)
    url = site.build_absolute_url(f"{card.url}/player")
    frame = site.templates.render("frame.html", url=url, width=width, height=height, c=card)
    return frame.strip()


def build_discord_link(entry: GalleryEntry) -> str | None:
    """Return the link to the clip's post in its server, which Discord shows to its members."""
    if entry.channel_id is None or entry.message_id is None:
        return None
    place = f"{entry.guild_id}/{entry.channel_id}/{entry.message_id}"
    return f"https://discord.com/channels/{place}"
