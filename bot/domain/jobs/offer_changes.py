"""What an offered request leaves out of the one that the member made.

An offer's description has the model, length, shape, resolution, number and price. Without this
list, members would notice dropped pictures and words only in the clip that they paid for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.jobs.request import VideoRequest


class DroppedInput(StrEnum):
    """What happens to an input; the values are keys of texts."""

    LAST_FRAME_BECOMES_IMAGE = "last_frame_becomes_image"
    IMAGE = "image"
    LAST_FRAME = "last_frame"
    REFERENCES = "references"
    SOME_REFERENCES = "some_references"
    NEGATIVE_PROMPT = "negative_prompt"
    SEED = "seed"


@dataclass(frozen=True, slots=True)
class OfferChange:
    """``count`` is how many references are dropped, or how many are left if only some are."""

    dropped: DroppedInput
    count: int = 0


def find_offer_changes(asked: VideoRequest, offered: VideoRequest) -> Iterator[OfferChange]:
    """Yield what ``offered`` drops, pictures first.

    One request may hold attachments and the other imported images, so pictures are compared by
    position.
    """
    moved = asked.image is None and offered.image is not None and offered.last_frame is None
    if moved and asked.last_frame is not None:
        yield OfferChange(DroppedInput.LAST_FRAME_BECOMES_IMAGE)
    else:
        if asked.image is not None and offered.image is None:
            yield OfferChange(DroppedInput.IMAGE)
        if asked.last_frame is not None and offered.last_frame is None:
            yield OfferChange(DroppedInput.LAST_FRAME)
    before, after = len(asked.references), len(offered.references)
    if after == 0 < before:
        yield OfferChange(DroppedInput.REFERENCES, before)
    elif after < before:
        yield OfferChange(DroppedInput.SOME_REFERENCES, after)
    if asked.negative_prompt and not offered.negative_prompt:
        yield OfferChange(DroppedInput.NEGATIVE_PROMPT)
    if asked.seed is not None and offered.seed is None:
        yield OfferChange(DroppedInput.SEED)
