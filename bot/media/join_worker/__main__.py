"""Joins videos into one file, or reads what going on from a video needs; prints one line of JSON.

A separate process can be killed, has limits for memory and time, and runs at a low priority, so
that the bot's event loop responds in time. Files of strangers can attack decoders, and do no harm
here. Packets are streamed, so memory does not grow with the pictures' length.

Run as `python -I __main__.py ORDER`, where the order is JSON: `{"task": "join", "sources": […],
"destination"}` prints `{"size": bytes, "seconds", "copied": ["pictures", "sound"]}`,
`{"task": "last_frame", "source", "destination"}` writes a PNG and prints `{"width", "height"}`, and
`{"task": "measure", "source"}` prints `{"seconds", "width", "height"}`, each with `"parent",
"nice", "cpu_s", "memory_bytes"`. Any may print `{"failed": reason}`.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

# Because it is started by its path and with -I, Python does not find the package on its own.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import av
from av.error import FFmpegError

from bot.media.join_worker.parts import NotCopyable, Part, open_parts
from bot.media.join_worker.pictures import (
    add_encoder,
    copy_pictures,
    count_frames,
    encode_pictures,
    find_common_timescale,
)
from bot.media.join_worker.sound import NotSpliceable, encode_sound, splice_sound
from bot.media.join_worker.stills import read_last_frame

_PR_SET_PDEATHSIG: Final = 1


def apply_process_limits(order: dict[str, Any]) -> None:
    os.nice(order["nice"])
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != order["parent"]:
        raise SystemExit(1)
    resource.setrlimit(resource.RLIMIT_AS, (order["memory_bytes"], order["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (order["cpu_s"], order["cpu_s"] + 1))


def join_videos(order: dict[str, Any]) -> dict[str, Any]:
    """Write the sources one after another to the destination."""
    with ExitStack() as stack:
        timescale = find_common_timescale(parts := open_parts(stack, order["sources"]))
        if timescale is not None:
            with contextlib.suppress(NotCopyable):
                return _write_file(parts, order["destination"], timescale)
    with ExitStack() as stack:  # some packets may have got other times
        parts = open_parts(stack, order["sources"], is_decoded=True)
        return _write_file(parts, order["destination"], None)


def _write_file(parts: list[Part], destination: str, timescale: int | None) -> dict[str, Any]:
    """Copy the pictures if ``timescale`` is set, and the sound if it can be copied."""
    rate = parts[0].rate
    starts, end = [], Fraction(0)
    for part in parts:
        starts.append(end)
        end += part.seconds if timescale else count_frames(part, rate) / rate
    options = {"movflags": "+faststart"}
    if timescale is not None:
        options["video_track_timescale"] = str(timescale)
    copied = []
    with av.open(destination, "w", format="mp4", options=options) as output:
        if timescale is None:
            stream = add_encoder(output, parts[0])
            pictures = encode_pictures(parts, starts, stream, rate)
        else:
            stream = output.add_stream_from_template(parts[0].video)
            pictures = copy_pictures(parts, starts, stream, timescale)
            copied.append("pictures")
        sound: Any = iter(())
        if any(part.sound for part in parts):
            try:
                packets = splice_sound(parts, starts)
                track: Any = output.add_stream_from_template(parts[0].container.streams.audio[0])
                for packet in packets:
                    packet.stream = track
                sound = iter(packets)
                copied.append("sound")
            except NotSpliceable:
                sound = encode_sound(parts, starts, output)
        _mux_by_time(output, pictures, sound)
    return {"size": Path(destination).stat().st_size, "seconds": float(end), "copied": copied}


def _mux_by_time(output: Any, pictures: Any, sound: Any) -> None:
    """Write both tracks so that a player finds them side by side."""
    waiting = next(sound, None)
    for packet in pictures:
        time = packet.dts * packet.time_base
        while waiting is not None and waiting.dts * waiting.time_base <= time:
            output.mux(waiting)
            waiting = next(sound, None)
        output.mux(packet)
    while waiting is not None:
        output.mux(waiting)
        waiting = next(sound, None)


def write_last_frame(order: dict[str, Any]) -> dict[str, Any]:
    """Write the very last picture as a PNG."""
    with av.open(order["source"]) as source:
        image = read_last_frame(source)
    image.save(order["destination"], "PNG", compress_level=1)
    return {"width": image.width, "height": image.height}


def measure_video(order: dict[str, Any]) -> dict[str, Any]:
    """Return the length and size of a video, by its packets and its first picture."""
    with ExitStack() as stack:
        [part] = open_parts(stack, [order["source"]])
        width, height = part.size
        return {"seconds": float(part.seconds), "width": width, "height": height}


_TASKS: Final = {"join": join_videos, "last_frame": write_last_frame, "measure": measure_video}


def main(arguments: list[str]) -> int:
    """Run one order and print the answer, never a stack trace."""
    order = json.loads(arguments[0])
    apply_process_limits(order)
    try:
        answer = _TASKS[order["task"]](order)
    except MemoryError:
        answer = {"failed": "out of memory"}
    except (FFmpegError, OSError, ValueError, ArithmeticError) as error:
        answer = {"failed": type(error).__name__}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
