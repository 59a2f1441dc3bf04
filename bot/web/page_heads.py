"""What stands above the clips of a server or a creator: name, words, icon, accent and invite."""

from dataclasses import dataclass

from yarl import URL

from bot.domain.showcase.gallery import GallerySearch
from bot.web.accents import build_accent_url
from bot.web.page_texts import PageTexts
from bot.web.site import GallerySite
from bot.web.view_models import contain_text, isolate_text


@dataclass(frozen=True, slots=True)
class PageHead:
    """The head of a page, all of it cleaned for showing.

    ``subject`` is the search for everything on the page. ``byline`` is the server's own name under
    another title. ``stylesheet`` is the address of the accent's colors.
    """

    subject: GallerySearch
    name: str
    description: str
    is_creator: bool = False
    byline: str | None = None
    icon: str | None = None
    invite: str | None = None
    stylesheet: str | None = None


async def find_head(site: GallerySite, search: GallerySearch, texts: PageTexts) -> PageHead | None:
    """Return the head for a search in a creator's or a server's clips, `None` for any other.

    A creator who has no page, or shows nothing, has no head; nor has a server that is not public.
    """
    if search.creator_page is not None:
        return await _find_creator_head(site, search.creator_page, texts)
    if search.guild_id is not None:
        return await _find_server_head(site, search.guild_id, texts)
    return None


async def _find_creator_head(site: GallerySite, page_key: str, texts: PageTexts) -> PageHead | None:
    subject = GallerySearch(creator_page=page_key)
    newest = await site.load_page(subject, cursor=None, limit=1)
    if not newest.entries:
        return None
    name = contain_text(newest.entries[0].creator_name)
    return PageHead(
        subject=subject,
        name=name,
        description=texts("creator.description", creator=isolate_text(name)),
        is_creator=True,
    )


async def _find_server_head(site: GallerySite, guild_id: int, texts: PageTexts) -> PageHead | None:
    guilds = dict(await site.gallery.list_guilds(limit=0, including=guild_id))
    if guild_id not in guilds:
        return None
    server = contain_text(guilds[guild_id])
    page = await site.server_pages.load_server_page(guild_id)
    title = None if page.title is None else contain_text(page.title)
    description = None if page.description is None else contain_text(page.description)
    accent = page.shown_accent
    icon_path = f"{site.servers.build_path(guild_id)}/icon.webp"
    return PageHead(
        subject=GallerySearch(guild_id=guild_id),
        name=title or server,
        description=description or texts("server.description", server=isolate_text(server)),
        byline=server if title is not None and title != server else None,
        icon=str(URL.build(path=icon_path)) if page.has_icon else None,
        invite=page.invite_url,
        stylesheet=None if accent is None else build_accent_url(accent),
    )
