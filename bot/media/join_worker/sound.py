"""The sound of a joined file: copied except around the cuts, or encoded as a whole.

An AAC frame holds the sound of 2,048 samples, and overlaps with its neighbors by half. Two frames
of different encoders may follow each other if both have a long window of the same shape: what the
overlap adds is then the sound that both describe. Around a cut, the sound is decoded, faded out and
in, and encoded again, as many frames as are affected.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any, Final

import av
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.packet import Packet

from bot.media.join_worker.parts import Part

FADE_S: Final = Fraction(8, 1000)
"""Fades out before a cut and in after it: long enough for no click. With half a frame, by which a
part may come late, there is less sound for less than 20 ms."""
_FRAME: Final = 1024
"""Samples of a frame of AAC-LC."""
_WARM_UP_FRAMES: Final = 4
"""Frames before the first that is used, so that encoder and decoder know what came before."""
_MAX_SEARCHED_FRAMES: Final = 24
"""How far from a cut a place is searched at which copied and encoded frames may meet."""
_MAX_SILENCE_S: Final = Fraction(1, 2)
"""Longer silence at a cut is not encoded with the cut, but with all of the sound."""
_DEFAULT_BITS: Final = 128_000
_FLOAT_BYTES: Final = 4
_AAC_LC: Final = 2
_PAIR_ELEMENT: Final = 1
_ONLY_LONG: Final = 0


class NotSpliceable(Exception):
    """The sound has to be encoded as a whole."""


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where the frames of the output begin: ``origin`` + n × 1,024 samples, from frame 0."""

    origin: int
    rate: int

    def find_frame(self, sample: float | Fraction) -> int:
        """Return the number of the frame whose own samples begin nearest to ``sample``."""
        return floor(Fraction(sample - self.origin) / _FRAME + Fraction(1, 2))

    def get_sample(self, number: int) -> int:
        return self.origin + number * _FRAME


# -- copying


def splice_sound(parts: Sequence[Part], starts: Sequence[Fraction]) -> "list[Packet[Any]]":
    """Return the packets of the joined sound, with times in samples.

    Raises `NotSpliceable`.
    """
    first = parts[0].audio
    if first is None or any(not _is_same_kind(part.audio, first) for part in parts):
        raise NotSpliceable
    rate = first.rate
    for part in parts:
        _require_even(part, rate)
    grid = _Grid(origin=int(parts[0].sound[0].pts or 0) - round(parts[0].start * rate), rate=rate)
    # the number in the output of each part's first frame
    offsets = [
        grid.find_frame((start - part.start) * rate + (part.sound[0].pts or 0))
        for part, start in zip(parts, starts, strict=True)
    ]
    packets: list[Packet[Any]] = []
    begin = 0
    for left in range(len(parts) - 1):
        cut = round(starts[left + 1] * rate)
        seam = _Seam(parts[left : left + 2], offsets[left : left + 2], cut, grid)
        seam.choose_frames(begin)
        own = parts[left].sound
        packets += own[begin - offsets[left] : seam.first - offsets[left]]
        packets += seam.encode()
        begin = seam.end
    end = round((starts[-1] + parts[-1].seconds) * rate)
    packets += [
        packet
        for number, packet in enumerate(parts[-1].sound, offsets[-1])
        if number >= begin and grid.get_sample(number) < end
    ]
    for number, packet in enumerate(packets):
        packet.time_base = Fraction(1, rate)
        packet.pts = packet.dts = grid.get_sample(number)
        packet.duration = _FRAME
    return packets


def _is_same_kind(audio: Any, first: Any) -> bool:
    """Return whether the first decoder could decode both: AAC-LC, same rate, same channels."""
    if audio is None or audio.codec_context.name != "aac":
        return False
    header, own = first.codec_context.extradata or b"", audio.codec_context.extradata or b""
    return (
        len(own) >= 2
        and own[:2] == header[:2]  # kind, rate and channels (ISO/IEC 14496-3, 1.6.2.1)
        and own[0] >> 3 == _AAC_LC
        and not own[1] & 0b100  # frames of 1,024 samples
        and audio.rate == first.rate == 1 / audio.time_base
        and audio.layout.name == first.layout.name
    )


def _require_even(part: Part, rate: int) -> None:
    """Raise `NotSpliceable` for gaps, and for sound that does not fill the part."""
    pts = [packet.pts or 0 for packet in part.sound]
    if any(after - before != _FRAME for before, after in pairwise(pts)):
        raise NotSpliceable
    starts_s, ends_s = Fraction(pts[0], rate), Fraction(pts[-1] + _FRAME, rate)
    if starts_s > part.start + _MAX_SILENCE_S or ends_s < part.end - _MAX_SILENCE_S:
        raise NotSpliceable


class _Seam:
    """One cut: the frames ``first`` to ``end`` of the output are encoded again."""

    def __init__(
        self, parts: Sequence[Part], offsets: Sequence[int], cut: int, grid: _Grid
    ) -> None:
        self._parts, self._offsets = parts, offsets
        self._cut, self._grid = cut, grid
        fade = int(FADE_S * grid.rate) + _FRAME // 2
        # the frame n has an effect on the samples of the frames n and n + 1
        self.first = floor(Fraction(cut - fade - grid.origin, _FRAME)) - 1
        self.end = ceil(Fraction(cut + fade - grid.origin, _FRAME)) + 1
        self._encoded: list[Packet[Any]] = []
        self._base = 0

    def choose_frames(self, begin: int) -> None:
        """Move both ends outwards, until copied and encoded frames match there.

        Raises `NotSpliceable` if they do not within some frames, or before frame ``begin``.
        """
        left, right = self._parts
        left_end = self._offsets[0] + len(left.sound)
        self.first = min(self.first, left_end)
        self.end = max(self.end, self._offsets[1] + 1)
        self._encode_around(begin)
        for _ in range(_MAX_SEARCHED_FRAMES):
            if self.first <= max(begin, self._base + _WARM_UP_FRAMES - 1):
                raise NotSpliceable
            before = bytes(left.sound[self.first - 1 - self._offsets[0]])
            if _may_follow(before, bytes(self._encoded[self.first - self._base])):
                break
            self.first -= 1
        else:
            raise NotSpliceable
        for _ in range(_MAX_SEARCHED_FRAMES):
            index = self.end - self._offsets[1]
            if index >= len(right.sound) or self.end - self._base > len(self._encoded):
                raise NotSpliceable
            before = bytes(self._encoded[self.end - 1 - self._base])
            if _may_follow(before, bytes(right.sound[index])):
                return
            self.end += 1
        raise NotSpliceable

    def encode(self) -> "list[Packet[Any]]":
        return self._encoded[self.first - self._base : self.end - self._base]

    def _encode_around(self, begin: int) -> None:
        """Encode the frames around the cut, as many as may be used."""
        reach = _MAX_SEARCHED_FRAMES + _WARM_UP_FRAMES
        self._base = max(begin, self.first - reach)
        count = self.end + reach - self._base
        first_sample = self._grid.get_sample(self._base)
        audio = self._parts[0].audio
        channels = [array("f", bytes(_FLOAT_BYTES * _FRAME * (count + 1))) for _ in range(2)]
        channels = channels[: audio.layout.nb_channels] if audio is not None else channels
        left, right = self._parts
        _, ends = self._place_sound(channels, left, self._offsets[0], first_sample, is_left=True)
        begins, _ = self._place_sound(
            channels, right, self._offsets[1], first_sample, is_left=False
        )
        fade = int(FADE_S * self._grid.rate)
        for channel in channels:
            fade_out(channel, ends, fade)
            fade_in(channel, begins, fade)
        self._encoded = _encode_frames(audio, channels)[1:]  # the first comes before the sound

    def _place_sound(
        self,
        channels: "list[array[float]]",
        part: Part,
        offset: int,
        first_sample: int,
        *,
        is_left: bool,
    ) -> tuple[int, int]:
        """Decode the packets of ``part`` near the cut into ``channels``, up to or from the cut.

        Returns where its sound begins and ends, which may be some samples beside the cut.
        """
        length, at = len(channels[0]), self._cut - first_sample
        low = max(0, self._base - offset - _WARM_UP_FRAMES)
        high = low + length // _FRAME + 2 * _WARM_UP_FRAMES
        shift = self._grid.get_sample(offset) - (part.sound[0].pts or 0) - first_sample
        first, last = length, 0
        part.audio.codec_context.flush_buffers()  # type: ignore[union-attr]
        for number, packet in enumerate(part.sound[low:high]):
            frame: Any
            for frame in packet.decode():
                if number == 0 and low:
                    continue  # its first half needs the packet before
                start = frame.pts + shift
                begins = max(start, 0 if is_left else at)
                ends = min(start + frame.samples, at if is_left else length)
                if begins >= ends:
                    continue
                first, last = min(first, begins), max(last, ends)
                for channel, plane in zip(channels, frame.planes, strict=False):
                    samples = array("f", bytes(plane)[: frame.samples * _FLOAT_BYTES])
                    channel[begins:ends] = samples[begins - start : ends - start]
        if first >= last:
            raise NotSpliceable
        return first, last


def _may_follow(before: bytes, after: bytes) -> bool:
    """Return whether two frames of different encoders may overlap: equal, long windows."""
    window, other = _read_window(before), _read_window(after)
    return window is not None and window == other


def _read_window(frame: bytes) -> tuple[int, ...] | None:
    """Return the shapes of a frame's long windows, or `None` for others.

    ISO/IEC 14496-3, tables 4.4 to 4.6. The sound of another element than one channel or a pair is
    not copied.
    """
    bits = int.from_bytes(frame[:4], "big")

    def read(position: int, count: int) -> int:
        return (bits >> (32 - position - count)) & ((1 << count) - 1)

    if len(frame) < 4 or read(0, 3) not in (0, _PAIR_ELEMENT):
        return None
    if read(0, 3) == _PAIR_ELEMENT:
        if not read(7, 1):  # the second channel's window comes after the first one's data
            return None
        position = 8
    else:
        position = 7 + 8
    if read(position + 1, 2) != _ONLY_LONG:
        return None
    return (read(position + 3, 1),)


# -- encoding


def encode_sound(
    parts: Sequence[Part], starts: Sequence[Fraction], output: OutputContainer
) -> "Iterator[Packet[Any]]":
    """Add a stream to ``output``, and yield its packets: all sound, with silence where is none."""
    first = next(part.audio for part in parts if part.audio is not None)
    is_stereo = any(part.audio is not None and part.audio.layout.nb_channels > 1 for part in parts)
    layout, rate = "stereo" if is_stereo else "mono", min(first.rate, 48_000)
    stream: Any = output.add_stream("aac", rate=rate, layout=layout, options={"aac_coder": "fast"})
    stream.bit_rate = max(first.bit_rate or 0, _DEFAULT_BITS)
    return _encode_parts(parts, starts, stream, layout, rate)


def _encode_parts(
    parts: Sequence[Part], starts: Sequence[Fraction], stream: Any, layout: str, rate: int
) -> "Iterator[Packet[Any]]":
    waiting = [array("f") for _ in range(2 if layout == "stereo" else 1)]
    position = 0
    for number, (part, start) in enumerate(zip(parts, starts, strict=True)):
        count = round((start + part.seconds) * rate) - round(start * rate)
        channels = _read_sound(part, count, layout, rate)
        fade = min(int(FADE_S * rate), count)
        for channel in channels:
            if number:
                fade_in(channel, 0, fade)
            if number < len(parts) - 1:
                fade_out(channel, count, fade)
        for kept, channel in zip(waiting, channels, strict=True):
            kept.extend(channel)
        while len(waiting[0]) >= _FRAME:
            yield from stream.encode(_build_frame(waiting, layout, rate, position))
            position += _FRAME
    if len(waiting[0]):
        yield from stream.encode(_build_frame(waiting, layout, rate, position))
    yield from stream.encode(None)


def _read_sound(part: Part, count: int, layout: str, rate: int) -> "list[array[float]]":
    """Return ``count`` samples of the part's sound; silence where it has none."""
    channels = [
        array("f", bytes(_FLOAT_BYTES * count)) for _ in range(2 if layout == "stereo" else 1)
    ]
    if part.audio is None:
        return channels
    part.audio.codec_context.flush_buffers()
    resampler = AudioResampler(format="fltp", layout=layout, rate=rate)
    position: int | None = None
    frames: Any = (frame for packet in part.sound for frame in packet.decode())
    for frame in frames:
        if position is None and frame.time is not None:
            position = round((frame.pts * frame.time_base - part.start) * rate)
        frame.pts = None  # a gap would be reported as an error, and is rather closed
        for resampled in resampler.resample(frame):
            position = _put(channels, resampled, position or 0)
    for resampled in resampler.resample(None):
        position = _put(channels, resampled, position or 0)
    return channels


def _put(channels: "list[array[float]]", frame: Any, position: int) -> int:
    """Copy a frame to ``position``, as far as it fits, and return where it ends."""
    ends = position + frame.samples
    begin, end = max(position, 0), min(ends, len(channels[0]))
    if begin < end:
        for channel, plane in zip(channels, frame.planes, strict=False):
            samples = array("f", bytes(plane)[: frame.samples * _FLOAT_BYTES])
            channel[begin:end] = samples[begin - position : end - position]
    return int(ends)


def _encode_frames(audio: Any, channels: "list[array[float]]") -> "list[Packet[Any]]":
    """Encode samples with the settings of the stream ``audio``."""
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.format = audio.rate, "fltp"
    encoder.layout, encoder.time_base = audio.layout.name, Fraction(1, audio.rate)
    encoder.bit_rate = audio.bit_rate or _DEFAULT_BITS
    encoder.options = {"aac_coder": "fast"}
    packets: list[Packet[Any]] = []
    position = 0
    while len(channels[0]) >= _FRAME:
        frame = _build_frame(channels, audio.layout.name, audio.rate, position)
        packets += encoder.encode(frame)
        position += _FRAME
    return packets + list(encoder.encode(None))


def _build_frame(
    channels: "list[array[float]]", layout: str, rate: int, position: int
) -> av.AudioFrame:
    """Return the next frame, and take its samples out of ``channels``."""
    frame = av.AudioFrame(format="fltp", layout=layout, samples=_FRAME)
    frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
    for channel, plane in zip(channels, frame.planes, strict=True):
        samples = channel[:_FRAME].tobytes()
        plane.update(samples + bytes(plane.buffer_size - len(samples)))
        del channel[:_FRAME]
    return frame


def fade_out(channel: "array[float]", end: int, length: int) -> None:
    """Let the sound end at ``end``, within ``length`` samples."""
    for index in range(length):
        channel[end - 1 - index] *= index / length


def fade_in(channel: "array[float]", begin: int, length: int) -> None:
    """Let the sound begin at ``begin``, within ``length`` samples."""
    for index in range(length):
        channel[begin + index] *= index / length
