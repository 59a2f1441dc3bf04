"""Synthesizes the sound of a clip: a slow chord and wind, from the same seed as the frames.

It must be exactly as long as the clip, because players use the length of the longer track.
"""

import numpy as np
import numpy.typing as npt

from sandbox.google.clip_spec import SAMPLE_RATE

Samples = npt.NDArray[np.float32]
"""Stereo sound: (2, samples), values -1..1."""

_SCALE = (0, 3, 5, 7, 10, 12, 15, 17)
"""Semitones of a minor pentatonic scale: any of them are in harmony."""

_CHUNK_SAMPLES = SAMPLE_RATE * 10
"""Samples computed at a time, to limit the memory for long clips."""


def synthesize_chord(variation: int, start: float, seconds: float) -> Samples:
    """Return the sound from ``start``, both in seconds, as (2, seconds * SAMPLE_RATE) samples."""
    total = round(seconds * SAMPLE_RATE)
    first = round(start * SAMPLE_RATE)
    out = np.empty((2, total), dtype=np.float32)
    for offset in range(0, total, _CHUNK_SAMPLES):
        size = min(_CHUNK_SAMPLES, total - offset)
        out[:, offset : offset + size] = _synthesize_part(variation, first + offset, size)
    fade = min(SAMPLE_RATE // 50, total)
    out[:, :fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    out[:, total - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return out


def _synthesize_part(variation: int, first: int, size: int) -> Samples:
    random = np.random.default_rng(variation)
    time = (np.arange(first, first + size, dtype=np.float64) / SAMPLE_RATE).astype(np.float64)
    root = 110.0 * 2 ** (float(random.integers(0, 12)) / 12)
    out = np.zeros((2, size), dtype=np.float32)
    for voice in range(5):
        step = _SCALE[int(random.integers(len(_SCALE)))]
        pitch = root * 2 ** (step / 12) * (1 if voice < 3 else 2)
        pan, swell, phase = random.random(3)
        tone = np.sin(2 * np.pi * pitch * time + phase * 6.28).astype(np.float32)
        tone += np.float32(0.3) * np.sin(4 * np.pi * pitch * time).astype(np.float32)
        level = 0.10 * (0.6 + 0.4 * np.sin(2 * np.pi * (0.07 + 0.16 * swell) * time + 6.28 * phase))
        tone *= level.astype(np.float32)
        out[0] += tone * np.float32(1 - 0.6 * pan)
        out[1] += tone * np.float32(0.4 + 0.6 * pan)
    wind = np.random.default_rng(variation + first).standard_normal((2, size), dtype=np.float32)
    wind[:, 1:] += wind[:, :-1]
    gust = 0.012 * (1 + np.sin(2 * np.pi * 0.11 * time))
    out += wind * gust.astype(np.float32)
    return np.clip(out, -0.95, 0.95, out=out)
