"""Re-encodes one clip in a separate process. The bot never imports this module.

Encoding uses every core for seconds or minutes and, at 4k, hundreds of megabytes. A separate
process can be killed, has limits for memory and time, and runs at a low priority, so that the bot's
event loop responds in time. Frames are streamed, so memory does not grow with the clip's length.

Run as `python -I transcode_worker.py ORDER`, where the order is JSON: `{"task": "reencode",
"source", "destination", "width", "height", "video_bits", "audio_bits", "max_bytes", "seconds"}`,
`{"task": "poster", "source", "destination", "max_side", "at_s"}`,
`{"task": "shrink", "source", "destination", "max_side"}`, `{"task": "blur", "source",
"destination"}`, `{"task": "colors", "source"}` or `{"task": "frames", "source", "max_side",
"times"}`, each with `"parent", "nice", "cpu_s"`. The destination is overwritten. Prints one line of
JSON: `{"size": bytes, "peak": bytes}`, `{"colors": digits}`, `{"frames": [JPEG as base64]}` or
`{"failed": reason}`.
"""

import base64
import contextlib
import ctypes
import io
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.audio.resampler import AudioResampler
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream
from PIL import Image

_MEMORY_LIMIT_BYTES: Final = 4 * 1024**3
_PR_SET_PDEATHSIG: Final = 1
_MAX_ATTEMPTS: Final = 3
_MIN_VIDEO_BITS: Final = 20_000
_FAST_PRESET_PIXELS: Final = 500_000_000
"""Total pixels above which a faster preset is used, which is about 20 seconds of 720p."""
_SINGLE_PASS_DENSITY: Final = 0.3
"""Bits per pixel and frame from which one pass is enough."""
_LARGE_FRAME_PIXELS: Final = 3_000_000
"""Pixels of a frame above which the encoder keeps fewer frames in memory."""
_ANALYSIS_OPTIONS: Final = "ref=1:me=dia:subme=1:no-8x8dct=1:partitions=none:trellis=0:mixed-refs=0"
"""Makes the analysis faster, with the same options as FFmpeg's own fast first pass."""
_POSTER_QUALITY: Final = 85
_SMALL_QUALITY: Final = 80
_BLURRED_FIELDS: Final = 12
"""Fields of the longer side of a blurred picture: colors remain, and no shape can be recognized."""


class OutputTooLarge(Exception):
    """No attempt produced a small enough file."""


def apply_process_limits(order: dict[str, Any]) -> None:
    os.nice(order["nice"])
    _die_with_parent(order["parent"])
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (order["cpu_s"], order["cpu_s"] + 1))


def _die_with_parent(parent: int) -> None:
    """Make this process end with the bot, even if the bot is killed.

    This works only on Linux (prctl(2), PR_SET_PDEATHSIG). Elsewhere the time limit ends it.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(1)


def transcode_clip(order: dict[str, Any]) -> None:
    """Encode in two passes, and repeat with fewer bits while the result is too large.

    If there are enough bits, one pass will do, because two only help to distribute scarce bits.
    Raises `OutputTooLarge`.
    """
    bits = int(order["video_bits"])
    with tempfile.TemporaryDirectory(prefix="clapper-passes-") as folder:
        os.chdir(folder)  # the path of the encoder's log must not contain a colon
        density = bits / (int(order["width"]) * int(order["height"]) * 24)
        two_passes = density < _SINGLE_PASS_DENSITY
        if two_passes:
            _encode_pass(order, bits, 1)
        for _ in range(_MAX_ATTEMPTS):
            _encode_pass(order, bits, 2 if two_passes else 0)
            size = Path(order["destination"]).stat().st_size
            if size <= order["max_bytes"]:
                return
            bits = max(_MIN_VIDEO_BITS, int(bits * order["max_bytes"] / size * 0.97))
    raise OutputTooLarge


def _encode_pass(order: dict[str, Any], bits: int, pass_number: int) -> None:
    """Run one pass: the only one (0), the first, which only writes an analysis, or the second."""
    is_analysis = pass_number == 1
    target = os.devnull if is_analysis else order["destination"]
    container_format = "null" if is_analysis else "mp4"
    options = {} if is_analysis else {"movflags": "+faststart"}
    with (
        av.open(order["source"]) as source,
        av.open(target, "w", format=container_format, options=options) as output,
    ):
        video_stream = _add_video_stream(output, source.streams.video[0], order, bits, pass_number)
        audio_track = None if is_analysis else _AudioTrack.from_source(source, output, order)
        for packet in _encode_packets(source, video_stream, audio_track, order):
            output.mux(packet)


def _encode_packets(
    source: InputContainer,
    video_stream: VideoStream,
    audio_track: "_AudioTrack | None",
    order: dict[str, Any],
) -> "Iterator[Packet[Any]]":
    """Yield encoded video and audio in the source's order."""
    source_video = source.streams.video[0]
    source_video.thread_type = "AUTO"
    source_video.codec_context.thread_count = 2
    streams: list[Any] = [source_video]
    if audio_track is not None:
        streams.append(source.streams.audio[0])
    end_s = order.get("seconds")
    for packet in source.demux(*streams):
        if packet.stream is source_video:
            for frame in packet.decode():
                if end_s is not None and frame.time is not None and frame.time >= end_s - 1e-6:
                    continue
                yield from video_stream.encode(_resize_frame(frame, order))
        elif audio_track is not None:
            yield from audio_track.encode_packet(packet, end_s)
    yield from video_stream.encode(None)
    if audio_track is not None:
        yield from audio_track.flush_encoder()


def _turn_upright(frame: Any) -> Any:
    """Rotate the frame by the file's display matrix, because the output does not get the matrix."""
    if frame.rotation % 360 == 0:
        return frame
    image = frame.to_image().rotate(frame.rotation, expand=True)
    turned = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    turned.pts, turned.time_base = frame.pts, frame.time_base
    return turned


def _resize_frame(frame: Any, order: dict[str, Any]) -> Any:
    width, height = order["width"], order["height"]
    frame = _turn_upright(frame)
    if (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p"):
        frame.pict_type = 0  # the encoder chooses the key frames
        return frame
    resized = frame.reformat(width, height, "yuv420p", interpolation="LANCZOS")
    resized.pts, resized.time_base = frame.pts, frame.time_base
    resized.pict_type = 0
    return resized


def _add_video_stream(
    output: OutputContainer,
    source_stream: VideoStream,
    order: dict[str, Any],
    bits: int,
    pass_number: int,
) -> VideoStream:
    rate = source_stream.average_rate or Fraction(24)
    frame_pixels = order["width"] * order["height"]
    duration_s = order.get("seconds") or _measure_seconds(source_stream)
    is_fast = pass_number == 0 or frame_pixels * float(rate) * duration_s > _FAST_PRESET_PIXELS
    x264_params = ["keyint=48", f"vbv-maxrate={bits // 500}", f"vbv-bufsize={bits // 250}"]
    if pass_number:
        x264_params += [f"pass={pass_number}", "stats=passes.log"]
    if pass_number == 1:
        x264_params.append(_ANALYSIS_OPTIONS)
    if frame_pixels > _LARGE_FRAME_PIXELS:
        x264_params += ["rc-lookahead=10", "sync-lookahead=0"]
    options = {"preset": "superfast" if is_fast else "fast", "x264-params": ":".join(x264_params)}
    stream = output.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = order["width"], order["height"], "yuv420p"
    stream.bit_rate = bits
    context, source_context = stream.codec_context, source_stream.codec_context
    if source_stream.time_base is not None:
        context.time_base = stream.time_base = source_stream.time_base
    context.thread_count = 2
    context.colorspace, context.color_range = source_context.colorspace, source_context.color_range
    context.color_primaries = source_context.color_primaries
    context.color_trc = source_context.color_trc
    return stream


class _AudioTrack:
    """The sound, which is copied if it is AAC and small enough, and otherwise re-encoded."""

    def __init__(self, stream: Any, *, is_copied: bool) -> None:
        self._stream = stream
        self._resampler: AudioResampler | None = None
        if not is_copied:
            self._resampler = AudioResampler(
                format="fltp", layout="stereo", rate=stream.rate, frame_size=1024
            )

    @classmethod
    def from_source(
        cls, source: InputContainer, output: OutputContainer, order: dict[str, Any]
    ) -> "_AudioTrack | None":
        if not source.streams.audio or not order["audio_bits"]:
            return None
        source_stream = source.streams.audio[0]
        bit_rate = source_stream.bit_rate or 0
        if source_stream.codec_context.name == "aac" and 0 < bit_rate <= order["audio_bits"] * 1.15:
            return cls(output.add_stream_from_template(source_stream), is_copied=True)
        stream = output.add_stream("aac", rate=source_stream.rate, layout="stereo")
        stream.bit_rate = order["audio_bits"]
        return cls(stream, is_copied=False)

    def encode_packet(self, packet: Any, end_s: float | None) -> "Iterator[Packet[Any]]":
        """Yield the output for one source packet, but nothing from ``end_s`` seconds on."""
        if end_s is not None and packet.pts is not None and packet.pts * packet.time_base >= end_s:
            return
        if self._resampler is None:
            if packet.dts is not None:
                packet.stream = self._stream
                yield packet
            return
        for frame in packet.decode():
            for resampled in self._resampler.resample(frame):
                yield from self._stream.encode(resampled)

    def flush_encoder(self) -> "Iterator[Packet[Any]]":
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                yield from self._stream.encode(resampled)
            yield from self._stream.encode(None)


def write_poster(order: dict[str, Any]) -> None:
    """Write the frame at ``at_s`` as a JPEG whose longer side is at most ``max_side`` pixels."""
    with av.open(order["source"]) as source:
        image = _read_still(source, order["at_s"], order["max_side"])
    image.save(order["destination"], "JPEG", quality=_POSTER_QUALITY, optimize=True)


def read_frames(order: dict[str, Any]) -> list[str]:
    """Return the frames at ``times`` as JPEGs in base64: few and small enough for the answer."""
    frames = []
    with av.open(order["source"]) as source:
        for at_s in order["times"]:
            file = io.BytesIO()
            image = _read_still(source, at_s, order["max_side"])
            image.save(file, "JPEG", quality=_SMALL_QUALITY)
            frames.append(base64.b64encode(file.getvalue()).decode())
    return frames


def _read_still(source: Any, at_s: float, max_side: int) -> Image.Image:
    """Return the frame at ``at_s`` seconds, or the last, with sides of at most ``max_side``."""
    still = None
    source.seek(int(at_s * av.time_base))  # goes to the key frame before ``at_s``
    for frame in source.decode(source.streams.video[0]):
        still = frame
        if frame.time is not None and frame.time >= at_s:
            break
    if still is None:
        raise ValueError("no frame in the video")
    image: Image.Image = _turn_upright(still).to_image()
    image.thumbnail((max_side, max_side))
    return image


def shrink_picture(order: dict[str, Any]) -> None:
    """Write a picture of our own as a WebP whose longer side is at most ``max_side`` pixels."""
    with Image.open(order["source"], formats=["JPEG", "PNG"]) as image:
        image.draft("RGB", (order["max_side"], order["max_side"]))
        image.thumbnail((order["max_side"], order["max_side"]))
        image.save(order["destination"], "WEBP", quality=_SMALL_QUALITY, method=4)


def blur_picture(order: dict[str, Any]) -> None:
    """Write a picture of our own as a JPEG that has only the colors of a few large fields."""
    with Image.open(order["source"], formats=["JPEG"]) as image:
        scale = _BLURRED_FIELDS / max(image.size)
        fields = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        coarse = image.convert("RGB").resize(fields, Image.Resampling.BOX)
        blurred = coarse.resize(image.size, Image.Resampling.BICUBIC)
    blurred.save(order["destination"], "JPEG", quality=_SMALL_QUALITY, optimize=True)


def measure_colors(order: dict[str, Any]) -> str:
    """Return the mean colors of a picture of our own in three rows of three fields.

    Each color has three hexadecimal digits, as in CSS.
    """
    with Image.open(order["source"], formats=["JPEG", "WEBP"]) as image:
        fields = image.convert("RGB").resize((3, 3), Image.Resampling.BOX)
    return "".join(f"{round(part / 17):x}" for part in fields.tobytes())


def _measure_seconds(source_stream: VideoStream) -> float:
    if source_stream.duration is not None and source_stream.time_base is not None:
        return float(source_stream.duration * source_stream.time_base)
    return source_stream.frames / float(source_stream.average_rate or 24)


_WRITERS: Final = {
    "reencode": transcode_clip,
    "poster": write_poster,
    "shrink": shrink_picture,
    "blur": blur_picture,
}


def main(arguments: list[str]) -> int:
    """Run one order and print the answer, never a stack trace."""
    order = json.loads(arguments[0])
    for name in {"source", "destination"} & order.keys():
        order[name] = str(Path(order[name]).absolute())
    apply_process_limits(order)
    answer: dict[str, Any]
    try:
        if order["task"] == "colors":
            answer = {"colors": measure_colors(order)}
        elif order["task"] == "frames":
            answer = {"frames": read_frames(order)}
        else:
            _WRITERS[order["task"]](order)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            answer = {"size": Path(order["destination"]).stat().st_size, "peak": peak}
    except OutputTooLarge:
        answer = {"failed": "too large"}
    except MemoryError:
        answer = {"failed": "out of memory"}
    except (FFmpegError, OSError, ValueError) as error:
        answer = {"failed": type(error).__name__}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
