"""Generates videos for transcoding: noise, which does not compress well, and a tone."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 24
_SAMPLES = 48_000 // RATE


def write_video(
    path: Path,
    *,
    size: tuple[int, int] = (640, 360),
    seconds: float = 2.0,
    bits: int = 8_000_000,
    sound: bool = True,
    sound_bits: int = 192_000,
) -> Path:
    """Write a video of about ``bits`` a second and return ``path``."""
    width, height = size
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 255, (height * 3 // 2, width), dtype=np.uint8)
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.bit_rate = bits
        audio = None
        if sound:
            audio = output.add_stream("aac", rate=48_000, layout="stereo")
            audio.bit_rate = sound_bits
        for number in range(round(seconds * RATE)):
            image = np.roll(noise, number * 7, axis=1)
            frame = av.VideoFrame.from_ndarray(image, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(video.encode(frame))
            if audio is not None:
                sample = np.arange(_SAMPLES) + number * _SAMPLES
                tone = (0.3 * np.sin(sample * 2 * np.pi * 440 / 48_000)).astype(np.float32)
                tone += rng.normal(0, 0.1, _SAMPLES).astype(np.float32)
                block = np.ascontiguousarray(np.tile(tone, (2, 1)))
                audio_frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                audio_frame.sample_rate, audio_frame.pts = 48_000, int(sample[0])
                output.mux(audio.encode(audio_frame))
        output.mux(video.encode(None))
        if audio is not None:
            output.mux(audio.encode(None))
    return path


def turn_video(path: Path) -> Path:
    """Change the track's display matrix so that players show the video turned by 90° clockwise."""
    data = bytearray(path.read_bytes())
    video_header = data.index(b"tkhd")
    matrix = video_header + 4 + 40  # ISO/IEC 14496-12, 8.3.2: after version 0's other fields
    width = int.from_bytes(data[matrix + 36 : matrix + 40], "big")
    height = int.from_bytes(data[matrix + 40 : matrix + 44], "big")
    values = (0, 1 << 16, 0, -(1 << 16), 0, 0, height, 0, 1 << 30)
    assert width > height > 0
    data[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(data)
    return path
