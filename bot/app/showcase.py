"""Builds what keeps the showcase of each server: its posts, votes, pages and weekly digest."""

from dataclasses import dataclass

from bot.config.settings import Settings
from bot.discord.attachments import DiscordAttachments
from bot.discord.client import DiscordClient
from bot.discord.server_icons import DiscordServerIcons
from bot.discord.showcase_channel import DiscordShowcaseChannel
from bot.domain.clips.media_store import MediaStore
from bot.domain.ports import Clock
from bot.media.images import ProcessImageDecoder
from bot.services.jobs.worker import Worker
from bot.services.showcase.channel_lanes import ChannelLanes
from bot.services.showcase.creator_names import CreatorNames
from bot.services.showcase.creator_pages import CreatorPages
from bot.services.showcase.publisher import ShowcasePublisher
from bot.services.showcase.server_icons import ServerIcons
from bot.services.showcase.server_pages import ServerPages
from bot.services.showcase.showcase import ShowcaseService
from bot.services.showcase.votes import VoteCounter
from bot.services.showcase.weekly_digest import DigestScheduler
from bot.store.engine.database import Database
from bot.store.jobs.clips import ClipStore
from bot.store.member_preferences import MemberPreferenceStore
from bot.store.showcase.channels import ShowcaseChannelStore
from bot.store.showcase.creator_pages import CreatorPageStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.server_pages import ServerPageStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowcaseParts:
    post_lanes: ChannelLanes
    digest_lanes: ChannelLanes
    publisher: ShowcasePublisher
    service: ShowcaseService
    creator_names: CreatorNames
    creator_pages: CreatorPages
    server_pages: ServerPages
    server_icons: ServerIcons
    vote_counter: VoteCounter
    digest_scheduler: DigestScheduler


def build_showcase_parts(
    settings: Settings,
    database: Database,
    *,
    client: DiscordClient,
    attachments: DiscordAttachments,
    image_decoder: ProcessImageDecoder,
    media_store: MediaStore,
    showcase_channel: DiscordShowcaseChannel,
    worker: Worker,
    clock: Clock,
) -> ShowcaseParts:
    posts, showcase_settings = ShowcasePostStore(database), ShowcaseSettingsStore(database)
    channels = ShowcaseChannelStore(database)
    post_lanes = ChannelLanes(kind="showcase_post", clock=clock)
    digest_lanes = ChannelLanes(kind="digest", clock=clock)
    publisher = ShowcasePublisher(
        showcase_posts=posts,
        showcase_channels=channels,
        clock=clock,
        lanes=post_lanes,
        showcase_channel=showcase_channel,
        published_files=media_store,
        worker=worker,
    )
    service = ShowcaseService(
        showcase_posts=posts,
        showcase_settings_store=showcase_settings,
        showcase_channel=showcase_channel,
        showcase_channels=channels,
        publisher=publisher,
        worker=worker,
        clock=clock,
        gallery_url=settings.public_url,
    )
    vote_counter = VoteCounter(
        stars=StarStore(database),
        showcase_posts=posts,
        showcase_settings_store=showcase_settings,
        clips=ClipStore(database),
        showcase_channel=showcase_channel,
        showcase_service=service,
        publisher=publisher,
        clock=clock,
    )
    server_pages = ServerPages(store=ServerPageStore(database), clock=clock)
    return ShowcaseParts(
        post_lanes=post_lanes,
        digest_lanes=digest_lanes,
        publisher=publisher,
        service=service,
        creator_names=CreatorNames(posts=posts),
        creator_pages=CreatorPages(
            store=CreatorPageStore(database), clock=clock, gallery_url=settings.public_url
        ),
        server_pages=server_pages,
        server_icons=ServerIcons(
            server_pages=server_pages.store,
            icon_source=DiscordServerIcons(
                client=client, attachments=attachments, api_url=settings.discord_api_url
            ),
            image_decoder=image_decoder,
            media_store=media_store,
            clock=clock,
        ),
        vote_counter=vote_counter,
        digest_scheduler=DigestScheduler(
            digests=DigestStore(database),
            showcase_settings_store=showcase_settings,
            showcase_posts=posts,
            showcase_channel=showcase_channel,
            vote_counter=vote_counter,
            worker=worker,
            clock=clock,
            lanes=digest_lanes,
            member_preferences=MemberPreferenceStore(database),
        ),
    )
