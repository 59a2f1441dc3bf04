"""The community's part of the composition root: showcase, votes, digests, privacy.

Built by `bot.app.run`, which hands it the client, the database and the worker of this process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from discord.ext import commands

from bot.app.data_directory import DataFiles
from bot.discord.client import Client
from bot.discord.showcase_channel import DiscordShowroom
from bot.domain.ports import Clock
from bot.domain.showcase.ports import Desk
from bot.services.admin.privacy import Canceller, Privacy
from bot.services.clips.library import Library
from bot.services.showcase.maintenance import Upkeep
from bot.services.showcase.publisher import Hanging
from bot.services.showcase.showcase import Showcase
from bot.services.showcase.votes import Votes
from bot.services.showcase.weekly_digest import Weekly
from bot.store.engine.database import Database
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.privacy.erasure import FarewellStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcaseStore
from bot.store.showcase.settings import HouseStore
from bot.store.showcase.stars import StarStore
from bot.ui.clip_card import Abilities
from bot.ui.showcase_card import ExhibitCards
from cogs.privacy import PrivacyCommands
from cogs.showcase import ShowcaseCommands


@dataclass(frozen=True, slots=True)
class Community:
    """What was built: the use cases that others need, the cogs, and the work in the background."""

    showcase: Showcase
    cogs: Sequence[commands.Cog]
    upkeep: Upkeep


def community(
    *,
    client: Client,
    database: Database,
    library: Library,
    requests: Canceller,
    desk: Desk,
    abilities: Abilities,
    data_dir: Path,
    clock: Clock,
    every_s: float,
    grace: timedelta,
) -> Community:
    """Build it; ``every_s`` is how often it looks for what is due, in seconds."""
    exhibits, houses, jobs = ShowcaseStore(database), HouseStore(database), JobStore(database)
    files = DataFiles(data_dir)
    showroom = DiscordShowroom(
        client=client, cards=ExhibitCards(abilities=abilities), data_dir=data_dir
    )
    hanging = Hanging(exhibits=exhibits, showroom=showroom, files=files, desk=desk)
    showcase = Showcase(
        exhibits=exhibits,
        houses=houses,
        showroom=showroom,
        hanging=hanging,
        desk=desk,
        clock=clock,
    )
    votes = Votes(
        stars=StarStore(database),
        exhibits=exhibits,
        houses=houses,
        clips=ClipStore(database),
        showroom=showroom,
        showcase=showcase,
        hanging=hanging,
        clock=clock,
    )
    weekly = Weekly(
        digests=DigestStore(database),
        houses=houses,
        exhibits=exhibits,
        showroom=showroom,
        votes=votes,
        desk=desk,
        clock=clock,
    )
    privacy = Privacy(
        farewells=FarewellStore(database),
        exports=ExportStore(database),
        exhibits=exhibits,
        jobs=jobs,
        requests=requests,
        hanging=hanging,
        posts=showroom,
        files=files,
        desk=desk,
        clock=clock,
        grace=grace,
    )
    commands_of_showcase = ShowcaseCommands(
        client=client,
        presses=client.presses,
        showcase=showcase,
        votes=votes,
        weekly=weekly,
        library=library,
    )
    commands_of_showcase.add_to(client.tree)
    return Community(
        showcase=showcase,
        cogs=(
            commands_of_showcase,
            PrivacyCommands(client=client, presses=client.presses, privacy=privacy, votes=votes),
        ),
        upkeep=Upkeep(
            duties=(
                hanging.settle_all,
                votes.settle_doubts,
                weekly.tend,
                privacy.tend,
            ),
            wanted=hanging.wanted,
            desk=desk,
            clock=clock,
            every_s=every_s,
        ),
    )
