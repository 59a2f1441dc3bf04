"""Takes the first frame of a draft, with which a model that edits no clips makes it in full."""

from dataclasses import dataclass
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import MediaUnavailable, RecordNotFound, TranscodeFailed
from bot.domain.jobs.request import InputImage
from bot.domain.ports import Transcoder
from bot.services.clips.input_images import InputImages

_FIRST_S: Final = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFrames:
    transcoder: Transcoder
    media_store: MediaStore
    input_images: InputImages

    async def take_first_frame(self, draft: Clip) -> InputImage:
        """Return the frame as a stored input image.

        Raises `RecordNotFound` if the file is gone, and `MediaUnavailable` if it cannot be read.
        """
        try:
            async with self.media_store.read(draft.path) as path:
                [frame] = await self.transcoder.extract_frames(
                    path, at_s=[_FIRST_S], max_side=max(draft.width, draft.height)
                )
        except FileNotFoundError as error:
            raise RecordNotFound("clip") from error
        except TranscodeFailed as error:
            raise MediaUnavailable(str(error)) from error
        return await self.input_images.store_picture(frame)
