"""Re-encodes one clip in a process of its own; never imported by the bot.

Encoding takes seconds to minutes of every core and, at 4k, hundreds of megabytes. Here it can be
killed at any time, is bound in memory and time, and runs at low priority, so that the bot's event
loop keeps answering. Frames stream through one by one; nothing grows with the clip's length.

Run as `python -I fitting_worker.py ORDER`, where the order is JSON: `{"task": "fit", "source",
"destination", "width", "height", "video_bits", "audio_bits", "max_bytes", "seconds"}` or `{"task":
"poster", "source", "destination", "side", "at"}`. The destination is overwritten. Answers one
line of JSON: `{"size": bytes, "peak": bytes}` or `{"failed": reason}`.
"""

import contextlib
import ctypes
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

_MEMORY_LIMIT_BYTES: Final = 4 * 1024**3
_PR_SET_PDEATHSIG: Final = 1
_MAX_ATTEMPTS: Final = 3
_MIN_VIDEO_BITS: Final = 20_000
_FAST_PRESET_PIXELS: Final = 500_000_000
"""Pixels in all, above which a faster preset is used: about 20 seconds of 720p."""
_SINGLE_PASS_DENSITY: Final = 0.3
"""Bits for each pixel of each frame from which one pass is enough."""
_LARGE_FRAME_PIXELS: Final = 3_000_000
"""Pixels of a frame, above which the encoder keeps fewer frames in memory."""
_FIRST_PASS_OPTIONS: Final = (
    "ref=1:me=dia:subme=1:no-8x8dct=1:partitions=none:trellis=0:mixed-refs=0"
)
"""What the analysis may leave out; the same that ffmpeg's own fast first pass does."""
_POSTER_QUALITY: Final = 85


class OutputTooLarge(Exception):
    """No try came out small enough."""


def apply_process_limits(order: dict[str, Any]) -> None:
    """Bind this process to its limits, and step behind the bot."""
    os.nice(order["nice"])
    _die_with_parent(order["parent"])
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if "cpu_s" in order:
        cpu = int(order["cpu_s"])
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))


def _die_with_parent(parent: int) -> None:
    """End when the bot does, however that ends: what is made here is of no use to anybody else.

    Only Linux knows this (prctl(2), PR_SET_PDEATHSIG); elsewhere the limits below must do.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(1)


def transcode_clip(order: dict[str, Any]) -> None:
    """Encode in two passes, once more with fewer bits where the outcome is too large.

    Where bits are plentiful one pass is enough: the second finds where to save, and nothing has to
    be saved. Raises `TooLarge`.
    """
    bits = int(order["video_bits"])
    with tempfile.TemporaryDirectory(prefix="clapper-passes-") as folder:
        os.chdir(folder)  # the encoder's log of the first pass; a path could not hold a colon
        twice = _compute_density(order, bits) < _SINGLE_PASS_DENSITY
        if twice:
            _encode_pass(order, bits, 1)
        for _ in range(_MAX_ATTEMPTS):
            _encode_pass(order, bits, 2 if twice else 0)
            size = Path(order["destination"]).stat().st_size
            if size <= order["max_bytes"]:
                return
            bits = max(_MIN_VIDEO_BITS, int(bits * order["max_bytes"] / size * 0.97))
    raise OutputTooLarge


def _encode_pass(order: dict[str, Any], bits: int, pass_number: int) -> None:
    """Run one pass (0: the only one); the first of two writes no film, only what it learnt."""
    first = pass_number == 1
    target = os.devnull if first else order["destination"]
    form = "null" if first else "mp4"
    options = {} if first else {"movflags": "+faststart"}
    with (
        av.open(order["source"]) as source,
        av.open(target, "w", format=form, options=options) as output,
    ):
        picture = _add_video_stream(output, source.streams.video[0], order, bits, pass_number)
        sound = None if first else _AudioTrack.from_source(source, output, order)
        for packet in _encode_packets(source, picture, sound, order):
            output.mux(packet)


def _encode_packets(
    source: InputContainer,
    video_stream: VideoStream,
    audio_track: "_AudioTrack | None",
    order: dict[str, Any],
) -> "Iterator[Packet[Any]]":
    """Yield encoded pictures and sound in the order in which the source brings them."""
    given = source.streams.video[0]
    given.thread_type = "AUTO"
    given.codec_context.thread_count = 2
    streams: list[Any] = [given]
    if audio_track is not None:
        streams.append(source.streams.audio[0])
    end = order.get("seconds")
    for packet in source.demux(*streams):
        if packet.stream is given:
            for frame in packet.decode():
                if end is not None and frame.time is not None and frame.time >= end - 1e-6:
                    continue
                yield from video_stream.encode(_resize_frame(frame, order))
        elif audio_track is not None:
            yield from audio_track.encode_packet(packet, end)
    yield from video_stream.encode(None)
    if audio_track is not None:
        yield from audio_track.flush_encoder()


def _resize_frame(frame: Any, order: dict[str, Any]) -> Any:
    width, height = order["width"], order["height"]
    if (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p"):
        frame.pict_type = 0  # the encoder decides anew where key frames stand
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
    frame = order["width"] * order["height"]
    shown = order.get("seconds") or _measure_seconds(source_stream)
    busy = pass_number == 0 or frame * float(rate) * shown > _FAST_PRESET_PIXELS
    told = ["keyint=48", f"vbv-maxrate={bits // 500}", f"vbv-bufsize={bits // 250}"]
    if pass_number:
        told += [f"pass={pass_number}", "stats=passes.log"]
    if pass_number == 1:
        told.append(_FIRST_PASS_OPTIONS)
    if frame > _LARGE_FRAME_PIXELS:
        told += ["rc-lookahead=10", "sync-lookahead=0"]
    options = {"preset": "superfast" if busy else "fast", "x264-params": ":".join(told)}
    stream = output.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = order["width"], order["height"], "yuv420p"
    stream.bit_rate = bits
    context, old = stream.codec_context, source_stream.codec_context
    if source_stream.time_base is not None:
        context.time_base = stream.time_base = source_stream.time_base
    context.thread_count = 2
    context.colorspace, context.color_range = old.colorspace, old.color_range
    context.color_primaries, context.color_trc = old.color_primaries, old.color_trc
    return stream


class _AudioTrack:
    """The sound: copied where it is AAC and small enough, else encoded anew."""

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
        """Prepare the sound of the new film; ``None`` where there is none."""
        if not source.streams.audio or not order["audio_bits"]:
            return None
        given = source.streams.audio[0]
        small = bool(given.bit_rate) and (given.bit_rate or 0) <= order["audio_bits"] * 1.15
        if given.codec_context.name == "aac" and small:
            return cls(output.add_stream_from_template(given), is_copied=True)
        stream = output.add_stream("aac", rate=given.rate, layout="stereo")
        stream.bit_rate = order["audio_bits"]
        return cls(stream, is_copied=False)

    def encode_packet(self, packet: Any, end: float | None) -> "Iterator[Packet[Any]]":
        """Yield what becomes of one packet of the source, none from ``end`` seconds on."""
        if end is not None and packet.pts is not None and packet.pts * packet.time_base >= end:
            return
        if self._resampler is None:
            if packet.dts is not None:
                packet.stream = self._stream
                yield packet
            return
        for frame in packet.decode():
            for part in self._resampler.resample(frame):
                yield from self._stream.encode(part)

    def flush_encoder(self) -> "Iterator[Packet[Any]]":
        """Yield what the encoder still holds."""
        if self._resampler is not None:
            for part in self._resampler.resample(None):
                yield from self._stream.encode(part)
            yield from self._stream.encode(None)


def write_poster(order: dict[str, Any]) -> None:
    """Write the frame at ``at`` seconds as a JPEG whose longer side is at most ``side`` pixels."""
    chosen = None
    with av.open(order["source"]) as source:
        source.seek(int(order["at"] * av.time_base))  # to the key frame before it
        for frame in source.decode(source.streams.video[0]):
            chosen = frame
            if frame.time is not None and frame.time >= order["at"]:
                break
    if chosen is None:
        raise ValueError("no picture in the video")
    image = chosen.to_image()
    image.thumbnail((order["side"], order["side"]))
    image.save(order["destination"], "JPEG", quality=_POSTER_QUALITY, optimize=True)


def _compute_density(order: dict[str, Any], bits: int) -> float:
    return bits / (int(order["width"]) * int(order["height"]) * 24)


def _measure_seconds(source_stream: VideoStream) -> float:
    if source_stream.duration is not None and source_stream.time_base is not None:
        return float(source_stream.duration * source_stream.time_base)
    return source_stream.frames / float(source_stream.average_rate or 24)


def main(arguments: list[str]) -> int:
    """Carry out one order and say how it went; never a stack trace."""
    order = json.loads(arguments[0])
    order["source"] = str(Path(order["source"]).absolute())
    order["destination"] = str(Path(order["destination"]).absolute())
    apply_process_limits(order)
    said: dict[str, Any]
    try:
        {"fit": transcode_clip, "poster": write_poster}[order["task"]](order)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        said = {"size": Path(order["destination"]).stat().st_size, "peak": peak}
    except OutputTooLarge:
        said = {"failed": "too large"}
    except MemoryError:
        said = {"failed": "out of memory"}
    except (FFmpegError, OSError, ValueError) as error:
        said = {"failed": type(error).__name__}
    sys.stdout.write(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
