"""Reads the very last picture of a video."""

from typing import Any

from PIL import Image


def read_last_frame(source: Any) -> Image.Image:
    """Return the last picture, upright. Raises `ValueError` if there is none.

    It is decoded from the last key frame on, or from the beginning if nothing comes after that.
    """
    video = source.streams.video[0]
    video.thread_type, video.codec_context.thread_count = "AUTO", 2
    last = None
    if video.duration:
        source.seek((video.start_time or 0) + video.duration - 1, stream=video)
        last = _decode_last(source, video)
    if last is None:
        source.seek(0)
        last = _decode_last(source, video)
    if last is None:
        raise ValueError("no frame in the video")
    image: Image.Image = last.to_image()
    return image if last.rotation % 360 == 0 else image.rotate(last.rotation, expand=True)


def _decode_last(source: Any, video: Any) -> Any:
    last = None
    for frame in source.decode(video):
        if last is None or frame.pts is None or last.pts is None or frame.pts >= last.pts:
            last = frame
    return last
