"""Encodes clips as H.264 and AAC in an MP4 file of exactly the requested length.

An extension copies the packets of its source and appends new ones to the same track, so that the
source's frames stay identical. This works because all clips are encoded with the same settings, and
x264's ``stitchable`` makes the stream's header independent of the content.

This code blocks. It runs in the worker processes of ``renderer``.
"""

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from PIL import Image

from sandbox.google import motion
from sandbox.google.clip_spec import (
    FRAME_RATE,
    SAMPLE_RATE,
    ClipSpec,
    RenderStyle,
    SourceUse,
)
from sandbox.google.overlay import open_image
from sandbox.google.pixels import image_from_frame
from sandbox.google.provenance import ClipSigner
from sandbox.google.sound import Samples, synthesize_chord

_Packet: TypeAlias = "Packet[Any]"
_TIME_BASE = Fraction(1, FRAME_RATE)
_STITCHABLE_PARAMS = "stitchable=1"
_FAST_PARAMS = f"{_STITCHABLE_PARAMS}:subme=0:me=dia:rc-lookahead=0:mbtree=0:aq-mode=0"
"""For the plain style. The stream's header is the same, so both styles can be joined."""
_AUDIO_BLOCK = 1024
"""Samples in an AAC frame."""


@dataclass(frozen=True, slots=True)
class RenderedClip:
    """A clip on disk: its size in bytes, SHA-256 in hex, and length in seconds."""

    path: Path
    size: int
    sha256: str
    seconds: float


class SourceNotStitchable(Exception):
    """The encoder cannot continue the source's stream with its settings."""


def render_to_file(
    spec: ClipSpec, path: Path, draft: Path, signer: ClipSigner | None = None
) -> RenderedClip:
    """Render a clip to a path atomically, with a draft in the same directory.

    ``signer`` adds a manifest.
    Raises av.error.FFmpegError, OSError or PIL.UnidentifiedImageError for an unusable input.
    """
    try:
        if spec.source is None:
            origin = None if spec.image is None else open_image(spec.image)
            _encode_clip(spec, draft, origin)
        elif spec.source_use is SourceUse.CONTINUE:
            _extend_source(spec, spec.source, draft)
        else:
            _render_source_again(spec, spec.source, draft)
        _pad_file(draft, spec.min_bytes)
        if signer is not None:
            _sign_file(draft, signer)
        _publish_file(draft, path)
        clip = measure_clip(path)
    finally:
        draft.unlink(missing_ok=True)
    return RenderedClip(path, clip.size, clip.sha256, clip.seconds)


def _publish_file(draft: Path, path: Path) -> None:
    """Give a file its name, unless another sandbox has made the same clip in the shared folder.

    Signatures differ, so the first file has to stay as it was measured.
    """
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # no hard links here
        draft.replace(path)


def _sign_file(draft: Path, signer: ClipSigner) -> None:
    signed = draft.with_name(f"{draft.name}.signed")
    try:
        signer.sign(draft, signed)
        signed.replace(draft)
    finally:
        signed.unlink(missing_ok=True)


def copy_clip(source: Path, path: Path, draft: Path, *, mark: bytes) -> RenderedClip:
    """Copy a clip to a path atomically. ``mark`` gives the copy another hash.

    It lies in a box that a manifest of C2PA leaves out, so the copy's signature is valid too.
    """
    try:
        shutil.copyfile(source, draft)
        with draft.open("ab") as file:
            file.write((8 + len(mark)).to_bytes(4, "big") + b"free" + mark)
        _publish_file(draft, path)
        clip = measure_clip(path)
    finally:
        draft.unlink(missing_ok=True)
    return RenderedClip(path, clip.size, clip.sha256, clip.seconds)


def measure_clip(path: Path) -> RenderedClip:
    """Return the properties of a clip, read from its file."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        seconds = video.frames / FRAME_RATE
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return RenderedClip(path, path.stat().st_size, digest, seconds)


def _encode_clip(spec: ClipSpec, path: Path, origin: Image.Image | None) -> None:
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        video, audio = _add_streams(output, spec)
        sound = (
            _encode_audio(audio, [synthesize_chord(spec.variation, 0.0, spec.seconds)])
            if audio
            else []
        )
        _write_tracks(
            output, _encode_frames(video, motion.paint_frames(spec, origin, 0.0), 0), sound
        )


def _extend_source(spec: ClipSpec, source: Path, path: Path) -> None:
    with (
        av.open(str(source)) as source_container,
        av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output,
    ):
        old_video = source_container.streams.video[0]
        old_audio = source_container.streams.audio[0] if source_container.streams.audio else None
        video, audio = _add_streams(output, spec)
        output.start_encoding()
        if _parameter_sets(video) != _parameter_sets(old_video):
            raise SourceNotStitchable(
                "the source was not encoded with the settings of this sandbox"
            )
        source_frames = old_video.frames
        start = source_frames / FRAME_RATE
        sound = []
        if audio is not None:
            new_sound = synthesize_chord(spec.variation, start, spec.seconds)
            source_sound = _read_audio(source, old_audio is not None, round(start * SAMPLE_RATE))
            sound = _encode_audio(audio, [source_sound, new_sound])
        frames = motion.paint_frames(spec, _decode_last_image(source), start)
        pictures = chain(
            _copy_packets(source_container, old_video, video),
            _encode_frames(video, frames, source_frames),
        )
        _write_tracks(output, pictures, sound)


def _render_source_again(spec: ClipSpec, source: Path, path: Path) -> None:
    """Re-encode the source's frames, in another light for an edit or with new ones appended."""
    is_edit = spec.source_use is SourceUse.EDIT
    with (
        av.open(str(source)) as source_container,
        av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output,
    ):
        old_video = source_container.streams.video[0]
        seconds = old_video.frames / FRAME_RATE
        video, audio = _add_streams(output, spec)
        frames = motion.repaint_frames(spec, source_container.decode(old_video))
        if not is_edit:
            new_frames = motion.paint_frames(spec, _decode_last_image(source), seconds)
            frames = chain(frames, new_frames)
        sound = []
        if audio is not None:
            has_sound = bool(source_container.streams.audio)
            parts = [_read_audio(source, has_sound, round(seconds * SAMPLE_RATE))]
            if not is_edit:
                parts.append(synthesize_chord(spec.variation, seconds, spec.seconds))
            sound = _encode_audio(audio, parts)
        _write_tracks(output, _encode_frames(video, frames, 0), sound)


def _encode_frames(
    video: VideoStream, frames: Iterator[av.VideoFrame], first: int
) -> Iterator[_Packet]:
    for index, frame in enumerate(frames, first):
        frame.pts, frame.time_base = index, _TIME_BASE
        yield from video.encode(frame)
    yield from video.encode(None)


def _copy_packets(source: InputContainer, old: VideoStream, new: VideoStream) -> Iterator[_Packet]:
    # Packets are framed by lengths in an MP4 file, but by start codes if the encoder made them.
    to_annexb = BitStreamFilterContext("h264_mp4toannexb", old, new)
    for packet in source.demux(old):
        for copied in to_annexb.filter(packet if packet.dts is not None else None):
            copied.stream = new
            yield copied


def _write_tracks(
    output: OutputContainer, pictures: Iterator[_Packet], sound: list[_Packet]
) -> None:
    """Write both tracks interleaved by time."""
    waiting = deque(sound)
    for packet in pictures:
        time = _packet_time(packet)
        while waiting and _packet_time(waiting[0]) <= time:
            output.mux(waiting.popleft())
        output.mux(packet)
    output.mux(list(waiting))


def _packet_time(packet: _Packet) -> Fraction:
    return (packet.pts or 0) * (packet.time_base or Fraction(1))


def _decode_last_image(source: Path) -> Image.Image:
    """Return the source's last frame, decoded from the last keyframe on."""
    with av.open(str(source)) as container:
        video = container.streams.video[0]
        container.seek((video.duration or 1) - 1, stream=video)
        last: av.VideoFrame | None = None
        for frame in container.decode(video):
            last = frame
    if last is None:
        raise SourceNotStitchable("the source has no picture")
    return image_from_frame(last)


def _add_streams(output: OutputContainer, spec: ClipSpec) -> tuple[VideoStream, AudioStream | None]:
    x264_params = _FAST_PARAMS if spec.look is RenderStyle.PLAIN else _STITCHABLE_PARAMS
    options = {"preset": "superfast", "bf": "0", "g": "48", "x264-params": x264_params}
    if not spec.min_bytes:
        options["crf"] = "21"
    video = output.add_stream("libx264", rate=FRAME_RATE, options=options)
    video.width, video.height, video.pix_fmt = spec.width, spec.height, "yuv420p"
    video.time_base = _TIME_BASE
    context = video.codec_context
    context.thread_count = 2
    context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1
    context.color_range = 1
    if spec.min_bytes:
        source_bytes = spec.source.stat().st_size if spec.source is not None else 0
        context.bit_rate = max(spec.min_bytes - source_bytes, 1) * 8 // spec.seconds
    if not spec.audio:
        return video, None
    audio_options = {"aac_coder": "fast"} if spec.look is RenderStyle.PLAIN else {}
    audio = output.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", options=audio_options)
    audio.bit_rate = 128_000
    return video, audio


def _parameter_sets(stream: VideoStream) -> list[bytes]:
    """Return the H.264 parameter sets of a stream.

    Framed as in a file (avcC, ISO/IEC 14496-15, 5.3.3.1) or as by the encoder (H.264, annex B).
    """
    data = stream.codec_context.extradata or b""
    if data[:1] != b"\x01":
        return [part for part in data.split(b"\0\0\0\1") if part]
    sets, offset = [], 5
    for mask in (0x1F, 0xFF):
        count, offset = data[offset] & mask, offset + 1
        for _ in range(count):
            size = int.from_bytes(data[offset : offset + 2], "big")
            sets.append(data[offset + 2 : offset + 2 + size])
            offset += 2 + size
    return sets


def _encode_audio(audio: AudioStream, parts: list[Samples]) -> list[_Packet]:
    sound = np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
    packets: list[Packet[Any]] = []
    for first in range(0, sound.shape[1], _AUDIO_BLOCK):
        block = np.ascontiguousarray(sound[:, first : first + _AUDIO_BLOCK])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, first
        frame.time_base = Fraction(1, SAMPLE_RATE)
        packets += audio.encode(frame)
    return packets + audio.encode(None)


def _read_audio(source: Path, present: bool, samples: int) -> Samples:
    """Return the sound of a source, cut or padded with silence to a number of samples."""
    sound = np.zeros((2, samples), dtype=np.float32)
    if present:
        filled = 0
        for block in _decode_audio(source):
            size = min(block.shape[1], samples - filled)
            sound[:, filled : filled + size] = block[:, :size]
            filled += size
    return sound


def _decode_audio(source: Path) -> Iterator[Samples]:
    with av.open(str(source)) as container:
        for frame in container.decode(container.streams.audio[0]):
            yield frame.to_ndarray().astype(np.float32, copy=False)


def _pad_file(path: Path, min_bytes: int) -> None:
    """Pad a file to ``min_bytes`` with a ``free`` box of random bytes."""
    missing = min_bytes - path.stat().st_size
    if missing <= 0:
        return
    size = max(missing, 8)
    with path.open("ab") as file:
        file.write(size.to_bytes(4, "big") + b"free")
        left = size - 8
        while left > 0:
            left -= file.write(os.urandom(min(left, 1 << 20)))
