"""The host for attachments and avatars, with signed links that expire, and range requests.

Rules: https://docs.discord.com/developers/reference#signed-attachment-cdn-urls
"""

import asyncio
import colorsys
import hashlib
import io

from aiohttp import web
from PIL import Image

from sandbox.discord.entities import Attachment
from sandbox.discord.files import link_path
from sandbox.discord.world import DiscordWorld

_GONE_MESSAGE = "This content is no longer available."
_AVATAR_SIZE_PX = 128


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    """Routes for attachments and avatars, at the root of the server."""

    async def get_attachment(request: web.Request) -> web.StreamResponse:
        attachment = _find_attachment(world, request.match_info["attachment_id"])
        path = request.path
        if (
            attachment is None
            or link_path(attachment) != path
            or not world.files.is_valid_link(path, dict(request.query), world.clock.now())
        ):
            return web.Response(status=404, text=_GONE_MESSAGE)
        return web.FileResponse(
            attachment.path,
            chunk_size=256 * 1024,
            headers={
                "Content-Type": attachment.content_type,
                "Content-Disposition": f'attachment; filename="{attachment.filename}"',
                "Cache-Control": "private, max-age=86400",
            },
        )

    async def get_avatar(request: web.Request) -> web.Response:
        picture = await asyncio.to_thread(_draw_avatar, request.match_info["name"])
        return web.Response(body=picture, content_type="image/png")

    return [
        web.get("/attachments/{channel_id}/{attachment_id}/{filename}", get_attachment),
        web.get("/ephemeral-attachments/{channel_id}/{attachment_id}/{filename}", get_attachment),
        web.get("/avatars/{user_id}/{name}", get_avatar),
        web.get("/embed/avatars/{name}", get_avatar),
    ]


def _find_attachment(world: DiscordWorld, attachment_id: str) -> Attachment | None:
    return world.attachments.get(int(attachment_id)) if attachment_id.isdecimal() else None


def _draw_avatar(name: str) -> bytes:
    """Return an avatar of one plain color, the same for the same name."""
    hue = hashlib.sha256(name.split(".")[0].encode()).digest()[0] / 255
    red, green, blue = (int(255 * channel) for channel in colorsys.hsv_to_rgb(hue, 0.5, 0.8))
    out = io.BytesIO()
    Image.new("RGB", (_AVATAR_SIZE_PX, _AVATAR_SIZE_PX), (red, green, blue)).save(out, "PNG")
    return out.getvalue()
