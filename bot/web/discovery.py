"""What search engines and home screens read: robots.txt, the sitemaps, the manifest.

Only what is public right now is listed: the queries are those of the pages. A server whose admins
made its showcase public can be found, the others are named nowhere.
"""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web
from yarl import URL

from bot.domain.legal_pages import PRIVACY_PATH, TERMS_PATH
from bot.domain.showcase.filmstrip import FilmPart
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.page_paths import build_clip_path, build_creator_path
from bot.web import responses
from bot.web.filmstrip_views import build_start_path
from bot.web.page_texts import PageTexts
from bot.web.site import PAGE_TEXTS, SITE, GallerySite
from bot.web.view_models import CardView, build_card_view, isolate_text, shorten_title

CLIPS_IN_SITEMAP: Final = 20_000
"""Clip numbers in one sitemap. The protocol (sitemaps.org) allows 50,000 addresses."""
_MAX_SERVERS: Final = 1000
_MAX_CREATORS: Final = 10_000
_MAX_NAME_LENGTH: Final = 110
_AI_SOURCE_TYPE: Final = "https://schema.org/TrainedAlgorithmicMediaDigitalSource"
"""How schema.org says that a clip was made by AI (IPTC's digital source types)."""
_ROBOTS: Final = """\
User-agent: *
Disallow: /api/
Disallow: /download/
Disallow: /language
Disallow: /oembed

Sitemap: {sitemap}
"""
_ADULTS_ROBOTS: Final = "User-agent: *\nDisallow: /\n"
_ICONS: Final = (
    ("icon.svg", "any", "image/svg+xml", "any"),
    ("icon-192.png", "192x192", "image/png", "any"),
    ("icon-512.png", "512x512", "image/png", "any"),
    ("icon-maskable-512.png", "512x512", "image/png", "maskable"),
)


async def get_robots(request: web.Request) -> web.Response:
    """Return the rules for crawlers (RFC 9309). Searches are left out by their pages instead."""
    if request.app[SITE].adults_only:
        return responses.respond_text(request, _ADULTS_ROBOTS, "text/plain")
    sitemap = request.app[SITE].build_absolute_url("/sitemap.xml")
    return responses.respond_text(request, _ROBOTS.format(sitemap=sitemap), "text/plain")


async def get_sitemap_index(request: web.Request) -> web.Response:
    """Return the list of sitemaps: one of pages, and one for each range of clips."""
    site = request.app[SITE]
    ranges = await site.gallery.list_clip_ranges(CLIPS_IN_SITEMAP)
    paths = ["/sitemap-pages.xml", *(f"/sitemap-clips-{number}.xml" for number in ranges)]
    places = [(site.build_absolute_url(path), None) for path in paths]
    return _respond_sitemap(request, "sitemapindex", "sitemap", places)


async def get_page_sitemap(request: web.Request) -> web.Response:
    """Return the addresses of the gallery, of servers' and creators' pages, and of the terms."""
    site = request.app[SITE]
    await site.servers.refresh(site.gallery, site.clock)
    guilds = await site.gallery.list_guilds(limit=_MAX_SERVERS)
    # the paths of servers are not percent-encoded, the addresses of a sitemap are
    servers = (str(URL.build(path=site.servers.build_path(each))) for each, _ in guilds)
    keys = await site.creator_pages.list_public_keys(limit=_MAX_CREATORS)
    creators = map(build_creator_path, keys)
    paths = ["/", *servers, *creators, TERMS_PATH, PRIVACY_PATH]
    places = [(site.build_absolute_url(path), None) for path in paths]
    return _respond_sitemap(request, "urlset", "url", places)


async def get_clip_sitemap(request: web.Request) -> web.Response:
    """Return the addresses of the public clips in a range of numbers."""
    site = request.app[SITE]
    first = int(request.match_info["number"]) * CLIPS_IN_SITEMAP
    shown = await site.gallery.list_public_clips(first, first + CLIPS_IN_SITEMAP)
    if not shown:
        raise web.HTTPNotFound
    places = [
        (site.build_absolute_url(build_clip_path(clip_id)), at.isoformat(timespec="seconds"))
        for clip_id, at in shown
    ]
    return _respond_sitemap(request, "urlset", "url", places)


def _respond_sitemap(
    request: web.Request, root: str, element: str, places: Sequence[tuple[str, str | None]]
) -> web.Response:
    body = request.app[SITE].templates.render(
        "sitemap.xml", root=root, element=element, places=places
    )
    return responses.respond_text(request, body, "application/xml")


async def get_manifest(request: web.Request) -> web.Response:
    """Return the name and icons for a home screen (https://www.w3.org/TR/appmanifest/)."""
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    manifest = {
        "name": f"Clapper · {texts('site.title')}",
        "short_name": "Clapper",
        "description": texts("site.description"),
        "lang": texts.language,
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "minimal-ui",
        "background_color": "#100d12",
        "theme_color": "#100d12",
        "icons": [
            {"src": site.assets.build_url(name), "sizes": sizes, "type": kind, "purpose": purpose}
            for name, sizes, kind, purpose in _ICONS
        ],
    }
    response = responses.respond_json(request, manifest, content_type="application/manifest+json")
    response.headers.add("Vary", "Accept-Language, Cookie")
    return response


def build_video_object(
    entry: GalleryEntry,
    card: CardView,
    parts: Sequence[FilmPart],
    site: GallerySite,
    texts: PageTexts,
) -> dict[str, Any]:
    """Return a clip in the words of https://schema.org/VideoObject, for search engines.

    The ``parts`` of its filmstrip that it contains are its key moments
    (https://developers.google.com/search/docs/appearance/structured-data/video).
    """
    description = texts(
        "clip.description", creator=isolate_text(card.creator), server=isolate_text(card.server)
    )
    author = {"@type": "Person", "name": card.creator}
    if card.creator_url is not None:
        author["url"] = site.build_absolute_url(card.creator_url)
    moments = [
        {
            "@type": "Clip",
            "name": shorten_title(build_card_view(part.entry, site, texts).title),
            "startOffset": part.start_s,
            "endOffset": part.end_s,
            "url": site.build_absolute_url(build_start_path(entry, part.start_s)),
        }
        for part in parts
        if part.is_contained
    ]
    video_object: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": shorten_title(card.title, _MAX_NAME_LENGTH),
        "description": card.prompt or description,
        "url": site.build_absolute_url(card.url),
        "thumbnailUrl": [site.build_absolute_url(card.poster)],
        "contentUrl": site.build_absolute_url(card.video),
        "embedUrl": site.build_absolute_url(f"{card.url}/player"),
        "encodingFormat": "video/mp4",
        "digitalSourceType": _AI_SOURCE_TYPE,
        "creditText": card.origin,
        "uploadDate": card.iso,
        "duration": f"PT{card.seconds}S",
        "width": card.width,
        "height": card.height,
        "author": author,
        "interactionStatistic": {
            "@type": "InteractionCounter",
            "interactionType": {"@type": "LikeAction"},
            "userInteractionCount": entry.votes,
        },
    }
    if card.spoiler:  # search engines make pictures of the file, and the players
        del video_object["contentUrl"], video_object["embedUrl"]
        video_object["isFamilyFriendly"] = False
    if len(moments) > 1 and not card.spoiler:
        video_object["hasPart"] = moments
    return video_object
