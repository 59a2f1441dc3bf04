"""The showcase's use cases: adding and withdrawing clips, moderation, preferences, rankings."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from bot.domain.clips.clip import Clip
from bot.domain.errors import DiscordUnavailable, NotAllowed, RecordNotFound
from bot.domain.ports import Clock, ShowcaseChannel, WorkerHandle
from bot.domain.showcase.gallery import GalleryEntry
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
from bot.services.showcase.web_addresses import WebAddresses
from bot.store.showcase.channels import ShowcaseChannelStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore

LIST_LENGTH: Final = 10
_SETTLE_TIMEOUT_S: Final = 30.0
_DIGEST_FIELDS: Final = frozenset({"digest_day", "digest_hour", "digest_zone"})
_UNAUDITED_FIELDS: Final = frozenset({"name", "locale"})
"""Fields that are stored with a change but are not in the audit log."""


class RankingPeriod(StrEnum):
    """How far back `/showcase top` looks."""

    WEEK = "week"
    MONTH = "month"
    ALL = "all"

    @property
    def length(self) -> timedelta | None:
        return {RankingPeriod.WEEK: WEEK, RankingPeriod.MONTH: timedelta(days=30)}.get(self)


@dataclass(frozen=True, slots=True)
class ShowcaseActor:
    """The person who acts; ``name`` is their display name in the server."""

    user_id: int
    name: str = ""
    moderator: bool = False


@dataclass(frozen=True, slots=True)
class ShowcasePermission:
    """The permission to add a clip to a channel, and maybe to the public gallery."""

    preferences: CreatorPreferences
    channel_id: int
    may_be_public: bool
    is_gallery_public: bool


class ShowcaseService:
    """The use cases; callers may read from the stores ``posts`` and ``settings`` directly."""

    def __init__(
        self,
        *,
        showcase_posts: ShowcasePostStore,
        showcase_settings_store: ShowcaseSettingsStore,
        showcase_channel: ShowcaseChannel,
        showcase_channels: ShowcaseChannelStore,
        publisher: ShowcasePublisher,
        worker: WorkerHandle,
        clock: Clock,
        gallery_url: str | None = None,
    ) -> None:
        """``gallery_url`` is the public address of the gallery, if the operator has set one."""
        self.gallery_url = gallery_url
        self.posts = showcase_posts
        self.settings = showcase_settings_store
        self._web_addresses = WebAddresses(
            showcase_settings_store=showcase_settings_store, gallery_url=gallery_url
        )
        self._showcase_channel = showcase_channel
        self._showcase_channels = showcase_channels
        self._publisher = publisher
        self._worker = worker
        self._clock = clock

    # -- adding and withdrawing

    async def add_clip(
        self,
        clip: Clip,
        *,
        guild_id: int,
        actor: ShowcaseActor | None,
        hide_prompt: bool | None = None,
    ) -> tuple[ShowcasePost, bool]:
        """Add a clip to the showcase; ``actor`` is `None` if its stars add it.

        Returns the post and whether it is new. Raises `NotAllowed`, `RecordNotFound` or
        `ChannelUnavailable`. A temporary error of Discord only delays the message.
        """
        permission = await self._authorize(clip, guild_id, actor)
        preferences, channel_id = permission.preferences, permission.channel_id
        channels = self._showcase_channel.get_channels(guild_id)
        if channels is not None and channel_id not in channels:
            raise NotAllowed("showcase_channel_gone")
        is_own = actor is not None and actor.user_id == clip.user_id
        if actor is not None and is_own:
            name = actor.name
        else:
            name = await self._showcase_channel.fetch_creator_name(guild_id, clip.user_id)
        # others may hide a prompt, but not reveal one that its creator hides
        hides_prompt = preferences.hide_prompt or bool(hide_prompt)
        if is_own and hide_prompt is not None:
            hides_prompt = hide_prompt
        new_post = NewShowcasePost(
            clip=clip,
            guild_id=guild_id,
            channel_id=channel_id,
            creator_name=name,
            hide_prompt=hides_prompt,
            public=permission.may_be_public and (not is_own or self._is_informed(preferences)),
            added_by=actor.user_id if actor is not None else None,
            by_stars=actor is None,
            channel_age_restricted=(channels or {}).get(channel_id, False),
        )
        audit_entry = self._build_audit_entry(guild_id, actor, AuditAction.SHOW, clip)
        post, is_new = await self.posts.add_post(
            new_post, audit_entry, owner=self._worker.worker_id
        )
        if is_new:
            await self._settle_post(post, is_new=post.change_count == 0)
        elif is_own and hide_prompt is not None:  # the creator's choice changes an existing post
            await self.posts.update_post(
                post.id, owner=self._worker.worker_id, audit_entry=None, hide_prompt=hide_prompt
            )
            await self._settle_post(post)
        else:
            return post, is_new
        return await self.posts.get(post.id) or post, is_new

    async def needs_public_notice(
        self, clip: Clip, *, guild_id: int, actor: ShowcaseActor
    ) -> CreatorPreferences | None:
        """Return the member's preferences if they must be told that their clip will be on the web.

        Raises `NotAllowed` and `RecordNotFound`, as adding the clip would.
        """
        permission = await self._authorize(clip, guild_id, actor)
        is_informed = self._is_informed(permission.preferences)
        if actor.user_id != clip.user_id or is_informed or clip.age_restricted:
            return None
        is_on_web = permission.may_be_public and permission.is_gallery_public
        return permission.preferences if is_on_web else None

    async def record_public_notice(self, *, guild_id: int, user_id: int) -> None:
        """Record that a member was told that a server's showcase is on the web."""
        preferences = await self.settings.load_preferences(guild_id, user_id)
        if preferences.public_notice_at is None:
            informed = replace(preferences, public_notice_at=self._clock.now())
            await self.settings.save_preferences(informed)

    async def find_web_address(self, post: ShowcasePost) -> str | None:
        """Return the web address of a post, if it is public."""
        return await self._web_addresses.find_address(post)

    async def withdraw_clip(self, clip: Clip, *, guild_id: int, actor: ShowcaseActor) -> None:
        """Withdraw a clip from the showcase. Raises `NotAllowed`, `RecordNotFound`."""
        if actor.user_id != clip.user_id and not actor.moderator:
            raise NotAllowed("showcase_withdraw")
        post = await self._find_post(clip.id, guild_id)
        await self._mark_post(post, actor, AuditAction.WITHDRAW, withdrawn=True)

    async def withdraw_post(self, post_id: int, *, guild_id: int, actor: ShowcaseActor) -> int:
        """Withdraw the clip of a post and return its number; raises as `withdraw_clip`."""
        post = await self.posts.get(post_id)
        if post is None:
            raise RecordNotFound("showcased")
        await self.withdraw_clip(post.entry.clip, guild_id=guild_id, actor=actor)
        return post.entry.clip.id

    async def withdraw_deleted_clip(self, clip: Clip, actor_id: int) -> None:
        """Withdraw a clip that its requester or a moderator is about to delete.

        Raises `DiscordUnavailable` if its message cannot be deleted; the record must stay then.
        """
        actor = ShowcaseActor(actor_id, moderator=actor_id != clip.user_id)
        await self.posts.mark_clip_deleted(clip.id)
        self._publisher.request_settle()
        post = await self.posts.find_by_clip(clip.id)
        if post is not None:
            await self._update_post(post, actor, AuditAction.WITHDRAW, withdrawn=True)
            self._publisher.request_settle()
            await self._publisher.settle_post(post.id)
        if actor.moderator and clip.guild_id is not None:
            await self.settings.add_audit_entry(
                self._build_audit_entry(clip.guild_id, actor, AuditAction.DELETE, clip)
            )

    async def withdraw_deleted_message(self, message_id: int) -> None:
        post = await self.posts.find_by_message(message_id)
        if post is not None and post.should_be_posted:
            await self._mark_post(post, None, AuditAction.WITHDRAW, withdrawn=True)

    # -- moderation

    async def set_hidden(
        self, clip: Clip, *, guild_id: int, actor: ShowcaseActor, hidden: bool
    ) -> None:
        """Hide a post or show it again. Raises `NotAllowed`, `RecordNotFound`."""
        await self._moderate_post(
            clip, guild_id, actor, AuditAction.HIDE if hidden else AuditAction.UNHIDE, hidden=hidden
        )

    async def set_locked(
        self, clip: Clip, *, guild_id: int, actor: ShowcaseActor, locked: bool
    ) -> None:
        """Lock a post's votes or unlock them. Raises `NotAllowed`, `RecordNotFound`."""
        await self._moderate_post(
            clip, guild_id, actor, AuditAction.LOCK if locked else AuditAction.UNLOCK, locked=locked
        )

    async def set_blocked(
        self, member_id: int, *, guild_id: int, actor: ShowcaseActor, blocked: bool
    ) -> int:
        """Block or unblock a member; return how many posts that hides. Raises `NotAllowed`."""
        if not actor.moderator:
            raise NotAllowed("moderate")
        audit_entry = AuditEntry(
            guild_id=guild_id,
            actor_id=actor.user_id,
            action=AuditAction.BLOCK if blocked else AuditAction.UNBLOCK,
            recorded_at=self._clock.now(),
            target_user_id=member_id,
        )
        hidden_ids = await self.posts.set_blocked(
            audit_entry, blocked=blocked, owner=self._worker.worker_id
        )
        self._publisher.request_settle()  # posts with footage of theirs change too
        for post_id in hidden_ids:
            if (post := await self.posts.get(post_id)) is not None:
                await self._settle_post(post)
        return len(hidden_ids)

    # -- settings

    async def set_preferences(
        self,
        *,
        guild_id: int,
        user_id: int,
        consent: ShowcaseConsent | None = None,
        hide_prompt: bool | None = None,
    ) -> CreatorPreferences:
        """Change what a member allows others to do and see; this applies to existing posts too."""
        before = await self.settings.load_preferences(guild_id, user_id)
        after = replace(
            before,
            consent=before.consent if consent is None else consent,
            hide_prompt=before.hide_prompt if hide_prompt is None else hide_prompt,
        )
        if after != before:
            await self.settings.save_preferences(after)
            self._publisher.request_settle()  # posts with footage of theirs change too
        if hide_prompt is not None:
            post_ids = await self.posts.list_member_post_ids(
                user_id, guild_id=guild_id, include_withdrawn=False
            )
            for post_id in post_ids:
                await self.posts.update_post(
                    post_id, owner=self._worker.worker_id, audit_entry=None, hide_prompt=hide_prompt
                )
            self._publisher.request_settle()
        return after

    async def configure(self, guild_id: int, *, actor_id: int, **changes: Any) -> ShowcaseSettings:
        """Change some fields of the settings and return all of them.

        If its times change, the next digest is due after now.
        """
        before = await self.settings.load_settings(guild_id)
        after = replace(before, **changes)
        changed = {name for name in changes if getattr(before, name) != getattr(after, name)}
        if changed & {*_DIGEST_FIELDS, "channel_id"}:
            after = replace(after, digest_since=self._clock.now())
        audit_entry = None
        if audited := changed - _UNAUDITED_FIELDS:
            audited |= _DIGEST_FIELDS if audited & _DIGEST_FIELDS else set()
            audit_entry = AuditEntry(
                guild_id=guild_id,
                actor_id=actor_id,
                action=AuditAction.ARRANGE,
                recorded_at=self._clock.now(),
                comment=", ".join(f"{name} = {getattr(after, name)}" for name in sorted(audited)),
            )
        if changed:
            await self.settings.configure(after, audit_entry)
        if changes.get("channel_id") is not None:
            await self._post_waiting(guild_id)
        if "public" in changed:
            self._publisher.request_settle()
        return after

    # -- channels

    async def record_channels(self, guild_id: int) -> None:
        """Record which channels of a server are age-restricted. Raises `DatabaseUnavailable`."""
        channels = self._showcase_channel.get_channels(guild_id)
        if channels is not None:
            await self._showcase_channels.record_channels(guild_id, channels)
            self._publisher.request_settle()

    async def handle_deleted_channel(self, guild_id: int, channel_id: int) -> None:
        """Keep the entries of a channel that was deleted. Raises `DatabaseUnavailable`."""
        await self._publisher.handle_deleted_channel(guild_id, channel_id)

    def is_channel_gone(self, showcase_settings: ShowcaseSettings) -> bool:
        """Return whether a server's showcase channel is known to be deleted."""
        channels = self._showcase_channel.get_channels(showcase_settings.guild_id)
        chosen = showcase_settings.channel_id
        return channels is not None and chosen is not None and chosen not in channels

    async def _post_waiting(self, guild_id: int) -> None:
        """Post again what deleted channels had shown."""
        channels = self._showcase_channel.get_channels(guild_id)
        if channels is not None:
            for channel_id in await self._showcase_channels.list_post_channels(guild_id):
                if channel_id not in channels:
                    await self._publisher.handle_deleted_channel(guild_id, channel_id)
        await self._publisher.post_waiting(guild_id)

    # -- reading

    async def list_top(
        self, guild_id: int, period: RankingPeriod, *, with_age_restricted: bool = False
    ) -> list[GalleryEntry]:
        since = None if period.length is None else self._clock.now() - period.length
        return await self.posts.lists.list_top(
            guild_id, since=since, limit=LIST_LENGTH, with_age_restricted=with_age_restricted
        )

    async def pick_random(
        self, guild_id: int, *, with_age_restricted: bool = False
    ) -> GalleryEntry:
        """Return a random entry. Raises `RecordNotFound`."""
        entry = await self.posts.lists.pick_random(
            guild_id, with_age_restricted=with_age_restricted
        )
        if entry is None:
            raise RecordNotFound("showcase_empty")
        return entry

    async def _authorize(
        self, clip: Clip, guild_id: int, actor: ShowcaseActor | None
    ) -> ShowcasePermission:
        """Return the permission to add a clip. Raises `NotAllowed`, `RecordNotFound`."""
        if clip.guild_id != guild_id:
            raise RecordNotFound("clip_elsewhere")
        showcase_settings = await self.settings.load_settings(guild_id)
        preferences = await self.settings.load_preferences(guild_id, clip.user_id)
        may_be_public = authorize_showcasing(
            clip,
            showcase_settings,
            preferences,
            actor_id=actor.user_id if actor is not None else 0,
            is_moderator=actor is not None and actor.moderator,
            policy=PostingPolicy.STARS if actor is None else PostingPolicy.MEMBER,
        )
        assert showcase_settings.channel_id is not None
        return ShowcasePermission(
            preferences, showcase_settings.channel_id, may_be_public, showcase_settings.public
        )

    def _is_informed(self, preferences: CreatorPreferences) -> bool:
        """Return whether a member was told that the showcase may be on the web.

        Without a public gallery there is nothing to tell.
        """
        return self.gallery_url is None or preferences.public_notice_at is not None

    async def _find_post(self, clip_id: int, guild_id: int) -> ShowcasePost:
        post = await self.posts.find_by_clip(clip_id)
        if post is None or post.entry.guild_id != guild_id:
            raise RecordNotFound("showcased")
        return post

    async def _moderate_post(
        self, clip: Clip, guild_id: int, actor: ShowcaseActor, action: AuditAction, **changes: bool
    ) -> None:
        if not actor.moderator:
            raise NotAllowed("moderate")
        await self._mark_post(await self._find_post(clip.id, guild_id), actor, action, **changes)

    async def _mark_post(
        self, post: ShowcasePost, actor: ShowcaseActor | None, action: AuditAction, **changes: bool
    ) -> None:
        await self._update_post(post, actor, action, **changes)
        await self._settle_post(post)

    async def _update_post(
        self, post: ShowcasePost, actor: ShowcaseActor | None, action: AuditAction, **changes: bool
    ) -> None:
        audit_entry = self._build_audit_entry(post.entry.guild_id, actor, action, post.entry.clip)
        await self.posts.update_post(
            post.id, owner=self._worker.worker_id, audit_entry=audit_entry, **changes
        )

    async def _settle_post(self, post: ShowcasePost, *, is_new: bool = False) -> None:
        """Settle the post now; maintenance retries after errors and refreshes its digests.

        Maintenance also continues with what takes longer than a person should wait.
        """
        self._publisher.request_settle()
        with suppress(DiscordUnavailable, TimeoutError):
            async with asyncio.timeout(_SETTLE_TIMEOUT_S):
                await self._publisher.settle_post(post.id, is_new=is_new)

    def _build_audit_entry(
        self, guild_id: int, actor: ShowcaseActor | None, action: AuditAction, clip: Clip
    ) -> AuditEntry:
        return AuditEntry(
            guild_id=guild_id,
            actor_id=actor.user_id if actor is not None else None,
            action=action,
            recorded_at=self._clock.now(),
            clip_id=clip.id,
            target_user_id=clip.user_id,
        )
