"""The community's part of the composition root: showcase, votes, digests, privacy.

Built by `bot.app`, which hands it the client, the database and the worker of this process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from discord.ext import commands

from bot.cards import Abilities
from bot.client import Client
from bot.domain.exhibit_ports import Desk
from bot.domain.ports import Clock
from bot.exhibits import ExhibitCards
from bot.services.digest import Weekly
from bot.services.hanging import Hanging
from bot.services.library import Library
from bot.services.privacy import Canceller, Privacy
from bot.services.showcase import Showcase
from bot.services.upkeep import Upkeep
from bot.services.votes import Votes
from bot.showroom import DiscordShowroom
from bot.store.clips import ClipStore
from bot.store.database import Database
from bot.store.digests import DigestStore
from bot.store.exports import ExportStore
from bot.store.farewells import FarewellStore
from bot.store.houses import HouseStore
from bot.store.jobs import JobStore
from bot.store.showcase import ShowcaseStore
from bot.store.stars import StarStore
from bot.tidying import DataFiles
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
