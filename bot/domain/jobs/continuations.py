"""Going on from the last frame of a clip that cannot be extended.

It is a request with a first frame. The frame is taken from the clip when the request is accepted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    InputImage,
    PrecedingVideo,
    Resolution,
    SourceClip,
    VideoRequest,
)

_LONG_SIDE: Final = 1280
_SHORT_SIDE: Final = 720


@dataclass(frozen=True, slots=True)
class LastFrame(InputImage):
    """The last frame of the video at ``video_path``, until it has been extracted."""

    video_path: str = ""

    @classmethod
    def of_clip(cls, source: SourceClip) -> "LastFrame":
        """Return the last frame of a clip; only the shape of its size is right."""
        is_upright = source.aspect_ratio is AspectRatio.PORTRAIT
        width, height = (_SHORT_SIDE, _LONG_SIDE) if is_upright else (_LONG_SIDE, _SHORT_SIDE)
        return cls("", "image/png", width, height, "", video_path=source.path or "")


def list_continuations(refused: VideoRequest) -> Iterator[VideoRequest]:
    """Yield the requests that could be made instead of an extension, the best first.

    A clip of the same resolution is joined without being encoded again.
    """
    source = refused.source
    if refused.mode is not GenerationMode.EXTENSION or source is None or source.path is None:
        return
    request = VideoRequest(
        prompt=refused.prompt,
        negative_prompt=refused.negative_prompt,
        image=LastFrame.of_clip(source),
        preceding=PrecedingVideo(source.path, source.seconds, source),
    )
    resolutions: tuple[Resolution | None, ...] = (source.resolution, None)
    for resolution in dict.fromkeys(resolutions):
        for model in (source.model, None):
            yield request.evolve(model=model, resolution=resolution)
