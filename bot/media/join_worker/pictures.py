"""The pictures of a joined file: copied where the streams fit, otherwise encoded."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, lcm
from typing import Any, Final

from av.container import OutputContainer
from av.filter import Graph
from av.packet import Packet

from bot.media.join_worker.parts import NotCopyable, Part

_RATE_TOLERANCE: Final = 0.002
_MAX_TIMESCALE: Final = 2**31 - 1
_AVC_CONFIGURATION: Final = 1
"""The first byte of H.264's header in an MP4 file (ISO/IEC 14496-15, 5.3.3.1)."""
_ENCODER_OPTIONS: Final = {"preset": "veryfast", "crf": "18", "x264-params": "keyint=48"}
_TURNS: Final[dict[int, tuple[tuple[str, str | None], ...]]] = {
    0: (),
    90: (("transpose", "cclock"),),
    180: (("hflip", None), ("vflip", None)),
    270: (("transpose", "clock"),),
}
"""The filters that turn a picture upright, by the degrees of the file's display matrix."""


def find_common_timescale(parts: Sequence[Part]) -> int | None:
    """Return the units a second in which all times are integers, if the pictures can be copied."""
    first, context = parts[0], parts[0].video.codec_context
    header = context.extradata
    if context.name != "h264" or not header or header[0] != _AVC_CONFIGURATION:
        return None
    for part in parts:
        other = part.video.codec_context
        is_same = (
            other.name == context.name
            and other.extradata == header
            and (other.width, other.height) == (context.width, context.height)
            and other.pix_fmt == context.pix_fmt
            and part.video.sample_aspect_ratio == first.video.sample_aspect_ratio
            and part.rotation == first.rotation == 0
            and abs(float(part.rate / first.rate) - 1) <= _RATE_TOLERANCE
        )
        if not is_same:
            return None
    timescale = lcm(
        *(part.video.time_base.denominator for part in parts),
        *(part.seconds.denominator for part in parts),
    )
    return timescale if timescale <= _MAX_TIMESCALE else None


def copy_pictures(
    parts: Sequence[Part], starts: Sequence[Fraction], stream: Any, timescale: int
) -> "Iterator[Packet[Any]]":
    """Yield the packets of all parts, each part moved to its place in ``starts``.

    Raises `NotCopyable` if players could not decode them in this order.
    """
    last_dts: int | None = None
    for part, start in zip(parts, starts, strict=True):
        unit = part.video.time_base * timescale
        shift = (start - part.start) * timescale
        is_first = True
        for packet in part.read_pictures():
            if packet.dts is None or packet.is_discard or (is_first and not packet.is_keyframe):
                raise NotCopyable
            is_first = False
            dts = int(packet.dts * unit + shift)
            if last_dts is not None and dts <= last_dts:
                raise NotCopyable
            pts, duration = int(packet.pts * unit + shift), int((packet.duration or 0) * unit)
            packet.time_base = Fraction(1, timescale)
            packet.pts, packet.dts, packet.duration = pts, dts, duration
            packet.stream = stream
            last_dts = dts
            yield packet


def count_frames(part: Part, rate: Fraction) -> int:
    """Return how many frames of the joined file show ``part``."""
    return max(1, round(part.seconds * rate))


def add_encoder(output: OutputContainer, first: Part) -> Any:
    """Add a stream that is encoded in the size and rate of the first part."""
    stream: Any = output.add_stream("libx264", rate=first.rate, options=_ENCODER_OPTIONS)
    width, height = (max(2, side - side % 2) for side in first.size)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = 1 / first.rate
    context, source = stream.codec_context, first.video.codec_context
    context.time_base = 1 / first.rate
    context.thread_count = 2
    context.colorspace, context.color_range = source.colorspace, source.color_range
    context.color_primaries, context.color_trc = source.color_primaries, source.color_trc
    return stream


def encode_pictures(
    parts: Sequence[Part], starts: Sequence[Fraction], stream: Any, rate: Fraction
) -> "Iterator[Packet[Any]]":
    """Yield all parts in the size of ``stream``, at an even ``rate``."""
    for part, start in zip(parts, starts, strict=True):
        number = round(start * rate)
        for frame in _read_evenly(part, stream, rate):
            frame.pts, frame.time_base, frame.pict_type = number, 1 / rate, 0
            number += 1
            yield from stream.encode(frame)
    yield from stream.encode(None)


def _read_evenly(part: Part, stream: Any, rate: Fraction) -> Iterator[Any]:
    """Yield one frame for each place of the even rate: the nearest that has begun."""
    count, place, shown = count_frames(part, rate), 0, None
    fitter = _FrameFitter(part, (stream.width, stream.height))
    for frame in _decode(part):
        begins = ceil((frame.pts * part.video.time_base - part.start) * rate - Fraction(1, 2))
        if shown is not None:
            for _ in range(place, min(begins, count)):
                yield shown
            place = max(place, min(begins, count))
        shown = fitter.fit(frame)
    if shown is None:
        raise ValueError("no frame in the video")
    for _ in range(place, count):
        yield shown


def _decode(part: Part) -> Iterator[Any]:
    part.video.codec_context.flush_buffers()
    for packet in part.read_pictures():
        yield from packet.decode()
    yield from part.video.decode(None)


class _FrameFitter:
    """Turns frames of one part upright and into a size, with bars if their shape differs."""

    def __init__(self, part: Part, size: tuple[int, int]) -> None:
        self._size = size
        self._time_base = part.video.time_base
        self._pixel_shape = part.video.sample_aspect_ratio or Fraction(1)
        self._turns = _TURNS[part.rotation % 360]
        self._graph: Graph | None = None
        self._built_for: tuple[object, ...] = ()

    def fit(self, frame: Any) -> Any:
        """Return the frame as yuv420p."""
        is_fitting = (frame.width, frame.height) == self._size and self._pixel_shape == 1
        if is_fitting and not self._turns:
            return frame if frame.format.name == "yuv420p" else frame.reformat(format="yuv420p")
        kind = (frame.width, frame.height, frame.format.name)
        if self._graph is None or kind != self._built_for:
            self._graph, self._built_for = self._build_graph(frame), kind
        self._graph.push(frame)
        return self._graph.pull()

    def _build_graph(self, frame: Any) -> Graph:
        width, height = self._size
        graph = Graph()
        last = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=self._time_base
        )
        filters = (
            ("scale", f"iw*{self._pixel_shape}:ih"),
            *self._turns,
            ("scale", f"{width}:{height}:force_original_aspect_ratio=decrease:flags=lanczos"),
            ("pad", f"{width}:{height}:(ow-iw)/2:(oh-ih)/2"),
            ("setsar", "1"),
            ("format", "yuv420p"),
            ("buffersink", None),
        )
        for name, options in filters:
            following = graph.add(name, options)
            last.link_to(following)
            last = following
        graph.configure()
        return graph
