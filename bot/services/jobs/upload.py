"""Makes of finished clips what Discord takes: the ladder of `bot.domain.clips.upload_options`, carried out.

Whatever is made lies beside the original under a name that follows from what it is, so that after
a crash, or for a second post, it is found and not made again.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.clips.clip import Clip, VideoFacts
from bot.domain.clips.upload_options import (
    Enclosure,
    Learnt,
    Rung,
    Step,
    believed,
    fitted,
    ladder,
    squeezed,
)
from bot.domain.errors import FileTooLarge, FittingFailed
from bot.domain.jobs.job import Origin
from bot.domain.ports import Clock, Delivery, Fitting, Links
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Stills

_MOST_PLACES: Final = 4096

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class Parcel:
    """What one message is to carry, and how far down its ladders it has come.

    ``limit`` is what was believed when it was begun; ``verified`` when each original has to be
    held against its hash first, as for one that has lain there for a while.
    """

    clips: Sequence[Clip]
    origin: Origin
    limit: int
    verified: bool = False
    falls: Counter[int] = field(default_factory=Counter)
    packed: list[Enclosure] = field(default_factory=list)


class Packer:
    """Packs clips for the place that they go to, and learns its limit.

    What was learnt is in memory only: after a restart it costs one refused upload, and it is
    forgotten within a day anyway.
    """

    def __init__(
        self,
        *,
        delivery: Delivery,
        fitting: Fitting,
        originals: Originals,
        stills: Stills,
        links: Links | None,
        clock: Clock,
    ) -> None:
        self._delivery = delivery
        self._fitting = fitting
        self._originals = originals
        self._stills = stills
        self._links = links
        self._clock = clock
        self._learnt: OrderedDict[int, Learnt] = OrderedDict()
        self._making: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    def parcel(self, clips: Sequence[Clip], origin: Origin, *, verified: bool = False) -> Parcel:
        """Begin a parcel for the place where ``origin`` asked."""
        told = self._delivery.told_limit(origin)
        limit = believed(told, self._learnt.get(_place(origin)), self._clock.now())
        return Parcel(clips, origin, limit, verified=verified)

    async def pack(self, parcel: Parcel) -> list[Enclosure]:
        """Make what is to be posted now.

        Raises `FileTooLarge` when every rung of a clip's ladder was refused, and `NotFound`
        (``clip_file``) when an original is gone for good.
        """
        parcel.packed = []
        packed = [await self._packed(parcel, clip) for clip in parcel.clips]
        parcel.packed = packed
        return packed

    def refused(self, parcel: Parcel) -> bool:
        """Step down: the message was too large, most likely for its largest file.

        ``False`` when there is nothing to step down to.
        """
        if not parcel.packed:
            return False
        largest = max(parcel.packed, key=lambda each: each.size)
        parcel.falls[largest.clip.id] += 1
        _log.warning("post.too_large", clip=largest.clip.id, rung=largest.rung, size=largest.size)
        self._learn(parcel.origin, refused=largest.size)
        parcel.packed = []
        return True

    def accepted(self, parcel: Parcel) -> None:
        """Remember what was taken, where it says more than was known."""
        largest = max((each.size for each in parcel.packed), default=0)
        if largest > parcel.limit or any(parcel.falls.values()):
            self._learn(parcel.origin, accepted=largest)

    async def _packed(self, parcel: Parcel, clip: Clip) -> Enclosure:
        link, until = self._links.original(clip) if self._links is not None else (None, None)
        plain = Enclosure(clip, size=clip.size, limit=parcel.limit, link=link, link_until=until)
        if not parcel.falls[clip.id] and clip.size <= parcel.limit and not parcel.verified:
            return plain
        facts = await self._originals.facts(clip)
        steps = ladder(facts, parcel.limit, public=link is not None)
        while True:
            if parcel.falls[clip.id] >= len(steps):
                raise FileTooLarge(f"clip {clip.id} at its smallest", limit=parcel.limit)
            try:
                return await self._at(steps[parcel.falls[clip.id]], facts, plain)
            except FittingFailed as error:
                _log.error("fitting.failed", clip=clip.id, error=str(error))
                parcel.falls[clip.id] += 1

    async def _at(self, step: Step, facts: VideoFacts, plain: Enclosure) -> Enclosure:
        """Return the enclosure of one rung. Raises `FittingFailed`."""
        clip = plain.clip
        match step.rung:
            case Rung.AS_IS:
                return plain
            case Rung.FITTED | Rung.SQUEEZED:
                fit = fitted(facts, step.limit) if step.rung is Rung.FITTED else None
                fit = fit or squeezed(facts, step.limit)
                path = self._originals.beside(clip, f"{fit.most}.mp4")
                target = self._originals.path(clip).with_name(Path(path).name)
                async with self._making.setdefault(target, asyncio.Lock()):
                    size = await asyncio.to_thread(_size, target)
                    if size is None or size > fit.most:
                        source = self._originals.path(clip)
                        size = await self._fitting.encode(source, target, fit)
                return _on(plain, step, path=path, size=size, side=fit.side)
            case Rung.LINK:
                return await self._with_preview(step, plain)
            case Rung.BARE:
                return _on(plain, step, size=0)

    async def _with_preview(self, step: Step, plain: Enclosure) -> Enclosure:
        clip, poster = plain.clip, None
        try:
            size = await asyncio.to_thread(_size, await self._stills.preview(clip))
        except (OSError, ValueError) as error:
            raise FittingFailed(str(error)) from error
        try:
            await self._stills.poster(clip)
            poster = self._stills.poster_path(clip)
        except (OSError, ValueError) as error:
            _log.warning("poster.failed", clip=clip.id, error=str(error))
        path = self._stills.preview_path(clip)
        return _on(plain, step, path=path, size=size or 0, poster=poster)

    def _learn(
        self, origin: Origin, *, accepted: int | None = None, refused: int | None = None
    ) -> None:
        now, place = self._clock.now(), _place(origin)
        learnt = self._learnt.pop(place, None) or Learnt(now)
        if accepted is not None:
            learnt = learnt.taken(accepted, now)
        if refused is not None:
            learnt = learnt.declined(refused, now)
        self._learnt[place] = learnt
        if len(self._learnt) > _MOST_PLACES:
            self._learnt.popitem(last=False)


def _on(
    plain: Enclosure,
    step: Step,
    *,
    size: int,
    path: str | None = None,
    poster: str | None = None,
    side: int | None = None,
) -> Enclosure:
    return replace(
        plain, rung=step.rung, limit=step.limit, path=path, size=size, poster=poster, side=side
    )


def _place(origin: Origin) -> int:
    """Return what the limit belongs to: the server, or the channel of a direct message."""
    return origin.guild_id or origin.channel_id


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
