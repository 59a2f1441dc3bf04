"""Decodes large or unusual WebP, AVIF and HEIC images with FFmpeg.

FFmpeg keeps an image in the codec's own format, which takes a quarter of the memory of Pillow's
decoders, and reduces it during the conversion. Large HEIC photos consist of tiles, which are
decoded one by one.
"""

from pathlib import Path
from typing import Any, Final

import av
from av.video.codeccontext import VideoCodecContext
from PIL import Image

from bot.media.image_worker.containers import FileFacts
from bot.media.image_worker.loading import LoadedImage
from bot.media.image_worker.rejection import ImageRejected

_DEMUXERS: Final = {"WEBP": "webp_pipe", "AVIF": "mov", "HEIF": "mov"}
_DECODERS: Final = {"webp": "webp", "libdav1d": "libdav1d", "av1": "libdav1d", "hevc": "hevc"}
_ALPHA_FORMATS: Final = ("yuva", "argb", "rgba", "bgra", "abgr", "gbrap", "ya")
Size = tuple[int, int]


def load_with_ffmpeg(path: Path, kind: str, facts: FileFacts, max_side: int) -> LoadedImage:
    """Return the image in ``path`` with sides up to ``max_side``. Raises FFmpeg's errors."""
    with av.open(str(path), format=_DEMUXERS[kind]) as container:
        streams = list(container.streams.video)
        first = (streams[0].codec_context.width, streams[0].codec_context.height)
        if facts.size is not None and kind != "WEBP" and first != facts.size:
            image = _load_grid(container, streams, facts.size, max_side)
            original_size = facts.size
        else:
            image, original_size = _load_whole(container, streams, facts, max_side)
    return LoadedImage(image, original_size, facts.profile)


def _load_whole(
    container: Any, streams: list[Any], facts: FileFacts, max_side: int
) -> tuple[Image.Image, Size]:
    frames: dict[int, Any] = {}
    wanted = streams[: 2 if facts.has_alpha else 1]  # the second stream is the transparency
    for packet in container.demux(wanted):
        if packet.size and packet.stream.index not in frames:
            frames[packet.stream.index] = _decode_packet(packet)
        if len(frames) == len(wanted):
            break
    first, *others = [frames[stream.index] for stream in wanted]
    original_size = (first.width, first.height)
    image = _convert_frame(first, _fit_size(original_size, max_side))
    if facts.has_alpha:
        if not others or (others[0].width, others[0].height) != original_size:
            raise OSError("the transparency is missing")
        alpha = others[0].reformat(format="gray", width=image.width, height=image.height)
        image.putalpha(alpha.to_image().convert("L"))
    return image, original_size


def _load_grid(container: Any, streams: list[Any], size: Size, max_side: int) -> Image.Image:
    """Return an image that is stored row by row as tiles of equal size."""
    tile = (streams[0].codec_context.width, streams[0].codec_context.height)
    columns, rows = -(-size[0] // tile[0]), -(-size[1] // tile[1])
    tiles = [
        stream
        for stream in streams
        if (stream.codec_context.width, stream.codec_context.height) == tile
    ]
    if len(tiles) < columns * rows:
        raise ImageRejected("image_needs_memory")  # another kind of composition
    whole = _fit_size(size, max_side)
    canvas = Image.new("RGB", whole)
    places = {stream.index: number for number, stream in enumerate(tiles[: columns * rows])}
    for packet in container.demux(tiles[: columns * rows]):
        number = places.pop(packet.stream.index, None) if packet.size else None
        if number is None:
            continue
        left, top = number % columns * tile[0], number // columns * tile[1]
        box = [
            round(edge * whole[axis] / size[axis])
            for edge, axis in ((left, 0), (top, 1), (left + tile[0], 0), (top + tile[1], 1))
        ]
        part = _convert_frame(_decode_packet(packet), (box[2] - box[0], box[3] - box[1]))
        canvas.paste(part, (box[0], box[1]))
    if places:
        raise OSError("tiles are missing")
    return canvas


def _decode_packet(packet: Any) -> Any:
    """Return the only frame of ``packet``, with a new decoder whose memory is freed afterwards."""
    stream_context = packet.stream.codec_context
    name = _DECODERS.get(stream_context.name)
    if name is None:
        raise OSError(f"no decoder for {stream_context.name}")
    context = VideoCodecContext.create(name, "r")
    assert isinstance(context, VideoCodecContext)
    context.extradata = stream_context.extradata
    context.thread_count = 1
    frames = context.decode(packet) or context.decode(None)
    if not frames:
        raise OSError("no frame")
    return frames[0]


def _fit_size(size: Size, max_side: int) -> Size:
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _convert_frame(frame: Any, size: Size) -> Image.Image:
    has_alpha = frame.format.name.startswith(_ALPHA_FORMATS)
    name = "rgba" if has_alpha else "rgb24"
    small = frame.reformat(width=size[0], height=size[1], format=name, interpolation="AREA")
    plane, mode = small.planes[0], "RGBA" if has_alpha else "RGB"
    return Image.frombuffer(mode, size, bytes(plane), "raw", mode, plane.line_size, 1).copy()
