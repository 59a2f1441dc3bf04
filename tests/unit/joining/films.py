"""Writes videos of any kind with steady tones, and reads back what a viewer sees and hears."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
STRIPES = 8
"""Black or white stripes at the left, which write a frame's number as a binary one."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """A video of a gray value with numbered frames and a tone; `None` for no sound.

    ``times`` are those of the frames in milliseconds, if they are not even.
    """

    size: tuple[int, int] = (320, 192)
    rate: int = 24
    frames: int = 48
    gray: int = 128
    tone: float | None = 440.0
    layout: str = "stereo"
    sample_rate: int = 48_000
    b_frames: int = 0
    times: tuple[int, ...] = ()
    codec: str = "libx264"

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def write_film(path: Path, film: Film = Film()) -> Path:
    """Write a film and return its path."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as output:
        video: Any = output.add_stream(film.codec, rate=film.rate)
        video.width, video.height, video.pix_fmt = *film.size, "yuv420p"
        unit = Fraction(1, 1000) if film.times else Fraction(1, film.rate)
        video.time_base = video.codec_context.time_base = unit
        if film.codec == "libx264":
            video.options = {"bf": str(film.b_frames), "preset": "veryfast"}
        audio: Any = None
        if film.tone is not None:
            audio = output.add_stream("aac", rate=film.sample_rate, layout=film.layout)
        for number in range(film.frames):
            frame = av.VideoFrame.from_ndarray(_paint(film, number), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts = film.times[number] if film.times else number
            frame.time_base = unit
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if audio is not None:
            count = round(film.seconds * film.sample_rate)
            at = np.arange(count) / film.sample_rate
            tone = (0.4 * np.sin(2 * np.pi * (film.tone or 0) * at + 1.0)).astype(np.float32)
            channels = 1 if film.layout == "mono" else 2
            for first in range(0, count, 1024):
                block = np.ascontiguousarray(np.tile(tone[first : first + 1024], (channels, 1)))
                sound = av.AudioFrame.from_ndarray(block, format="fltp", layout=film.layout)
                sound.sample_rate, sound.pts = film.sample_rate, first
                output.mux(audio.encode(sound))
            output.mux(audio.encode(None))
    return path


def _paint(film: Film, number: int) -> NDArray[np.uint8]:
    width, height = film.size
    picture = np.full((height, width), film.gray, np.uint8)
    for bit in range(STRIPES):
        picture[:, bit * 16 : bit * 16 + 16] = 255 if number >> bit & 1 else 0
    return picture


@dataclass(frozen=True)
class Shown:
    """A frame as it is shown: when, the number on it, and the gray value in the middle."""

    at_s: float
    number: int
    gray: int


def read_frames(path: Path) -> list[Shown]:
    """Return the frames in the order in which they are shown."""
    shown = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            picture = frame.to_ndarray(format="gray")
            row = picture[picture.shape[0] // 2]
            number = sum((int(row[bit * 16 + 8]) > 128) << bit for bit in range(STRIPES))
            gray = int(np.median(row[STRIPES * 16 :]))
            shown.append(Shown(float(frame.time or 0), number, gray))
    return shown


def read_sound(path: Path) -> tuple[int, Samples]:
    """Return the rate and the first channel, with its first sample at the time 0."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        sound = np.zeros(0, np.float32)
        for frame in container.decode(stream):
            begin = round(float(frame.time or 0) * stream.rate)
            block = frame.to_ndarray()[0].astype(np.float32)
            if begin + len(block) > len(sound):
                sound = np.pad(sound, (0, begin + len(block) - len(sound)))
            sound[begin : begin + len(block)] = block
        return stream.rate, sound


def measure_loudness(sound: Samples, rate: int, at_s: float, length_s: float = 0.005) -> float:
    """Return the root mean square around a time."""
    middle, half = round(at_s * rate), round(length_s * rate / 2)
    return float(np.sqrt(np.mean(np.square(sound[max(0, middle - half) : middle + half]))))


def find_tone(sound: Samples, rate: int, begin_s: float, end_s: float) -> float:
    """Return the frequency of a stretch of sound, in hertz."""
    part = sound[round(begin_s * rate) : round(end_s * rate)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(np.argmax(spectrum) * rate / len(part))


def measure_click(sound: Samples, rate: int, at_s: float) -> float:
    """Return how much louder the high frequencies are around a time than where nothing happens."""
    second = np.abs(np.diff(sound, 2))
    middle, half = round(at_s * rate), round(0.04 * rate)
    near = float(second[middle - half : middle + half].max())
    quiet = float(
        np.percentile(np.concatenate([second[: middle - half], second[middle + half :]]), 99.5)
    )
    return near / quiet
