"""Makes the files of a plan available on this machine while a submit sends them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from bot.domain.clips.media_store import MediaStore
from bot.domain.jobs.request import VideoPlan


@asynccontextmanager
async def read_plan_files(media_store: MediaStore, plan: VideoPlan) -> AsyncIterator[None]:
    """Keep the images and the source of ``plan`` in the working folder until the block ends.

    Files that are gone are left out, because only the route knows whether it needs them. Raises
    `MediaUnavailable`.
    """
    images = (plan.image, plan.last_frame, *plan.references)
    keys = {image.path for image in images if image is not None}
    if plan.source is not None and plan.source.path is not None:
        keys.add(plan.source.path)
    async with AsyncExitStack() as stack:
        for key in sorted(keys):
            with suppress(FileNotFoundError):
                await stack.enter_async_context(media_store.read(key))
        yield
