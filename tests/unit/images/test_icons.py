"""Icons of servers become small squares of our own, and give a page its accent."""

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from bot.domain.errors import ImageRefused
from bot.domain.showcase.server_page import ICON_SIDE
from bot.media.image_worker.icon import find_accent
from bot.media.images import ProcessImageDecoder
from tests.unit.images.samples import encoded, picture


async def test_an_icon_is_drawn_anew(tmp_path: Path) -> None:
    source, destination = tmp_path / "raw", tmp_path / "7.webp"
    await asyncio.to_thread(source.write_bytes, encoded("PNG", picture((300, 200))) + b"<script>")
    accent = await ProcessImageDecoder().write_icon(source, destination)
    with Image.open(destination) as icon:
        assert (icon.format, icon.size) == ("WEBP", (ICON_SIDE, ICON_SIDE))
    assert b"<script>" not in await asyncio.to_thread(destination.read_bytes)
    assert accent is not None
    assert accent >> 16 > 150 or accent & 255 > 150, "red or blue"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7.webp", "raw"]


async def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    source, destination = tmp_path / "raw", tmp_path / "7.webp"
    await asyncio.to_thread(source.write_bytes, b"<svg onload=alert(1)>")
    with pytest.raises(ImageRefused):
        await ProcessImageDecoder().write_icon(source, destination)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_the_most_vivid_area_is_the_accent() -> None:
    icon = Image.new("RGB", (64, 64), (240, 240, 240))
    icon.paste((120, 110, 115), (0, 0, 64, 30))
    assert find_accent(icon) is None, "all of it is gray"
    icon.paste((10, 90, 200), (0, 40, 40, 64))
    icon.paste((220, 30, 30), (50, 50, 56, 56))
    accent = find_accent(icon)
    assert accent is not None
    red, green, blue = accent >> 16, accent >> 8 & 255, accent & 255
    assert blue > 150
    assert max(red, green) < 130
