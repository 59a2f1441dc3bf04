"""Downloads of originals through signed links, a feature of `bot.web.application`.

Links that are forged, damaged, expired or revoked get the same 404 as links to a missing file. All
go through the same steps: signature, record, file. So neither content nor timing tells an attacker
anything. Whether moderators withhold or have refused the clip is looked up for each request.
"""

from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from bot.domain.clips.file_names import build_file_name
from bot.domain.clips.media_store import MediaStore
from bot.store.jobs.clips import ClipStore
from bot.web.file_responses import send_file
from bot.web.links import DOWNLOAD_PREFIX, SignedLinks
from bot.web.security import hold_stream

_ANY_CASE_PATH: Final = f"/{{prefix:(?i:{DOWNLOAD_PREFIX.removeprefix('/')})}}/{{rest:.*}}"
"""Other spellings of the prefix are also refused after the same steps."""
_MAX_TOKEN_LENGTH: Final = 512
_MISSING_CLIP_ID: Final = 0
_MISSING_FILE: Final = "clips/0-0.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalDownloads:
    """Serves originals. Call it with the application to add its route.

    If the media store has signed links of its own, visitors are redirected to one, so that large
    files do not pass through this process. Such a link works for some minutes.
    """

    links: SignedLinks
    clips: ClipStore
    media_store: MediaStore

    def __call__(self, app: web.Application) -> None:
        app.router.add_get(_ANY_CASE_PATH, self.send_original)

    async def send_original(self, request: web.Request) -> web.StreamResponse:
        """Send the original that the link was signed for, or redirect to it.

        Raises `web.HTTPNotFound`, `web.HTTPFound` or `MediaUnavailable`.
        """
        await self.links.refresh_keys()
        token, _, requested_name = request.match_info["rest"].partition("/")
        grant = self.links.verify_token(token[:_MAX_TOKEN_LENGTH])
        clip = await self.clips.find_for_link(_MISSING_CLIP_ID if grant is None else grant.clip_id)
        file = await self.media_store.find(_MISSING_FILE if clip is None else clip.path)
        name = "" if clip is None else build_file_name(clip)
        # links of earlier versions, which are valid for days, do not name the model
        names = () if clip is None else (name, f"clip-{clip.id}.mp4")
        path_matches = request.path.startswith(DOWNLOAD_PREFIX) and requested_name in names
        if grant is None or clip is None or not grant.covers_clip(clip):
            raise web.HTTPNotFound
        if file is None or not path_matches:
            raise web.HTTPNotFound
        # the bucket's own link would work for some minutes after moderators have refused the clip
        if request.method == hdrs.METH_GET and not clip.withheld:
            link = await self.media_store.create_link(file)
            if link is not None:
                raise web.HTTPFound(link, headers={hdrs.CACHE_CONTROL: "no-store"})
        headers = {
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"',
            "X-Robots-Tag": "noindex",
        }
        with hold_stream(request):
            return await send_file(
                request, self.media_store, file, content_type="video/mp4", headers=headers
            )
