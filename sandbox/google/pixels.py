"""Conversions between FFmpeg's frames, NumPy's arrays and Pillow's images.

PyAV's type stubs are incomplete here; the casts stay in this module.
"""

from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

Bytes = npt.NDArray[np.uint8]


def plane_pixels(frame: av.VideoFrame, index: int) -> Bytes:
    """Return a plane of a frame as (rows, columns) without padding, in the frame's memory."""
    plane = frame.planes[index]
    memory = memoryview(cast(Any, plane))
    rows = np.frombuffer(memory, dtype=np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def frame_from_image(image: Image.Image) -> av.VideoFrame:
    """Return an RGB image as a frame."""
    return av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")


def image_from_frame(frame: av.VideoFrame) -> Image.Image:
    """Return a frame as an RGB image."""
    return Image.fromarray(frame.to_ndarray(format="rgb24"))
