"""The web server inside the test's own process, with limits that the test chooses.

`tests.web.conftest.gallery` runs the program as operators do. This one is for tests of limits,
which count connections, block encoders and look inside the server.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from yarl import URL

from bot.app.clock import SystemClock
from bot.domain.clips.media_store import MediaStore
from bot.domain.showcase.filmstrip import Filmstrip
from bot.domain.showcase.gallery import ClipCount, GalleryEntry, GalleryPage
from bot.domain.showcase.server_page import ServerPage
from bot.media.local_store import LocalMediaStore
from bot.observability.web_metrics import WebInstruments
from bot.services.clips.thumbnails import Thumbnails
from bot.store.showcase.creator_pages import CreatorPageStore
from bot.store.showcase.gallery import GalleryStore
from bot.store.showcase.server_pages import ServerPageStore
from bot.web.application import Feature, build_application
from bot.web.legal_facts import LegalFacts
from bot.web.open_limits import WebCapacity
from bot.web.server import serve_application
from bot.web.site import GallerySite
from tests.web.test_views import ENTRY

NOTHING: Any = None
VIDEO_BYTES = 64_000_000
"""More than the kernel's buffers hold."""


LEGAL_FACTS = LegalFacts(
    operator_name="Harbour Film Club",
    operator_contact="clips@harbour.example",
    keep_files_days=91,
    keep_files_gigabytes=52,
    keep_charges_days=403,
    keep_moderation_days=184,
    keep_questions_days=2,
    keep_left_servers_days=35,
    pseudonym_days=36,
    cookie_days=367,
    adult_cookie_days=30,
    adults_only=False,
    download_link_days=8,
    uses_database_server=False,
    file_host=None,
    google_services=["Gemini API"],
    gateways=[],
    check_service="Gemini API",
    check_gateway=None,
    checks_results=False,
    keep_checks_minutes=71,
    signs_files=True,
    time_stamp_host=None,
    uses_omni=True,
    keep_omni_days=59,
    keep_google_files_days=12,
    delete_at_google_days=17,
    fills_google_bucket=False,
    gallery_address="https://clips.example",
)


class GalleryInMemory(GalleryStore):
    """Public showcase posts without a database."""

    def __init__(self, *entries: GalleryEntry) -> None:
        self.entries = {entry.clip.id: entry for entry in entries}

    async def is_server_for_adults(self, guild_id: int) -> bool:
        return False

    async def find_entry(self, clip_id: int) -> GalleryEntry | None:
        return self.entries.get(clip_id)

    async def load_page(
        self, search: Any, *, cursor: str | None, limit: int, now: Any = None
    ) -> GalleryPage:
        page = search.creator_page
        entries = (each for each in self.entries.values() if page in (None, each.creator_page))
        return GalleryPage(tuple(entries), None)

    async def find_similar(
        self, entry: GalleryEntry, *, limit: int, without: Collection[int] = ()
    ) -> list[GalleryEntry]:
        return []

    async def count_clips(self, search: Any, *, now: Any = None) -> list[ClipCount]:
        return []

    async def load_lineage(self, clip_id: int) -> list[GalleryEntry]:
        return [self.entries[clip_id]]

    async def load_filmstrip(self, clip_id: int) -> Filmstrip | None:
        return None

    async def list_guilds(
        self, *, limit: int = 100, including: int | None = None, with_adults: bool = False
    ) -> list[tuple[int, str]]:
        return sorted({(entry.guild_id, entry.guild_name) for entry in self.entries.values()})

    async def list_models(self) -> list[str]:
        return sorted({entry.clip.model for entry in self.entries.values()})


class CreatorPagesInMemory(CreatorPageStore):
    """The pages of the creators of some entries."""

    def __init__(self, *entries: GalleryEntry) -> None:
        self.keys = [each.creator_page for each in entries if each.creator_page is not None]

    async def list_public_keys(self, *, limit: int) -> list[str]:
        return sorted(set(self.keys))[:limit]


class OneServerPage(ServerPageStore):
    """The same page for every server."""

    def __init__(self, page: ServerPage) -> None:
        self.page = page

    async def load_server_page(self, guild_id: int) -> ServerPage:
        return self.page


@dataclass(kw_only=True)
class LocalSite:
    """A running site with two clips, 5 and 6."""

    data_dir: Path
    url: URL
    registry: CollectorRegistry
    sockets: list[socket.socket] = field(default_factory=list)

    def read_metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    async def send(self, request: bytes) -> socket.socket:
        """Send bytes on a new connection that reads nothing by itself."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        self.sockets.append(connection)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, (self.url.host, self.url.port))
        await loop.sock_sendall(connection, request)
        return connection

    async def open_stream(
        self, path: str = "/clips/5/video.mp4", *, visitor: str = "192.0.2.1"
    ) -> str:
        """Request a video, read only the beginning, and return the response's head."""
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {visitor}\r\n\r\n"
        return await self.read_head(await self.send(request.encode()))

    async def read_head(self, connection: socket.socket) -> str:
        """Return the head of an answer; empty if the connection was closed without one."""
        data = b""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while b"\r\n\r\n" not in data:
                part = await loop.sock_recv(connection, 256)
                if not part:
                    break
                data += part
        return data.decode("latin-1")


@asynccontextmanager
async def serve_locally(
    data_dir: Path,
    *,
    capacity: WebCapacity | None = None,
    requests_per_minute: float = 100_000,
    thumbnails: Thumbnails | None = None,
    media_store: MediaStore | None = None,
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8",),
    base_url: str = "http://127.0.0.1:8080",
    features: Sequence[Feature] = (),
    legal_facts: LegalFacts = LEGAL_FACTS,
    server_page: ServerPage | None = None,
    spoiler: bool = False,
    **changes: Any,
) -> AsyncIterator[LocalSite]:
    """Serve two clips until the block ends; ``changes`` are those of entries.

    With ``spoiler`` both are behind one. Their files are written to ``data_dir``, and served from
    there or from ``media_store``.
    """
    (data_dir / "clips").mkdir(exist_ok=True)
    entries = []
    for number in (5, 6):
        path = data_dir / "clips" / f"{number}.mp4"
        with path.open("wb") as file:
            file.truncate(VIDEO_BYTES)
        clip = replace(ENTRY.clip, id=number, path=f"clips/{number}.mp4", spoiler=spoiler)
        entries.append(replace(ENTRY, clip=clip, **changes))
    registry = CollectorRegistry()
    app = build_application(
        GallerySite(
            base_url=URL(base_url),
            gallery=GalleryInMemory(*entries),
            server_pages=OneServerPage(server_page or ServerPage(ENTRY.guild_id)),
            creator_pages=CreatorPagesInMemory(*entries),
            thumbnails=thumbnails
            or Thumbnails(
                poster_transcoder=NOTHING,
                preview_transcoder=NOTHING,
                media_probe=NOTHING,
                media_store=LocalMediaStore(data_dir),
            ),
            media_store=media_store or LocalMediaStore(data_dir),
            clock=SystemClock(),
            legal_facts=legal_facts,
        ),
        checks={},
        metrics_source=NOTHING,
        trusted_proxies=tuple(map(ip_network, trusted_proxies)),
        metrics_allowed_networks=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")),
        capacity=capacity or WebCapacity(),
        instruments=WebInstruments(registry),
        requests_per_minute=requests_per_minute,
        features=[add_faulty_route, *features],
    )
    async with serve_application(app, host="127.0.0.1", port=0) as port:
        url = URL(f"http://127.0.0.1:{port}")
        site = LocalSite(data_dir=data_dir, url=url, registry=registry)
        try:
            yield site
        finally:
            for each in site.sockets:
                each.close()


def add_faulty_route(app: web.Application) -> None:
    async def fail(_: web.Request) -> web.Response:
        raise RuntimeError("a fault of ours")

    app.router.add_get("/faulty", fail)
