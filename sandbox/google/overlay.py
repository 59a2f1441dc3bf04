"""Draws the prompt and the reference images over a painted scene.

Both are drawn once at full size, so that they stay sharp although the scene is scaled up, and are
blended into the YUV planes of every frame.
"""

import io
import textwrap
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image, ImageDraw, ImageFont, ImageOps

from sandbox.google.clip_spec import ImageFit
from sandbox.google.pixels import plane_pixels

pillow_heif.register_heif_opener()  # Omni takes HEIC, which Pillow alone does not read

_LAST_LATIN_CODE_POINT = 0x24F
"""Last character that Pillow's font surely has; others are left out of the caption."""


@dataclass(frozen=True, slots=True)
class FrameOverlay:
    """An image at an even position as YUV planes, multiplied by its alpha.

    ``background_weights`` is the part of the frame below that stays visible (0..256).
    """

    left: int
    top: int
    planes: tuple[npt.NDArray[np.uint16], ...]
    background_weights: tuple[npt.NDArray[np.uint16], ...]

    def blend(self, frame: av.VideoFrame) -> None:
        """Blend this image into a yuv420p frame, in place."""
        for index, (color, background) in enumerate(
            zip(self.planes, self.background_weights, strict=True)
        ):
            half = 1 if index else 0
            pixels = plane_pixels(frame, index)
            top, left = self.top >> half, self.left >> half
            height, width = color.shape
            box = pixels[top : top + height, left : left + width]
            box[:] = (color + ((box * background) >> 8)).astype(np.uint8)


def open_image(data: bytes) -> Image.Image:
    """Decode an image, upright and without transparency."""
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def fit_image(image: Image.Image, size: tuple[int, int], fit: ImageFit) -> Image.Image:
    """Return the image in a size (width, height), cropped or with black borders."""
    if fit is ImageFit.PAD:
        return ImageOps.pad(image, size, Image.Resampling.LANCZOS)
    return ImageOps.fit(image, size, Image.Resampling.LANCZOS)


def build_caption(
    prompt: str, size: tuple[int, int], *, covers_another: bool = False
) -> FrameOverlay | None:
    """Return the prompt at the bottom of the frame; None if the font has none of its characters.

    With ``covers_another`` it hides the caption that an edited clip has already.
    """
    caption = "".join(letter if ord(letter) <= _LAST_LATIN_CODE_POINT else " " for letter in prompt)
    caption = " ".join(caption.split())
    if not caption:
        return None
    width, height = size
    short = min(size)
    font = ImageFont.load_default(size=max(short // 34, 10))
    text = textwrap.shorten(caption, width=max(8, width // (short // 66)), placeholder=" …")
    margin = short // 36
    left, top, right, bottom = font.getbbox(text)
    box = (int(right - left) + 2 * margin, int(bottom - top) + 2 * margin)
    widest = width - 2 * margin
    card_size = (widest if covers_another else min(box[0], widest), box[1])
    card = Image.new("RGBA", card_size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(card)
    fill = (8, 10, 22, 255 if covers_another else 105)
    draw.rounded_rectangle((0, 0, card.width - 1, card.height - 1), margin, fill=fill)
    draw.text((margin - left, margin - top), text, font=font, fill=(255, 255, 255, 235))
    return _build_overlay(card, (margin, height - margin - card.height), size)


def build_reference_cards(pictures: tuple[bytes, ...], size: tuple[int, int]) -> list[FrameOverlay]:
    """Return the reference images as small framed cards, in rows from the upper edge down."""
    short = min(size)
    side, margin = short // 5, short // 36
    columns = (size[0] - margin) // (side + margin)
    cards = []
    for index, data in enumerate(pictures):
        row, column = divmod(index, columns)
        at = (margin + column * (side + margin), margin + row * (side + margin))
        card = Image.new("RGBA", (side, side), (255, 255, 255, 225))
        border = max(side // 24, 2)
        inner = (side - 2 * border, side - 2 * border)
        card.paste(fit_image(open_image(data), inner, ImageFit.CROP), (border, border))
        cards.append(_build_overlay(card, at, size))
    return cards


def _build_overlay(card: Image.Image, at: tuple[int, int], size: tuple[int, int]) -> FrameOverlay:
    left, top = at[0] & ~1, at[1] & ~1
    width = min(card.width, size[0] - left) & ~1
    height = min(card.height, size[1] - top) & ~1
    rgba = np.asarray(card.crop((0, 0, width, height)))
    alpha = rgba[:, :, 3].astype(np.uint16) + (rgba[:, :, 3] > 127)
    color = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgba[:, :, :3]), format="rgb24")
    yuv = color.reformat(format="yuv420p", dst_colorspace="ITU709").to_ndarray()
    half_alpha = alpha.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)).astype(np.uint16)
    quarter = (height // 2) * (width // 2)
    flat = yuv.reshape(-1)
    luma = flat[: height * width].reshape(height, width)
    chroma = flat[height * width :]
    blue = chroma[:quarter].reshape(height // 2, width // 2)
    red = chroma[quarter : 2 * quarter].reshape(height // 2, width // 2)
    alphas = (alpha, half_alpha, half_alpha)
    planes = tuple(
        ((plane.astype(np.uint32) * a) >> 8).astype(np.uint16)
        for plane, a in zip((luma, blue, red), alphas, strict=True)
    )
    return FrameOverlay(left, top, planes, tuple((256 - a).astype(np.uint16) for a in alphas))
