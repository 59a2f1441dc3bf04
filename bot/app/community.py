"""The community's part of the composition root: showcase, votes, digests, privacy.

Built by `bot.app.run`, which hands it the client, the database and the worker of this process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from discord.ext import commands

from bot.app.data_directory import DataDirectory
from bot.discord.client import DiscordClient
from bot.discord.showcase_channel import DiscordShowcaseChannel
from bot.domain.ports import Clock, WorkerHandle
from bot.services.admin.privacy import JobCanceller, PrivacyService
from bot.services.clips.library import ClipLibrary
from bot.services.showcase.maintenance import MaintenanceLoop
from bot.services.showcase.publisher import ShowcasePublisher
from bot.services.showcase.showcase import ShowcaseService
from bot.services.showcase.votes import VoteCounter
from bot.services.showcase.weekly_digest import DigestScheduler
from bot.store.engine.database import Database
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore
from bot.ui.model_info import ModelInfoSource
from bot.ui.showcase_card import ShowcaseCards
from cogs._common.clip_lookup import ClipFinder
from cogs.privacy import PrivacyCommands
from cogs.showcase import ShowcaseCommands


@dataclass(frozen=True, slots=True)
class CommunityServices:
    """What was built: the use cases that others need, the cogs, and the work in the background."""

    showcase: ShowcaseService
    cogs: Sequence[commands.Cog]
    maintenance_loop: MaintenanceLoop


def build_community_services(
    *,
    client: DiscordClient,
    database: Database,
    clip_finder: ClipFinder,
    clip_library: ClipLibrary,
    request_service: JobCanceller,
    worker: WorkerHandle,
    model_info: ModelInfoSource,
    data_dir: Path,
    clock: Clock,
    interval_s: float,
    grace_period: timedelta,
) -> CommunityServices:
    """Build it; ``every_s`` is how often it looks for what is due, in seconds."""
    exhibits, houses, jobs = (
        ShowcasePostStore(database),
        ShowcaseSettingsStore(database),
        JobStore(database),
    )
    files = DataDirectory(data_dir)
    showroom = DiscordShowcaseChannel(
        client=client, cards=ShowcaseCards(model_info=model_info), data_dir=data_dir
    )
    hanging = ShowcasePublisher(
        showcase_posts=exhibits, showcase_channel=showroom, published_files=files, worker=worker
    )
    showcase = ShowcaseService(
        showcase_posts=exhibits,
        showcase_settings_store=houses,
        showcase_channel=showroom,
        publisher=hanging,
        worker=worker,
        clock=clock,
    )
    votes = VoteCounter(
        stars=StarStore(database),
        showcase_posts=exhibits,
        showcase_settings_store=houses,
        clips=ClipStore(database),
        showcase_channel=showroom,
        showcase_service=showcase,
        publisher=hanging,
        clock=clock,
    )
    weekly = DigestScheduler(
        digests=DigestStore(database),
        showcase_settings_store=houses,
        showcase_posts=exhibits,
        showcase_channel=showroom,
        vote_counter=votes,
        worker=worker,
        clock=clock,
    )
    privacy = PrivacyService(
        erasure_requests=ErasureStore(database),
        exports=ExportStore(database),
        showcase_posts=exhibits,
        jobs=jobs,
        job_canceller=request_service,
        publisher=hanging,
        discord_messages=showroom,
        erasable_files=files,
        worker=worker,
        clock=clock,
        grace_period=grace_period,
    )
    commands_of_showcase = ShowcaseCommands(
        client=client,
        router=client.router,
        showcase_service=showcase,
        vote_counter=votes,
        digest_scheduler=weekly,
        clip_finder=clip_finder,
        clip_library=clip_library,
    )
    commands_of_showcase.add_to(client.tree)
    return CommunityServices(
        showcase=showcase,
        cogs=(
            commands_of_showcase,
            PrivacyCommands(
                client=client, router=client.router, privacy_service=privacy, vote_counter=votes
            ),
        ),
        maintenance_loop=MaintenanceLoop(
            tasks=(
                hanging.settle_all,
                votes.recount_stale,
                weekly.run_due,
                privacy.run_due,
            ),
            run_requested=hanging.settle_requested,
            worker=worker,
            clock=clock,
            interval_s=interval_s,
        ),
    )
