"""Reads the files that are joined: their streams, and when each begins and ends."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.container import InputContainer
from av.packet import Packet

_DEFAULT_RATE: Final = Fraction(24)
_MAX_RATE: Final = 120
_KEPT_BYTES: Final = 256 * 1024**2
"""Up to this size of all files together, their packets are kept instead of being read twice."""


class NotCopyable(Exception):
    """The streams have to be encoded again."""


@dataclass(eq=False, slots=True)
class Part:
    """One open file. Times are in seconds; ``start`` and ``end`` are those of its pictures.

    ``rotation`` is in degrees. ``sound`` has all packets of the sound, ``pictures`` those of the
    video, unless the files are too large to be kept.
    """

    container: InputContainer
    start: Fraction
    end: Fraction
    rotation: int
    sound: list["Packet[Any]"] = field(default_factory=list)
    pictures: list["Packet[Any]"] | None = None

    @property
    def video(self) -> Any:
        return self.container.streams.video[0]

    @property
    def audio(self) -> Any | None:
        return self.container.streams.audio[0] if self.sound else None

    @property
    def seconds(self) -> Fraction:
        return self.end - self.start

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        rate = self.video.average_rate or _DEFAULT_RATE
        return min(Fraction(rate), Fraction(_MAX_RATE))

    @property
    def size(self) -> tuple[int, int]:
        """The size that people see."""
        context = self.video.codec_context
        size = (context.width, context.height)
        return size if self.rotation % 180 == 0 else (size[1], size[0])

    def read_pictures(self) -> "list[Packet[Any]] | Any":
        """Return the packets of the video in the order of the file, once."""
        if self.pictures is not None:
            return self.pictures
        self.container.seek(0)
        return (packet for packet in self.container.demux(self.video) if packet.size)


def open_parts(stack: ExitStack, paths: Sequence[str], *, is_decoded: bool = False) -> list[Part]:
    """Open the files until ``stack`` is closed. Raises `ValueError` for one without pictures.

    Only if all is decoded, more than one frame is decoded at the same time.
    """
    is_kept = sum(Path(path).stat().st_size for path in paths) <= _KEPT_BYTES
    return [_read_part(stack.enter_context(av.open(path)), is_kept, is_decoded) for path in paths]


def _read_part(container: InputContainer, is_kept: bool, is_decoded: bool) -> Part:
    if not container.streams.video:
        raise ValueError("no video stream")
    video = container.streams.video[0]
    audio = container.streams.audio[0] if container.streams.audio else None
    video.thread_type = "AUTO" if is_decoded else "SLICE"
    video.codec_context.thread_count = 2
    first: Any = None
    pictures: list[Packet[Any]] = []
    sound: list[Packet[Any]] = []
    starts, ends = [], []
    for packet in container.demux(*([video] if audio is None else [video, audio])):
        if not packet.size or packet.pts is None:
            continue
        if packet.stream is audio:
            sound.append(packet)
            continue
        if is_kept:
            pictures.append(packet)
        if first is None:  # not by a seek, after which the first frame of the sound is missing
            first = next(iter(packet.decode()), None)
        if not packet.is_discard:
            starts.append(packet.pts)
            ends.append(packet.pts + (packet.duration or 0))
    first = first or next(iter(video.decode(None)), None)
    if first is None or not starts or video.time_base is None:
        raise ValueError("no frame in the video")
    return Part(
        container,
        start=min(starts) * video.time_base,
        end=max(ends) * video.time_base,
        rotation=first.rotation,
        sound=sound,
        pictures=pictures if is_kept else None,
    )
