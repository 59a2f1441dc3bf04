"""The originals of clips for whoever holds a signed address: `bot.web.application`'s feature.

Files go out in ranges and by the kernel, whatever their size. An address that is forged, damaged,
expired, revoked, or of a file that is gone gets one and the same answer after the same steps
(signature, record, file), so that neither what it says nor when it comes teaches who guesses.
"""

from pathlib import Path
from typing import Final, Protocol

from aiohttp import hdrs, web

from bot.domain.clips.clip import Clip
from bot.web.links import DOWNLOAD_PREFIX, SignedLinks
from bot.web.media import MediaResponse, is_readable

_REVALIDATE_ALWAYS: Final = "private, no-cache"
"""Kept by nobody on the way, and asked for anew each time: a clip may be deleted at any moment."""
_ANY_CASE_PATH: Final = f"/{{prefix:(?i:{DOWNLOAD_PREFIX.removeprefix('/')})}}/{{rest:.*}}"
"""Other spellings are refused, but by the same steps."""
_MAX_TOKEN_LENGTH: Final = 512
_MISSING_CLIP_ID: Final = 0
_MISSING_FILE: Final = "clips/0-0.mp4"


class ClipRecords(Protocol):
    """The records of clips."""

    async def get(self, clip_id: int) -> Clip | None:
        """Return the clip, if there is one."""
        ...


class OriginalDownloads:
    """Serves the originals below ``data_dir``; call it with the application to add its routes."""

    def __init__(self, *, links: SignedLinks, clips: ClipRecords, data_dir: Path) -> None:
        self._links = links
        self._clips = clips
        self._data_dir = data_dir

    def __call__(self, app: web.Application) -> None:
        """Add the routes, before the application starts."""
        app.add_routes(self.build_routes())

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes, for `GET` and `HEAD`."""
        return [web.get(_ANY_CASE_PATH, self.send_original)]

    async def send_original(self, request: web.Request) -> web.StreamResponse:
        """Send the original that the address was signed for."""
        await self._links.refresh_keys()
        token, _, given = request.match_info["rest"].partition("/")
        grant = self._links.verify_token(token[:_MAX_TOKEN_LENGTH])
        clip = await self._clips.get(_MISSING_CLIP_ID if grant is None else grant.clip_id)
        path = self._data_dir / (_MISSING_FILE if clip is None else clip.path)
        there = await is_readable(path)
        name = "" if clip is None else f"clip-{clip.id}.mp4"
        right = request.path.startswith(DOWNLOAD_PREFIX) and given == name
        if grant is None or clip is None or not grant.covers_clip(clip) or not there or not right:
            raise web.HTTPNotFound
        response = MediaResponse(path, "video/mp4", cache_control=_REVALIDATE_ALWAYS)
        response.headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{name}"'
        response.headers["X-Robots-Tag"] = "noindex"
        return response
