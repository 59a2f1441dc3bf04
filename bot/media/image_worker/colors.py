"""Converts images of any color space to 8-bit sRGB.

Members see their images in a browser, which applies color profiles, the H.273 values of HDR images
and the gamma of PNGs. Google has to get the same colors. HDR is tone-mapped to the range of an
ordinary screen.
"""

import contextlib
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms, ImageFilter

from bot.media.image_worker.containers import ColorSignal

_PQ, _HLG = 16, 18
_TABLE_SIDE: Final = 33
_WHITE_NITS: Final = 203.0
"""The brightness of white in HDR (ITU-R BT.2408)."""
_HLG_PEAK: Final = 1000.0 / _WHITE_NITS
_KNEE: Final = 0.6
"""Light above this value (1 is white) is compressed."""
_MIN_PEAK: Final = 1.05
_D65: Final = (0.3127, 0.3290)
_CHROMATICITIES: Final[dict[int, tuple[float, ...]]] = {
    1: (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
"""The x and y of white, red, green and blue, by H.273's number for the primaries."""
Matrix = list[list[float]]


def convert_to_srgb(
    image: Image.Image, profile: bytes | None, signal: ColorSignal | None
) -> Image.Image:
    """Return ``image`` (8 bits a channel, no palette) as RGB or RGBA in sRGB."""
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    opaque = image.convert({"RGBA": "RGB", "LA": "L"}[image.mode]) if alpha else image
    is_hdr = signal is not None and signal.transfer in (_PQ, _HLG)
    converted = None
    if profile and not is_hdr:
        converted = _apply_profile(opaque, profile)
    elif signal is not None:
        converted = _apply_signal(opaque.convert("RGB"), signal)
    result = converted or opaque.convert("RGB")
    if alpha is not None:
        result.putalpha(alpha)
    return result


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(source.profile.xcolor_space.strip())
        if mode is None or (mode == "CMYK") != (image.mode == "CMYK"):
            return None
        return ImageCms.profileToProfile(
            image if image.mode == mode else image.convert(mode),
            source,
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    return None


def _apply_signal(image: Image.Image, signal: ColorSignal) -> Image.Image | None:
    chromaticities = signal.chromaticities or _CHROMATICITIES.get(signal.primaries)
    is_srgb_like = signal.gamma is None and signal.transfer not in (4, 5, 8, _PQ, _HLG)
    if chromaticities is None or 0.0 in chromaticities[1::2]:
        chromaticities = _CHROMATICITIES[1]
    usual = _CHROMATICITIES[1]
    if is_srgb_like and all(abs(a - b) < 0.004 for a, b in zip(chromaticities, usual, strict=True)):
        return None
    try:
        to_srgb = _invert(_build_xyz_matrix(usual))
        matrix = _multiply(to_srgb, _build_xyz_matrix(chromaticities))
    except ZeroDivisionError:
        return None
    decode = _get_decoder(signal)
    peak = 1.0
    if signal.transfer in (_PQ, _HLG):
        # Average pixels, so that a single bright one does not darken the whole image.
        sample = image.reduce(4)
        brightest = max(high for _, high in _list_extrema(sample))
        peak = max(_MIN_PEAK, decode(brightest / 255))
    return image.filter(_build_table(decode, matrix, peak))


def _list_extrema(image: Image.Image) -> Sequence[tuple[int, int]]:
    extrema: Sequence[tuple[int, int]] = image.getextrema()  # type: ignore[assignment]
    return extrema


def _build_table(
    decode: Callable[[float], float], matrix: Matrix, peak: float
) -> ImageFilter.Color3DLUT:
    levels = [decode(place / (_TABLE_SIDE - 1)) for place in range(_TABLE_SIDE)]
    table: list[float] = []
    for blue in levels:
        for green in levels:
            for red in levels:
                linear = [row[0] * red + row[1] * green + row[2] * blue for row in matrix]
                scale = _compress(max(linear), peak)
                table += [_encode_srgb(value * scale) for value in linear]
    return ImageFilter.Color3DLUT(_TABLE_SIDE, table)


def _compress(value: float, peak: float) -> float:
    """Return the factor that maps the brightest channel from 0…``peak`` to 0…1."""
    if peak <= 1.0 or value <= _KNEE:
        return 1.0
    above, top = (value - _KNEE) / (1 - _KNEE), (peak - _KNEE) / (1 - _KNEE)
    return (_KNEE + (1 - _KNEE) * above * (1 + above / top**2) / (1 + above)) / value


def _get_decoder(signal: ColorSignal) -> Callable[[float], float]:
    """Return the function that turns a coded value (0…1) into linear light, where 1 is white."""
    if signal.gamma is not None:
        exponent = 1 / signal.gamma
        return lambda value: float(value**exponent)
    match signal.transfer:
        case 16:
            return _decode_pq
        case 18:
            return _decode_hlg
        case 4:
            return lambda value: float(value**2.2)
        case 5:
            return lambda value: float(value**2.8)
        case 8:
            return lambda value: value
    return _decode_srgb  # browsers use this curve for BT.709 and similar ones, too


@lru_cache(maxsize=512)
def _decode_pq(value: float) -> float:
    """Decode by SMPTE ST 2084."""
    root = value ** (1 / 78.84375)
    light = max(root - 0.8359375, 0.0) / (18.8515625 - 18.6875 * root)
    return float(10_000 * light ** (1 / 0.1593017578125)) / _WHITE_NITS


@lru_cache(maxsize=512)
def _decode_hlg(value: float) -> float:
    """Decode by ITU-R BT.2100 for a screen of 1,000 nits, with its gamma per channel."""
    scene = value**2 / 3
    if value > 0.5:
        scene = (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return float(scene**1.2) * _HLG_PEAK


def _decode_srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _encode_srgb(value: float) -> float:
    value = min(max(value, 0.0), 1.0)
    return value * 12.92 if value <= 0.0031308 else float(1.055 * value ** (1 / 2.4)) - 0.055


def _build_xyz_matrix(chromaticities: Sequence[float]) -> Matrix:
    """Return the matrix from linear RGB to XYZ, with white at Y = 1."""
    white_x, white_y, *primaries = chromaticities
    columns = [
        (x / y, 1.0, (1 - x - y) / y) for x, y in zip(primaries[::2], primaries[1::2], strict=True)
    ]
    rows = [[column[row] for column in columns] for row in range(3)]
    white = [white_x / white_y, 1.0, (1 - white_x - white_y) / white_y]
    weights = [sum(a * b for a, b in zip(row, white, strict=True)) for row in _invert(rows)]
    return [[value * weight for value, weight in zip(row, weights, strict=True)] for row in rows]


def _multiply(left: Matrix, right: Matrix) -> Matrix:
    return [[sum(row[k] * right[k][j] for k in range(3)) for j in range(3)] for row in left]


def _invert(m: Matrix) -> Matrix:
    cofactors = [
        [
            m[(i + 1) % 3][(j + 1) % 3] * m[(i + 2) % 3][(j + 2) % 3]
            - m[(i + 1) % 3][(j + 2) % 3] * m[(i + 2) % 3][(j + 1) % 3]
            for i in range(3)
        ]
        for j in range(3)
    ]
    determinant = sum(m[0][j] * cofactors[j][0] for j in range(3))
    return [[value / determinant for value in row] for row in cofactors]
