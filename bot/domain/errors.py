"""The errors that the program raises on purpose, as one tree.

`bot.ui.error_messages` maps them to what members read.

```
ClapperError
├── RequestRefused                  nothing was started, reserved or paid
│   ├── RuleBroken                  the request does not fit the model
│   │   ├── PromptTooLong
│   │   ├── SourceNotExtendable     the clip cannot be extended
│   │   └── PersonPolicyUnsatisfiable  the model cannot follow the server's rule for people
│   ├── ImageRefused                the attachment is not a usable image
│   ├── LimitReached                a quota or budget is used up
│   ├── RequestsPaused              by the server or the operator
│   ├── WordsRefused                the text has words of a word list
│   ├── ContentRefused              the check of contents found what the operator refuses
│   ├── ContentUnchecked            that check cannot be made now
│   ├── MemberBlocked               the server keeps this member from making clips
│   ├── WordEntryRefused            an admin's entry cannot be in a word list
│   ├── TooManyQuestions            enough requests of this member wait for a moderator
│   ├── NotAllowed                  this member may not do this
│   ├── ChannelNotAllowed           the server allows other channels only
│   ├── RecordNotFound              no such clip, job or setting
│   ├── MissingPermissions          the bot may not post here
│   └── AlreadyAccepted             the same interaction or message arrived twice
├── DatabaseUnavailable             nothing may start
│   ├── DatabaseMissing             the bot has never run
│   └── DatabaseUnusable            until the operator fixes it
│       └── DatabaseOutdated        until the bot starts, which upgrades it
├── MediaUnavailable                files of clips cannot be read or written now
│   └── MediaUnusable               until the operator fixes it
├── CheckFailed                     the model that checks contents gave no verdict
├── LeaseLost                       this process does not own the job any more
├── VideoError                      Google's side, raised by `bot.google`
│   ├── VideoRefused                Google answered the submit and started nothing
│   ├── SubmitUncertain             the submit may have reached Google: never repeat it
│   ├── GoogleUnavailable           temporary; the call may be repeated
│   │   ├── GoogleQuotaExceeded     429: wait
│   │   └── AnswerNotFromGoogle     a proxy, gateway or login page answered instead
│   ├── AccessRefused               the operator's key, account, place or bucket is refused
│   ├── RemoteNotFound              Google says that the operation or file does not exist
│   └── VideoNotFetchable           the video has no address that can be fetched
├── TranscodeFailed                 the clip could not be re-encoded
├── JoinFailed                      videos could not be joined or read
└── DeliveryError                   Discord's side, raised by `bot.discord`
    ├── FileTooLarge                over the upload limit
    ├── ChannelUnavailable          a retry there cannot succeed
    │   └── ContentBlocked          one of Discord's filters refuses the message
    ├── AnswerNotDelivered          a person did not get the answer to what they pressed
    └── DiscordUnavailable          temporary; may be repeated
        └── UploadInterrupted       the connection was closed in the middle of a request
```
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain.jobs.job import Job, Outcome

if TYPE_CHECKING:
    from bot.domain.jobs.request import VideoRequest
    from bot.domain.moderation.content_check import ContentKind, TokenUsage


class ClapperError(Exception):
    """The root of all errors that the program raises on purpose.

    ``prompt`` is what the member had typed. It is returned to them, so that it is not lost.
    """

    prompt: str | None = None


class RequestRefused(ClapperError):
    """Refused before anything was started, reserved or paid."""


class RuleBroken(RequestRefused):
    """The request does not fit the model.

    ``rule`` is the key of its text, ``parameter`` the option to change, ``values`` fill the text,
    and ``nearest`` is the closest request that would be accepted.
    """

    def __init__(
        self,
        rule: str,
        parameter: str,
        *,
        nearest: "VideoRequest | None" = None,
        **values: str | int,
    ) -> None:
        super().__init__(f"{rule} ({parameter})")
        self.rule = rule
        self.parameter = parameter
        self.nearest = nearest
        self.values = values


class PromptTooLong(RuleBroken):
    """The model reads only the first ``fitting`` of the prompt's ``characters``.

    Its limit is in tokens, which people cannot count.
    """

    def __init__(self, *, characters: int, fitting: int) -> None:
        super().__init__(
            "prompt_too_long",
            "prompt",
            characters=characters,
            most=fitting,
            excess=characters - fitting,
        )


class SourceNotExtendable(RuleBroken):
    """The clip is too old, too long or of the wrong kind to be extended."""


class PersonPolicyUnsatisfiable(RuleBroken):
    """The model cannot follow the server's rule for people; ``models`` names those that can."""

    def __init__(
        self,
        *,
        rule: str,
        model: str,
        mode: str,
        models: Sequence[str],
        nearest: "VideoRequest | None" = None,
    ) -> None:
        super().__init__(
            "person_rule", "model", nearest=nearest, model=model, mode=mode, person_rule=rule
        )
        self.models = tuple(models)


class ImageRefused(RequestRefused):
    """An attachment cannot be used as an image; ``reason`` is the key of the text.

    ``option`` and ``file_name`` say which attachment it is, if that is known.
    """

    def __init__(
        self,
        reason: str,
        *,
        option: str | None = None,
        file_name: str | None = None,
        **values: str | int,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.option = option
        self.file_name = file_name
        self.values = values

    def with_name(self, option: str, file_name: str | None) -> "ImageRefused":
        """Return the same refusal, naming the attachment."""
        return ImageRefused(self.reason, option=option, file_name=file_name, **self.values)


class LimitScope(StrEnum):
    MEMBER = "member"
    EVERYWHERE = "everywhere"
    """A member in all servers, direct messages and guest places together."""
    GUILD = "guild"
    BOT = "bot"
    MODEL = "model"


class LimitReached(RequestRefused):
    """A quota or budget would be exceeded.

    ``limit`` is a field of `UsageLimits`; ``used``, ``requested`` and ``allowed`` are in its unit.
    ``frees_at`` is when enough becomes available. It is `None` if ``requested`` exceeds
    ``allowed``, or if the time depends on jobs that are still queued.
    """

    def __init__(
        self,
        limit: str,
        scope: LimitScope,
        *,
        used: int,
        requested: int,
        allowed: int,
        frees_at: datetime | None,
    ) -> None:
        super().__init__(f"{limit} of {scope}: {used} + {requested} > {allowed}")
        self.limit = limit
        self.scope = scope
        self.used = used
        self.requested = requested
        self.allowed = allowed
        self.frees_at = frees_at


class RequestsPaused(RequestRefused):
    def __init__(self, *, by_operator: bool, reason: str | None = None) -> None:
        super().__init__("paused")
        self.by_operator = by_operator
        self.reason = reason


class WordsRefused(RequestRefused):
    """A text of ``request`` has words of the server's word list, or of the operator's.

    ``entry`` is for the member alone. The message does not have it, because it may be logged.
    """

    def __init__(self, entry: str, *, by_operator: bool, request: "VideoRequest") -> None:
        super().__init__("words of a word list")
        self.entry = entry
        self.by_operator = by_operator
        self.request = request


class WordEntryRefused(RequestRefused):
    """``entry`` cannot be in a word list; ``reason`` is the key of the text."""

    def __init__(self, reason: str, *, entry: str, most: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.entry = entry
        self.most = most


class TooManyQuestions(RequestRefused):
    """``waiting`` requests of the member wait for a moderator, and no more are possible."""

    def __init__(self, waiting: int) -> None:
        super().__init__("too many requests wait for a moderator")
        self.waiting = waiting


class ContentRefused(RequestRefused):
    """The check of contents refuses a request for ``kinds``; for none, Google's own filter did."""

    def __init__(self, kinds: Sequence["ContentKind"] = ()) -> None:
        super().__init__(f"content: {', '.join(kinds) or 'blocked'}")
        self.kinds = tuple(kinds)


class ContentUnchecked(RequestRefused):
    """The contents of a request could not be checked, and the operator accepts none unchecked."""


class CheckFailed(ClapperError):
    """The model that checks contents gave no verdict.

    ``usage`` is what Google bills, if it said so. ``may_be_billed`` is false if it is certain that
    nothing is. ``refusal`` is Google's code if it refuses the model or the account, so that only
    the operator can help. The message is for the log and quotes nothing of the request.
    """

    def __init__(
        self,
        message: str,
        *,
        may_be_billed: bool,
        usage: "TokenUsage | None" = None,
        refusal: str | None = None,
    ) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.may_be_billed = may_be_billed
        self.usage = usage


class MemberBlocked(RequestRefused):
    """The server keeps this member from making clips until ``ends_at``, or until it says so."""

    def __init__(self, *, ends_at: datetime | None, reason: str | None) -> None:
        super().__init__("blocked from making clips")
        self.ends_at = ends_at
        self.reason = reason


class NotAllowed(RequestRefused):
    """This member may not do this; ``reason`` is the key of the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ChannelNotAllowed(RequestRefused):
    """The server's admins allow the bot in ``channels`` only."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__("not in this channel")
        self.channels = tuple(channels)


class RecordNotFound(RequestRefused):
    """No such record, or none that this member may see; ``reason`` is the key of the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MissingPermissions(RequestRefused):
    """The bot lacks permissions in the channel; ``missing`` holds discord.py's names for them."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(", ".join(missing))
        self.missing = tuple(missing)


class AlreadyAccepted(RequestRefused):
    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job.id}")
        self.job = job


class DatabaseUnavailable(ClapperError):
    """The database cannot answer. Limits cannot be checked then, so nothing may start."""


class DatabaseUnusable(DatabaseUnavailable):
    """Waiting does not help: a wrong password, a damaged file or another schema version.

    The message is one line and says what to do.
    """


class DatabaseOutdated(DatabaseUnusable):
    """The tables are of an earlier version. The bot upgrades them when it starts."""


class DatabaseMissing(DatabaseUnavailable):
    """The bot has never run, so there is no SQLite file."""


class MediaUnavailable(ClapperError, OSError):
    """The object store does not answer. The call may be repeated."""


class MediaUnusable(MediaUnavailable):
    """Waiting does not help: refused credentials or a bucket that does not exist.

    The message is one line and says what to do.
    """


class LeaseLost(ClapperError):
    """Another process owns the job, or may own it: the work on it must stop at once."""


class VideoError(ClapperError):
    """Something failed at Google. The message is for logs, ``detail`` may be shown to members."""

    def __init__(self, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.detail = detail


class VideoRefused(VideoError):
    """Google refused the submit, or it was not sent. Nothing was started; ``outcome`` says why."""

    def __init__(self, message: str, *, outcome: Outcome, detail: str | None = None) -> None:
        super().__init__(message, detail=detail)
        self.outcome = outcome


class SubmitUncertain(VideoError):
    """The connection broke after the request may have been sent. It must not be sent again."""


class GoogleUnavailable(VideoError):
    """A temporary error; the call may be repeated.

    This includes a submit, because an answer shows that Google started nothing.
    """

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, detail: str | None = None
    ) -> None:
        super().__init__(message, detail=detail)
        self.retry_after_s = retry_after_s


class GoogleQuotaExceeded(GoogleUnavailable):
    """Google's own quota for the project is used up for now, perhaps for the rest of its day."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        detail: str | None = None,
        is_daily: bool = False,
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s, detail=detail)
        self.is_daily = is_daily


class AnswerNotFromGoogle(GoogleUnavailable):
    """A proxy, gateway or login page answered instead of Google."""

    def __init__(
        self, message: str, *, status: int = 200, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.status = status


class AccessRefused(VideoError):
    """The operator's key, account, place or bucket is refused; only the operator can fix this.

    ``reason`` is Google's code for it, such as BILLING_DISABLED. There is no detail, because
    members should not read about the operator's account.
    """

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class RemoteNotFound(VideoError):
    """Google says that the operation or file does not exist, or belongs to another account.

    Google also says so of existing files: shortly after they are made, or while a bill is unpaid.
    """


class VideoNotFetchable(VideoError):
    """The video has no address that this route can fetch; a retry would not help."""


class TranscodeFailed(ClapperError):
    """A clip could not be re-encoded, or not in time; its original is untouched."""


class JoinFailed(ClapperError):
    """Videos could not be joined or read, or not in time; the files are untouched."""


class DeliveryError(ClapperError):
    """A post or an edit failed at Discord."""


class FileTooLarge(DeliveryError):
    """Discord refused the file for its size; ``limit`` is in bytes where it is known."""

    def __init__(self, message: str, *, limit: int | None = None) -> None:
        super().__init__(message)
        self.limit = limit


class ChannelUnavailable(DeliveryError):
    """The channel is gone, or the bot has no access, so a retry there cannot succeed.

    ``is_gone`` is set if Discord says that there is no such channel.
    """

    def __init__(self, message: str, *, missing: Sequence[str] = (), is_gone: bool = False) -> None:
        super().__init__(message)
        self.missing = tuple(missing)
        self.is_gone = is_gone


class ContentBlocked(ChannelUnavailable):
    """Discord's filter ``name`` (a key of its text) refuses what the message says or shows."""

    def __init__(self, name: str) -> None:
        super().__init__(f"blocked by Discord: {name}")
        self.name = name


class AnswerNotDelivered(DeliveryError):
    """Discord did not accept the answer to an interaction; what was requested may be done."""


class DiscordUnavailable(DeliveryError):
    """A temporary error of Discord: a retry may succeed."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UploadInterrupted(DiscordUnavailable):
    """Discord closed the connection in the middle of a request.

    Some of its servers do so instead of answering 413. So a smaller file may be accepted where
    this one never will be.
    """
