"""The port to the messages that show moderators clips; `bot.domain.ports` has the other ports."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.jobs.job import Job


class ReviewMessages(Protocol):
    """The messages that show moderators clips before anybody else."""

    async def find_parent(self, channel_id: int) -> int | None:
        """Return the channel that a thread belongs to, `None` for anything but a thread.

        Raises `DiscordUnavailable`.
        """
        ...

    async def post_review(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        *,
        channel_id: int,
        may_send: Callable[[], None],
    ) -> int:
        """Post the clips with the moderators' buttons; raises as `JobMessages.post_clips`."""
        ...

    async def is_age_restricted(self, channel_id: int) -> bool:
        """Return whether a channel is known to be age-restricted. Raises `DiscordUnavailable`."""
        ...

    async def post_notice(self, job: Job, *, channel_id: int) -> int:
        """Post that a clip waits that may not be shown in a channel that everybody may read.

        Neither the clip nor the prompt is in the message. Raises `DeliveryError`.
        """
        ...

    async def delete_message(self, job: Job, *, channel_id: int, message_id: int) -> None:
        """Delete such a notice, if it exists. Raises `DiscordUnavailable`."""
        ...

    async def find_review(self, job: Job, *, channel_id: int, since: datetime) -> int | None:
        """Look for such a message that was posted but not recorded; raises as `find_posted`."""
        ...

    async def show_decision(
        self,
        job: Job,
        *,
        channel_id: int,
        message_id: int,
        decided_by: int | None,
    ) -> None:
        """Replace the clips and buttons by what was decided. Raises `DiscordUnavailable`.

        A message that is gone, or that the bot can no longer reach, is no error.
        """
        ...
