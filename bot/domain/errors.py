"""Every failure the program knows, as one tree; `bot.ui.error_messages` maps it to what people read.

```
ClapperError
├── Refused                    before anything started; nothing was reserved or paid
│   ├── RuleBroken             the request does not fit the model (rule, parameter, nearest request)
│   │   ├── PromptTooLong
│   │   ├── SourceUnusable     a clip that cannot be extended
│   │   └── PersonRuleUnkept   no way to keep the server's person rule with this model and mode
│   ├── ImageRefused           an attachment that is not a usable image
│   ├── LimitReached           a quota or budget (which, and when it frees)
│   ├── Paused                 switched off by the server or the operator
│   ├── NotAllowed             this person may not do this
│   ├── ChannelNotAllowed      the server lets the bot be used in other channels (which)
│   ├── NotFound               no such clip or job here
│   ├── MissingPermissions     the bot may not post here (which permissions)
│   └── AlreadyAccepted        the same interaction or message came twice
├── StoreAway                  the database cannot answer; limits fail closed
├── LeaseLost                  this process no longer owns the job: stop at once, touch nothing
├── VideoError                 Google's side, raised by the adapters of `bot.google`
│   ├── VideoRefused           Google answered the submit and started nothing (outcome)
│   ├── SubmitUncertain        the submit may have reached Google: never send it again
│   ├── GoogleBusy             a passing fault of a poll, a fetch or an answered submit
│   │   └── GoogleQuota        429: wait (retry_after_s)
│   ├── AccessRefused          key or credentials are wrong
│   └── RemoteGone             operation or file no longer exists there
├── FittingFailed              a clip could not be re-encoded: another way must be found
└── DeliveryError              Discord's side, raised by `bot.discord.job_messages` (`bot.discord.api_errors` says which)
    ├── FileTooLarge           over the live limit (limit in bytes, if told)
    ├── ChannelClosed          channel, thread or permission gone: posting there cannot succeed
    └── DeliveryBusy           a passing fault (retry_after_s)
```
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain.jobs.job import Job, Outcome

if TYPE_CHECKING:
    from bot.domain.jobs.request import VideoRequest


class ClapperError(Exception):
    """The root: anything the program raises on purpose."""


class RequestRefused(ClapperError):
    """Refused before anything started: nothing was reserved and nothing will be paid."""


class RuleBroken(RequestRefused):
    """The request does not fit the model.

    ``rule`` names the broken rule (a key of the texts), ``parameter`` the option to change,
    ``values`` fill the text, and ``nearest`` is the closest request that would be accepted.
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
    """The prompt has more tokens than Veo reads; it is never cut silently."""

    def __init__(self, *, tokens: int, limit: int) -> None:
        super().__init__("prompt_too_long", "prompt", tokens=tokens, most=limit)
        self.tokens = tokens
        self.limit = limit


class SourceNotExtendable(RuleBroken):
    """The clip to be extended cannot be: too old, too long, too large, or of another kind."""


class PersonPolicyUnsatisfiable(RuleBroken):
    """The server's person rule cannot be kept here.

    ``models`` are the names of those that could keep it in this mode.
    """

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
    """An attachment that cannot be used as an image; ``reason`` is a key of the texts."""

    def __init__(self, reason: str, **values: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values


class LimitScope(StrEnum):
    """Whose limit was hit."""

    MEMBER = "member"
    GUILD = "guild"
    BOT = "bot"
    MODEL = "model"


class LimitReached(RequestRefused):
    """A quota or budget would be passed.

    ``limit`` names it (``clips_per_day``, ``usd_per_month``, ``jobs_at_once`` …), ``frees_at`` is
    when enough of it frees for this request (``None``: never where ``asked`` is larger than
    ``allowed``, else at no fixed time, because of what still waits to be sent).
    ``used``, ``asked`` and ``allowed`` are in the limit's own unit (clips, seconds, micro-dollars).
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
    """New requests are switched off; ``by_operator`` tells the whole bot from one server."""

    def __init__(self, *, by_operator: bool, reason: str | None = None) -> None:
        super().__init__("paused")
        self.by_operator = by_operator
        self.reason = reason


class NotAllowed(RequestRefused):
    """This person may not do this; ``what`` is a key of the texts."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ChannelNotAllowed(RequestRefused):
    """The server's admins let the bot be used in other channels only; ``channels`` are those."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__("not in this channel")
        self.channels = tuple(channels)


class RecordNotFound(RequestRefused):
    """No such clip or job, or none that this person may see; ``what`` is a key of the texts."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MissingPermissions(RequestRefused):
    """The bot lacks permissions in the channel; ``missing`` are discord.py's names for them."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(", ".join(missing))
        self.missing = tuple(missing)


class AlreadyAccepted(RequestRefused):
    """The same interaction or message was accepted before, as ``job``."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"job {job.id}")
        self.job = job


class DatabaseUnavailable(ClapperError):
    """The database cannot answer. Nothing may start while it is away."""


class LeaseLost(ClapperError):
    """Another process owns the job now, or this one can no longer prove that it does."""


class VideoError(ClapperError):
    """Something on Google's side. The message is for logs; ``detail`` may be shown to people."""

    def __init__(self, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.detail = detail


class VideoRefused(VideoError):
    """Google answered the submit and started nothing; ``outcome`` says what kind of no it was."""

    def __init__(self, message: str, *, outcome: Outcome, detail: str | None = None) -> None:
        super().__init__(message, detail=detail)
        self.outcome = outcome


class SubmitUncertain(VideoError):
    """The connection broke after the request may have been sent: never send it again."""


class GoogleUnavailable(VideoError):
    """A passing fault: the same call may be made again later (a submit only if it was answered)."""

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, detail: str | None = None
    ) -> None:
        super().__init__(message, detail=detail)
        self.retry_after_s = retry_after_s


class GoogleQuotaExceeded(GoogleUnavailable):
    """Google's own quota for the project is used up for now."""


class AccessRefused(VideoError):
    """The operator's key or credentials are refused."""


class RemoteNotFound(VideoError):
    """The operation or file no longer exists at Google (or is not ours)."""


class TranscodeFailed(ClapperError):
    """A clip could not be re-encoded, or not in time; its original is untouched."""


class DeliveryError(ClapperError):
    """Something on Discord's side of a post or an edit."""


class FileTooLarge(DeliveryError):
    """Discord refused the file for its size; ``limit`` is in bytes where it is known."""

    def __init__(self, message: str, *, limit: int | None = None) -> None:
        super().__init__(message)
        self.limit = limit


class ChannelUnavailable(DeliveryError):
    """The channel is gone or closed to the bot: a retry there cannot succeed."""

    def __init__(self, message: str, *, missing: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.missing = tuple(missing)


class DiscordUnavailable(DeliveryError):
    """A passing fault of Discord."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
