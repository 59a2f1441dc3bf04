"""Re-encodes a clip with FFmpeg's libraries and nothing around them: what the encoder alone takes.

Run as ``python -m tests.bench.plain_encode SOURCE DESTINATION WIDTH HEIGHT VIDEO_BITS``. It uses
the settings of `bot.media.transcode_worker` in two passes, as the command line of ffmpeg would get
them, and copies the sound.
"""

import os
import sys
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

import av

ANALYSIS: str = "ref=1:me=dia:subme=1:no-8x8dct=1:partitions=none:trellis=0:mixed-refs=0"


def encode_pass(source: Path, target: str, size: tuple[int, int], bits: int, number: int) -> None:
    """Run the first pass, which only writes an analysis, or the second."""
    is_first = number == 1
    params = f"keyint=48:vbv-maxrate={bits // 500}:vbv-bufsize={bits // 250}"
    params += f":pass={number}:stats=passes.log" + (f":{ANALYSIS}" if is_first else "")
    options = {} if is_first else {"movflags": "+faststart"}
    with (
        av.open(str(source)) as clip,
        av.open(target, "w", format="null" if is_first else "mp4", options=options) as output,
    ):
        pictures, sounds = clip.streams.video[0], clip.streams.audio
        pictures.thread_type = "AUTO"
        pictures.codec_context.thread_count = 2
        encoder = output.add_stream(
            "libx264",
            rate=pictures.average_rate,
            options={"preset": "fast", "x264-params": params},
        )
        encoder.width, encoder.height = size
        encoder.pix_fmt, encoder.bit_rate = "yuv420p", bits
        encoder.codec_context.thread_count = 2
        sound: Any = None
        if sounds and not is_first:
            sound = output.add_stream_from_template(sounds[0])
        for packet in clip.demux(pictures, *([sounds[0]] if sound else [])):
            if packet.stream is pictures:
                for frame in packet.decode():
                    picture: Any = frame
                    if (picture.width, picture.height) != size:
                        picture = picture.reformat(*size, "yuv420p", interpolation="LANCZOS")
                    picture.pict_type = 0
                    output.mux(encoder.encode(picture))
            elif packet.dts is not None:
                packet.stream = sound
                output.mux(packet)
        output.mux(encoder.encode(None))


def main() -> None:
    source, destination = (Path(name).absolute() for name in sys.argv[1:3])
    width, height, bits = map(int, sys.argv[3:6])
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        encode_pass(source, os.devnull, (width, height), bits, 1)
        encode_pass(source, str(destination), (width, height), bits, 2)


if __name__ == "__main__":
    main()
