"""First steps and finding again on both databases: greetings, allowed channels, trees, pages."""

import asyncio

from bot.domain.guild import GuildRules
from bot.domain.showcase.post import Act
from bot.services.admin.guild_rules import Servers
from bot.store.engine.database import Database
from bot.store.guilds import GreetingStore, GuildStore
from bot.store.jobs.clips import ClipStore
from bot.store.privacy.erasure import FarewellStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcaseStore
from bot.store.showcase.settings import HouseStore
from tests.contract.test_showcase import GUILD, MAKER, NOW, OTHER, made, opened, record, shown
from tests.fakes.clock import FastClock
from tests.fakes.world import World, origin


async def test_a_server_is_greeted_by_exactly_one_and_never_again(database: Database) -> None:
    stores = [GreetingStore(database) for _ in range(8)]
    won = await asyncio.gather(*(store.claim(GUILD, now=NOW) for store in stores))
    assert sorted(won) == [False] * 7 + [True]
    assert await GreetingStore(database).claim(GUILD, now=NOW) is False
    assert await GreetingStore(database).claim(OTHER, now=NOW) is True


async def test_a_greeting_goes_with_the_rest_of_a_server_that_was_left(database: Database) -> None:
    farewells = FarewellStore(database)
    await GreetingStore(database).claim(GUILD, now=NOW)
    assert await farewells.known_servers() == [GUILD]
    await farewells.left(GUILD, now=NOW)
    later = NOW.replace(year=2027)
    assert await farewells.remove_server(GUILD, left_before=later)
    assert await GreetingStore(database).claim(GUILD, now=later) is True


async def test_allowed_channels_are_kept_beside_what_others_change(database: Database) -> None:
    servers = Servers(guilds=GuildStore(database), clock=FastClock())
    assert (await servers.rules(GUILD)).allowed_channels == frozenset()
    chosen = frozenset({10, 1 << 62})
    await asyncio.gather(
        servers.change(GUILD, by=1, allowed_channels=chosen),
        servers.change(GUILD, by=2, locale="de"),
        servers.change(GUILD, by=3, confirm_above=5),
    )
    rules = await servers.rules(GUILD)
    assert (rules.allowed_channels, rules.locale, rules.confirm_above) == (chosen, "de", 5)
    await servers.change(GUILD, by=1, allowed_channels=frozenset())
    assert (await servers.rules(GUILD)).allowed_channels == frozenset()


async def test_what_a_job_says_in_public_is_in_the_language_that_the_server_chose(
    world: World,
) -> None:
    servers = Servers(guilds=world.guilds, clock=world.clock)
    asked = origin(1, guild_locale="fr")
    assert await servers.at_home(asked) == asked
    await servers.change(GUILD, by=1, locale="ja")
    assert (await servers.at_home(asked)).guild_locale == "ja"


async def test_the_showcase_speaks_the_chosen_language_and_discords_without_one(
    database: Database,
) -> None:
    await opened(database, locale="fr", digest_day=0)
    clip = await made(database, 1)
    exhibit, _ = await shown(database, clip)
    houses, guilds = HouseStore(database), GuildStore(database)

    async def spoken() -> set[str | None]:
        there = await ShowcaseStore(database).get(exhibit.id)
        assert there is not None
        [due] = await houses.with_digest()
        return {there.locale, (await houses.house(GUILD)).locale, due.locale}

    assert await spoken() == {"fr"}
    await guilds.save(GuildRules(GUILD, locale="ja"), by=1, now=NOW)
    assert await spoken() == {"ja"}
    week = NOW.replace(day=16)
    [due] = await houses.with_digest()
    digests = DigestStore(database)
    number = await digests.open(due, due_at=NOW, since=week, owner="w")
    assert number is not None
    digest = await digests.get(number)
    assert digest is not None
    assert digest.house.locale == "ja"
    await guilds.save(GuildRules(GUILD), by=1, now=NOW)
    assert await spoken() == {"fr"}


async def test_a_tree_is_found_from_its_root_and_holds_nothing_else(database: Database) -> None:
    clips = ClipStore(database)
    await made(database, 1)
    await made(database, 2, parent_clip_id=1, root_clip_id=1, hop=1)
    await made(database, 3, parent_clip_id=2, root_clip_id=1, hop=2, user_id=5, guild_id=OTHER)
    await made(database, 4)
    await made(database, 5, parent_clip_id=4, root_clip_id=4, hop=1)
    assert [clip.id for clip in await clips.tree(1, limit=99)] == [1, 2, 3]
    assert [clip.id for clip in await clips.tree(1, limit=2)] == [1, 2]


async def test_a_history_goes_both_ways_here_or_everywhere(database: Database) -> None:
    clips = ClipStore(database)
    for number in range(1, 8):
        await made(database, number, guild_id=OTHER if number == 4 else GUILD)
    await made(database, 8, user_id=5)

    async def ids(**asked: int | None) -> list[int]:
        where = {"guild_id": GUILD, "limit": 3} | asked
        return [clip.id for clip in await clips.history(user_id=MAKER, **where)]  # type: ignore[arg-type]

    assert await ids() == [7, 6, 5]
    assert await ids(before=5) == [3, 2, 1]
    assert await ids(after=1) == [5, 3, 2]
    assert await ids(after=3, guild_id=None) == [6, 5, 4]
    assert await ids(guild_id=OTHER) == [4]


async def test_a_history_can_be_of_what_is_in_the_showcase(database: Database) -> None:
    await opened(database)
    found = {number: await made(database, number) for number in range(1, 5)}
    for number in (1, 2, 3):
        await shown(database, found[number])
    exhibits = ShowcaseStore(database)
    hidden = await exhibits.of_clip(2)
    gone = await exhibits.of_clip(3)
    assert hidden is not None
    assert gone is not None
    await exhibits.mark(hidden.id, owner=None, record=record(Act.HIDE), hidden=True)
    await exhibits.mark(gone.id, owner=None, record=record(Act.WITHDRAW), withdrawn=True)
    there = await ClipStore(database).history(
        user_id=MAKER, guild_id=GUILD, showcased=True, limit=9
    )
    assert [clip.id for clip in there] == [1]
