"""The host for attachments, with signed links that expire, and for avatars, icons and stickers.

Rules: https://docs.discord.com/developers/reference#signed-attachment-cdn-urls
"""

import asyncio
import colorsys
import hashlib
import io

from aiohttp import web
from PIL import Image, ImageDraw

from sandbox.discord.entities import Attachment
from sandbox.discord.files import link_path
from sandbox.discord.world import DiscordWorld

_GONE_MESSAGE = "This content is no longer available."
_PICTURE_SIZE_PX = 128
_STICKER_SIZE_PX = 160


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    """Routes for attachments and pictures, at the root of the server."""

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
        return await _respond_picture(request.match_info["name"])

    async def get_icon(request: web.Request) -> web.Response:
        guild_id, name = request.match_info["guild_id"], request.match_info["name"]
        guild = world.guilds.get(int(guild_id)) if guild_id.isdecimal() else None
        if guild is None or guild.icon is None or name.partition(".")[0] != guild.icon:
            return web.Response(status=404, text=_GONE_MESSAGE)
        return await _respond_picture(name)

    async def get_sticker(request: web.Request) -> web.Response:
        picture = await asyncio.to_thread(_draw_sticker, request.match_info["name"])
        return web.Response(body=picture, content_type="image/png")

    return [
        web.get("/attachments/{channel_id}/{attachment_id}/{filename}", get_attachment),
        web.get("/ephemeral-attachments/{channel_id}/{attachment_id}/{filename}", get_attachment),
        web.get("/avatars/{user_id}/{name}", get_avatar),
        web.get("/embed/avatars/{name}", get_avatar),
        web.get("/icons/{guild_id}/{name}", get_icon),
        web.get("/stickers/{name}", get_sticker),
    ]


def _find_attachment(world: DiscordWorld, attachment_id: str) -> Attachment | None:
    return world.attachments.get(int(attachment_id)) if attachment_id.isdecimal() else None


async def _respond_picture(name: str) -> web.Response:
    picture = await asyncio.to_thread(_draw_picture, name)
    return web.Response(body=picture, content_type="image/png")


def _draw_picture(name: str) -> bytes:
    """Return a picture of one plain color, the same for the same name."""
    size = (_PICTURE_SIZE_PX, _PICTURE_SIZE_PX)
    return _encode_png(Image.new("RGB", size, _choose_color(name)))


def _draw_sticker(name: str) -> bytes:
    """Return a face on a transparent ground, in a color of its own."""
    size, color = _STICKER_SIZE_PX, _choose_color(name)
    image = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(image)
    draw.ellipse((8, 8, size - 8, size - 8), fill=color, outline="white", width=6)
    for left in (0.32, 0.6):
        draw.ellipse((left * size, 0.34 * size, (left + 0.08) * size, 0.5 * size), fill="#222")
    mouth = (0.3 * size, 0.4 * size, 0.7 * size, 0.78 * size)
    draw.arc(mouth, start=20, end=160, fill="#222", width=6)
    return _encode_png(image)


def _choose_color(name: str) -> tuple[int, int, int]:
    hue = hashlib.sha256(name.split(".")[0].encode()).digest()[0] / 255
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.5, 0.8)
    return int(255 * red), int(255 * green), int(255 * blue)


def _encode_png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
