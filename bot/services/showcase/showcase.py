"""Showing clips: who may, what moderators do, what makers choose. What every command calls."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from bot.domain.clips.clip import Clip
from bot.domain.errors import DiscordUnavailable, NotAllowed, RecordNotFound
from bot.domain.ports import Clock
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.ports import ShowcaseChannel, WorkerHandle
from bot.domain.showcase.post import (
    WEEK,
    AuditAction,
    AuditEntry,
    CreatorPreferences,
    NewShowcasePost,
    PostingPolicy,
    ShowcaseConsent,
    ShowcasePost,
    ShowcaseSettings,
    authorize_showcasing,
)
from bot.services.showcase.publisher import ShowcasePublisher
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore

LIST_LENGTH: Final = 10
"""Entries in a list."""
AUDIT_LOG_LENGTH: Final = 25
"""Acts in a page of the audit log."""


class RankingPeriod(StrEnum):
    """How far back `/showcase top` looks."""

    WEEK = "week"
    MONTH = "month"
    ALL = "all"

    @property
    def length(self) -> timedelta | None:
        """The period; ``None`` is for ever."""
        return {
            RankingPeriod.WEEK: WEEK,
            RankingPeriod.MONTH: timedelta(days=30),
            RankingPeriod.ALL: None,
        }[self]


@dataclass(frozen=True, slots=True)
class ShowcaseActor:
    """Who wants something of the showcase; ``name`` is what they are called in the server."""

    user_id: int
    name: str = ""
    moderator: bool = False


class ShowcaseService:
    """The use cases of a server's showcase."""

    def __init__(
        self,
        *,
        showcase_posts: ShowcasePostStore,
        showcase_settings_store: ShowcaseSettingsStore,
        showcase_channel: ShowcaseChannel,
        publisher: ShowcasePublisher,
        worker: WorkerHandle,
        clock: Clock,
    ) -> None:
        self._showcase_posts = showcase_posts
        self._showcase_settings_store = showcase_settings_store
        self._showcase_channel = showcase_channel
        self._publisher = publisher
        self._worker = worker
        self._clock = clock

    # -- showing

    async def add_clip(
        self,
        clip: Clip,
        *,
        guild_id: int,
        actor: ShowcaseActor | None,
        hide_prompt: bool | None = None,
    ) -> tuple[ShowcasePost, bool]:
        """Show a clip at somebody's wish, or (``by`` is ``None``) because enough star it.

        Returns the exhibit and whether it is new. Raises `NotAllowed`, `NotFound`,
        `ChannelClosed`; a passing fault of Discord only delays the post.
        """
        if clip.guild_id != guild_id:
            raise RecordNotFound("clip_elsewhere")
        house = await self._showcase_settings_store.load_settings(guild_id)
        maker = await self._showcase_settings_store.load_preferences(guild_id, clip.user_id)
        public = authorize_showcasing(
            clip,
            house,
            maker,
            actor_id=actor.user_id if actor is not None else 0,
            is_moderator=actor is not None and actor.moderator,
            policy=PostingPolicy.STARS if actor is None else PostingPolicy.MEMBER,
        )
        assert house.channel_id is not None
        own = actor is not None and actor.user_id == clip.user_id
        if actor is not None and own:
            name = actor.name
        else:
            name = await self._showcase_channel.fetch_creator_name(guild_id, clip.user_id)
        if own and hide_prompt is not None:
            hides = hide_prompt
        else:  # others may hide a prompt, never reveal what its maker hides
            hides = maker.hide_prompt or bool(hide_prompt)
        showing = NewShowcasePost(
            clip=clip,
            guild_id=guild_id,
            channel_id=house.channel_id,
            maker_name=name,
            hide_prompt=hides,
            public=public,
            shown_by=actor.user_id if actor is not None else 0,
            by_stars=actor is None,
        )
        record = self._build_audit_entry(guild_id, actor, AuditAction.SHOW, clip)
        exhibit, new = await self._showcase_posts.add_post(
            showing, record, owner=self._worker.worker_id
        )
        if new:
            await self._settle_post(exhibit, is_new=exhibit.changes == 0)
        elif own and hide_prompt is not None:  # what is shown already follows its maker's wish
            await self._showcase_posts.update_post(
                exhibit.id, owner=self._worker.worker_id, audit_entry=None, hide_prompt=hide_prompt
            )
            await self._settle_post(exhibit)
        else:
            return exhibit, new
        exhibit = await self._showcase_posts.get(exhibit.id) or exhibit
        return exhibit, new

    async def withdraw_clip(self, clip: Clip, *, guild_id: int, actor: ShowcaseActor) -> None:
        """Take a clip out of the showcase, everywhere. Raises `NotAllowed`, `NotFound`."""
        if actor.user_id != clip.user_id and not actor.moderator:
            raise NotAllowed("showcase_others")
        exhibit = await self._find_post(clip.id, guild_id)
        await self._mark_post(exhibit, actor, AuditAction.WITHDRAW, withdrawn=True)

    async def withdraw_post(self, post_id: int, *, guild_id: int, actor: ShowcaseActor) -> int:
        """Take out what a button of the showcase stands under; return the clip's number.

        Raises as `withdraw`.
        """
        exhibit = await self._showcase_posts.get(post_id)
        if exhibit is None:
            raise RecordNotFound("showcased")
        await self.withdraw_clip(exhibit.entry.clip, guild_id=guild_id, actor=actor)
        return exhibit.entry.clip.id

    async def withdraw_deleted_clip(self, clip: Clip, actor_id: int) -> None:
        """A clip is about to be deleted by its requester or a moderator: it leaves the showcase.

        Raises `DeliveryBusy` while its post cannot be taken down: the record must stay till then.
        """
        person = ShowcaseActor(actor_id, moderator=actor_id != clip.user_id)
        exhibit = await self._showcase_posts.find_by_clip(clip.id)
        if exhibit is not None:
            await self._showcase_posts.update_post(
                exhibit.id,
                owner=self._worker.worker_id,
                audit_entry=self._build_audit_entry(
                    exhibit.entry.guild_id, person, AuditAction.WITHDRAW, clip
                ),
                withdrawn=True,
            )
            self._publisher.request_settle()
            await self._publisher.settle_post(exhibit.id)
        if person.moderator and clip.guild_id is not None:
            await self._showcase_settings_store.add_audit_entry(
                self._build_audit_entry(clip.guild_id, person, AuditAction.DELETE, clip)
            )

    async def withdraw_deleted_message(self, message_id: int) -> None:
        """Somebody deleted a message: an entry whose post it was leaves the showcase."""
        exhibit = await self._showcase_posts.find_by_message(message_id)
        if exhibit is not None and exhibit.should_be_posted:
            await self._mark_post(exhibit, None, AuditAction.WITHDRAW, withdrawn=True)

    # -- moderation

    async def set_hidden(
        self, clip: Clip, *, guild_id: int, actor: ShowcaseActor, hidden: bool
    ) -> None:
        """Put an entry out of sight, or back. Raises `NotAllowed`, `NotFound`."""
        await self._moderate_post(
            clip, guild_id, actor, AuditAction.HIDE if hidden else AuditAction.UNHIDE, hidden=hidden
        )

    async def set_locked(
        self, clip: Clip, *, guild_id: int, actor: ShowcaseActor, locked: bool
    ) -> None:
        """Keep an entry's votes as they are, or count again. Raises `NotAllowed`, `NotFound`."""
        await self._moderate_post(
            clip, guild_id, actor, AuditAction.LOCK if locked else AuditAction.UNLOCK, locked=locked
        )

    async def set_blocked(
        self, member_id: int, *, guild_id: int, actor: ShowcaseActor, blocked: bool
    ) -> int:
        """Keep a member out of the showcase, and hide what they have there; return how much."""
        if not actor.moderator:
            raise NotAllowed("moderate")
        record = AuditEntry(
            guild_id=guild_id,
            actor_id=actor.user_id,
            action=AuditAction.BLOCK if blocked else AuditAction.UNBLOCK,
            at=self._clock.now(),
            member_id=member_id,
        )
        hidden = await self._showcase_posts.set_blocked(
            record, blocked=blocked, owner=self._worker.worker_id
        )
        for exhibit_id in hidden:
            exhibit = await self._showcase_posts.get(exhibit_id)
            if exhibit is not None:
                await self._settle_post(exhibit)
        return len(hidden)

    # -- choosing

    async def set_preferences(
        self,
        *,
        guild_id: int,
        user_id: int,
        consent: ShowcaseConsent | None = None,
        hide_prompt: bool | None = None,
    ) -> CreatorPreferences:
        """Change what a member lets others do and see, in what they have shown too."""
        before = await self._showcase_settings_store.load_preferences(guild_id, user_id)
        after = replace(
            before,
            consent=before.consent if consent is None else consent,
            hide_prompt=before.hide_prompt if hide_prompt is None else hide_prompt,
        )
        if after != before:
            await self._showcase_settings_store.save_preferences(after)
        if hide_prompt is not None:
            theirs = await self._showcase_posts.list_member_post_ids(
                user_id, guild_id=guild_id, include_withdrawn=False
            )
            for exhibit_id in theirs:
                await self._showcase_posts.update_post(
                    exhibit_id,
                    owner=self._worker.worker_id,
                    audit_entry=None,
                    hide_prompt=hide_prompt,
                )
            self._publisher.request_settle()
        return after

    async def get_settings(self, guild_id: int) -> ShowcaseSettings:
        """Return how a server's showcase is arranged."""
        return await self._showcase_settings_store.load_settings(guild_id)

    async def configure(self, guild_id: int, *, actor_id: int, **changes: Any) -> ShowcaseSettings:
        """Change some of the settings (fields of `House`) and return them all.

        A digest whose time is changed comes for the first time after now.
        """
        before = await self._showcase_settings_store.load_settings(guild_id)
        after = replace(before, **changes)
        digest = ("digest_day", "digest_hour", "digest_zone", "channel_id")
        if any(getattr(before, name) != getattr(after, name) for name in digest):
            after = replace(after, digest_since=self._clock.now())
        changed = sorted(name for name in changes if getattr(before, name) != getattr(after, name))
        note = ", ".join(f"{name} = {getattr(after, name)}" for name in changed)
        await self._showcase_settings_store.configure(
            after,
            AuditEntry(
                guild_id=guild_id,
                actor_id=actor_id,
                action=AuditAction.ARRANGE,
                at=self._clock.now(),
                comment=note or None,
            ),
        )
        return after

    async def rename(self, guild_id: int, name: str) -> None:
        """Remember what a server is called now."""
        await self._showcase_settings_store.rename(guild_id, name)

    # -- looking

    async def list_top(self, guild_id: int, period: RankingPeriod) -> list[GalleryEntry]:
        """Return the entries with the most votes."""
        length = period.length
        since = None if length is None else self._clock.now() - length
        return await self._showcase_posts.list_top(guild_id, since=since, limit=LIST_LENGTH)

    async def pick_random(self, guild_id: int) -> GalleryEntry:
        """Return any entry. Raises `NotFound`."""
        found = await self._showcase_posts.pick_random(guild_id)
        if found is None:
            raise RecordNotFound("showcase_empty")
        return found

    async def list_own(self, guild_id: int, user_id: int) -> list[GalleryEntry]:
        """Return a member's own entries, the newest first."""
        return await self._showcase_posts.list_member_entries(guild_id, user_id, limit=LIST_LENGTH)

    async def list_audit_entries(self, guild_id: int) -> list[AuditEntry]:
        """Return what moderators and admins did, the latest first."""
        return await self._showcase_settings_store.list_audit_entries(
            guild_id, limit=AUDIT_LOG_LENGTH
        )

    # -- small things

    async def _find_post(self, clip_id: int, guild_id: int) -> ShowcasePost:
        exhibit = await self._showcase_posts.find_by_clip(clip_id)
        if exhibit is None or exhibit.entry.guild_id != guild_id:
            raise RecordNotFound("showcased")
        return exhibit

    async def _moderate_post(
        self, clip: Clip, guild_id: int, actor: ShowcaseActor, action: AuditAction, **changes: bool
    ) -> None:
        if not actor.moderator:
            raise NotAllowed("moderate")
        await self._mark_post(await self._find_post(clip.id, guild_id), actor, action, **changes)

    async def _mark_post(
        self, post: ShowcasePost, actor: ShowcaseActor | None, action: AuditAction, **changes: bool
    ) -> None:
        record = self._build_audit_entry(post.entry.guild_id, actor, action, post.entry.clip)
        await self._showcase_posts.update_post(
            post.id, owner=self._worker.worker_id, audit_entry=record, **changes
        )
        await self._settle_post(post)

    async def _settle_post(self, post: ShowcasePost, *, is_new: bool = False) -> None:
        """Do it now; the upkeep does what Discord is busy for, and renews digests that name it."""
        self._publisher.request_settle()
        with suppress(DiscordUnavailable):
            await self._publisher.settle_post(post.id, is_new=is_new)

    def _build_audit_entry(
        self, guild_id: int, actor: ShowcaseActor | None, action: AuditAction, clip: Clip
    ) -> AuditEntry:
        return AuditEntry(
            guild_id=guild_id,
            actor_id=actor.user_id if actor is not None else 0,
            action=action,
            at=self._clock.now(),
            clip_id=clip.id,
            member_id=clip.user_id,
        )
