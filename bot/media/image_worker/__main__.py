"""Decodes one image, or shapes it or draws it as an icon, within hard limits; prints the result.

Image files can attack decoders. In this process a crash, an endless loop or a decompression bomb
does no harm: memory, time and file size are limited, and no secrets of the bot are in memory. The
image is re-encoded, so that metadata and trailing data are removed.

Run as `python -I __main__.py decode SOURCE DESTINATION`, `… icon SOURCE DESTINATION SIDE` or
`… shape SOURCE DESTINATION WIDTH HEIGHT crop|fit`, where SIDE is in pixels and WIDTH:HEIGHT is the
aspect ratio. Prints one line of JSON that describes the image, or `{"refused": reason, …}`.
"""

import json
import resource
import sys
import warnings
from pathlib import Path
from typing import Any, Final

# Because it is started by its path and with -I, Python does not find the package on its own.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bot.media.image_worker.decoding import decode_image
from bot.media.image_worker.encoding import write_image
from bot.media.image_worker.icon import write_icon
from bot.media.image_worker.rejection import ImageRejected
from bot.media.image_worker.shaping import shape_image

_MEMORY_LIMIT_BYTES: Final = 512 * 1024**2
"""For the whole address space, with the interpreter and the decoders."""
_CPU_LIMIT_S: Final = 20
_FILE_LIMIT_BYTES: Final = 128 * 1024**2


def apply_process_limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_LIMIT_S, _CPU_LIMIT_S + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT_BYTES, _FILE_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_command(arguments: list[str]) -> dict[str, Any]:
    """Run one command and return the answer. Raises `ImageRejected`."""
    match arguments:
        case ["decode", source, destination]:
            decoded = decode_image(Path(source), scratch=Path(f"{destination}.clean"))
            written = write_image(decoded.image, Path(destination), is_lossless=decoded.is_lossless)
            width, height = decoded.original_size
            return {
                **written,
                "original_width": width,
                "original_height": height,
                "traits": sorted(decoded.traits),
            }
        case ["icon", source, destination, side]:
            decoded = decode_image(Path(source), scratch=Path(f"{destination}.clean"))
            return {"accent": write_icon(decoded.image, Path(destination), int(side))}
        case ["shape", source, destination, width, height, fit]:
            image, is_lossless = shape_image(
                Path(source), (int(width), int(height)), is_cropped=fit == "crop"
            )
            return write_image(image, Path(destination), is_lossless=is_lossless)
    raise SystemExit(2)


def main(arguments: list[str]) -> int:
    """Run one command and print the answer, never a stack trace."""
    apply_process_limits()
    warnings.simplefilter("ignore")
    try:
        answer = run_command(arguments)
    except ImageRejected as error:
        answer = {"refused": error.reason, **error.values}
    except MemoryError:
        answer = {"refused": "image_needs_memory"}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
