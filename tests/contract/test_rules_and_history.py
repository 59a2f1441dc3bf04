"""Server rules, welcome messages, lineage and history on both databases."""

import asyncio
import json

from bot.domain.guild import WHOLE_BOT_ID, GuildRules
from bot.domain.showcase.post import AuditAction, Star
from bot.services.admin.guild_rules import ServerRulesService
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore, WelcomeStore
from bot.store.jobs.clips import ClipStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore
from tests.contract.test_showcase_store import GUILD, MAKER, NOW, OTHER, made, opened, record, shown
from tests.fakes.clock import FastClock
from tests.fakes.world import SimulatedWorld, make_origin


async def test_server_is_welcomed_exactly_once(database: Database) -> None:
    stores = [WelcomeStore(database) for _ in range(8)]
    won = await asyncio.gather(*(store.claim(GUILD, now=NOW) for store in stores))
    assert sorted(won) == [False] * 7 + [True]
    assert await WelcomeStore(database).claim(GUILD, now=NOW) is False
    assert await WelcomeStore(database).claim(OTHER, now=NOW) is True


async def test_welcome_record_is_erased_with_server(database: Database) -> None:
    erasures = ErasureStore(database)
    await WelcomeStore(database).claim(GUILD, now=NOW)
    assert await erasures.list_known_guilds() == [GUILD]
    await erasures.mark_guild_left(GUILD, now=NOW)
    later = NOW.replace(year=2027)
    assert await erasures.erase_guild(GUILD, left_before=later)
    assert await WelcomeStore(database).claim(GUILD, now=later) is True


async def test_allowed_channels_are_kept_beside_what_others_change(database: Database) -> None:
    guilds = GuildStore(database)
    servers = ServerRulesService(guilds=guilds, clock=FastClock())
    assert (await guilds.load_rules(GUILD)).allowed_channels == frozenset()
    chosen = frozenset({10, 1 << 62})
    await asyncio.gather(
        servers.change_rules(GUILD, actor_id=1, allowed_channels=chosen),
        servers.change_rules(GUILD, actor_id=2, locale="de"),
        servers.change_rules(GUILD, actor_id=3, confirm_above=5),
        servers.change_rules(GUILD, actor_id=4, shows_prices=True),
    )
    rules = await guilds.load_rules(GUILD)
    assert (rules.allowed_channels, rules.locale, rules.confirm_above) == (chosen, "de", 5)
    assert rules.shows_prices
    await servers.change_rules(GUILD, actor_id=1, allowed_channels=frozenset())
    assert (await guilds.load_rules(GUILD)).allowed_channels == frozenset()


async def test_only_changes_are_in_the_audit_log(database: Database) -> None:
    """The age rule has entries of its own; of others the comment has what is new."""
    guilds = GuildStore(database)
    servers = ServerRulesService(guilds=guilds, clock=FastClock())
    assert not (await guilds.load_rules(GUILD)).age_restricted_only
    for restricted in (True, True, False, True):
        await servers.change_rules(GUILD, actor_id=7, age_restricted_only=restricted)
        await servers.change_rules(GUILD, actor_id=8, locale="de")
    assert (await guilds.load_rules(GUILD)).age_restricted_only
    await servers.change_rules(GUILD, actor_id=9, staff_channel=5, reports_to_hide=3)
    await servers.switch_bot(enabled=False, actor_id=1)
    store = ShowcaseSettingsStore(database)
    assert await store.list_audit_entries(WHOLE_BOT_ID, limit=9) == []
    entries = await store.list_audit_entries(GUILD, limit=9)
    assert [(entry.actor_id, entry.action) for entry in reversed(entries)] == [
        (7, AuditAction.REQUIRE_AGE_RESTRICTION),
        (8, AuditAction.CHANGE_RULES),
        (7, AuditAction.LIFT_AGE_RESTRICTION),
        (7, AuditAction.REQUIRE_AGE_RESTRICTION),
        (9, AuditAction.CHANGE_RULES),
    ]
    comments = [entry.comment for entry in entries]
    assert comments[3] == '{"locale": "de"}'
    changed = json.loads(comments[0] or "")
    assert (changed["staff_channel"], changed["reports_to_hide"]) == (5, 3)
    assert "locale" not in changed


async def test_public_messages_of_a_job_use_the_servers_language(
    world: SimulatedWorld,
) -> None:
    servers = ServerRulesService(guilds=world.guilds, clock=world.clock)
    asked = make_origin(1, guild_locale="fr")
    assert (await servers.load_context(asked)).origin == asked
    await servers.change_rules(GUILD, actor_id=1, locale="ja")
    assert (await servers.load_context(asked)).origin.guild_locale == "ja"


async def test_the_showcase_speaks_the_chosen_language_and_discords_without_one(
    database: Database,
) -> None:
    await opened(database, locale="fr", digest_day=0)
    clip = await made(database, 1)
    exhibit, _ = await shown(database, clip)
    settings, guilds = ShowcaseSettingsStore(database), GuildStore(database)

    async def spoken() -> set[str | None]:
        there = await ShowcasePostStore(database).get(exhibit.id)
        assert there is not None
        [due] = await settings.list_with_digest()
        return {there.locale, (await settings.load_settings(GUILD)).locale, due.locale}

    assert await spoken() == {"fr"}
    await guilds.save_rules(GuildRules(GUILD, locale="ja"), actor_id=1, now=NOW)
    assert await spoken() == {"ja"}
    week = NOW.replace(day=16)
    [due] = await settings.list_with_digest()
    digests = DigestStore(database)
    await StarStore(database).set_star(10_001, 1, Star(31), starred=True)
    number = await digests.create_digest(due, due_at=NOW, since=week, owner="w")
    assert number is not None
    digest = await digests.get(number)
    assert digest is not None
    assert digest.showcase_settings.locale == "ja"
    await guilds.save_rules(GuildRules(GUILD), actor_id=1, now=NOW)
    assert await spoken() == {"fr"}


async def test_lineage_contains_exactly_the_root_descendants(database: Database) -> None:
    clips = ClipStore(database)
    await made(database, 1)
    await made(database, 2, parent_clip_id=1, root_clip_id=1, extension_depth=1)
    await made(
        database, 3, parent_clip_id=2, root_clip_id=1, extension_depth=2, user_id=5, guild_id=OTHER
    )
    await made(database, 4)
    await made(database, 5, parent_clip_id=4, root_clip_id=4, extension_depth=1)
    assert [clip.id for clip in await clips.list_lineage(1, limit=99)] == [1, 2, 3]
    assert [clip.id for clip in await clips.list_lineage(1, limit=2)] == [1, 2]


async def test_history_pages_both_directions_per_server_and_globally(database: Database) -> None:
    clips = ClipStore(database)
    for number in range(1, 8):
        await made(database, number, guild_id=OTHER if number == 4 else GUILD)
    await made(database, 8, user_id=5)

    async def ids(**asked: int | None) -> list[int]:
        where = {"guild_id": GUILD, "limit": 3} | asked
        return [clip.id for clip in await clips.list_history(user_id=MAKER, **where)]  # type: ignore[arg-type]

    assert await ids() == [7, 6, 5]
    assert await ids(before=5) == [3, 2, 1]
    assert await ids(after=1) == [5, 3, 2]
    assert await ids(after=3, guild_id=None) == [6, 5, 4]
    assert await ids(guild_id=OTHER) == [4]


async def test_history_can_be_filtered_by_showcase(database: Database) -> None:
    await opened(database)
    found = {number: await made(database, number) for number in range(1, 5)}
    for number in (1, 2, 3):
        await shown(database, found[number])
    posts = ShowcasePostStore(database)
    hidden = await posts.find_by_clip(2)
    gone = await posts.find_by_clip(3)
    assert hidden is not None
    assert gone is not None
    await posts.update_post(
        hidden.id, owner=None, audit_entry=record(AuditAction.HIDE), hidden=True
    )
    await posts.update_post(
        gone.id, owner=None, audit_entry=record(AuditAction.WITHDRAW), withdrawn=True
    )
    there = await ClipStore(database).list_history(
        user_id=MAKER, guild_id=GUILD, showcased_only=True, limit=9
    )
    assert [clip.id for clip in there] == [1]
