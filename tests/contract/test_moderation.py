"""Word lists and request blocks on both databases, also with several processes."""

import asyncio
from datetime import timedelta
from unittest.mock import Mock

import pytest
import structlog
from sqlalchemy import update

from bot.domain.billing.limits import SpendingPolicy
from bot.domain.errors import MemberBlocked, RequestRefused, WordEntryRefused, WordsRefused
from bot.domain.jobs.job import AdmissionRequest, JobState, Origin
from bot.domain.jobs.request import VideoRequest
from bot.domain.moderation import word_list
from bot.domain.moderation.request_block import BlockLength, RequestBlock
from bot.domain.moderation.word_list import WordAction, WordList, parse_entry
from bot.domain.showcase.post import AuditAction
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.moderation.request_blocks import RequestBlockService
from bot.store.billing.verification import verify_ledger
from bot.store.engine.database import Database
from bot.store.jobs.admission import Admission
from bot.store.moderation import word_lists
from bot.store.moderation.request_blocks import RequestBlockStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.tables.moderation import request_blocks_table
from tests.fakes.cogs import SimulatedCogs, build_word_lists
from tests.fakes.world import (
    CHANNEL,
    GUILD,
    MEMBER,
    SimulatedWorld,
    make_origin,
    make_plan,
)

ADMIN, OTHER_MEMBER, OTHER_GUILD = 3, MEMBER + 1, GUILD + 1
HOUR = timedelta(hours=1)


async def ask(world: SimulatedWorld, origin: Origin) -> Admission | RequestRefused:
    [answer] = await world.jobs.admit_requests(
        [AdmissionRequest(make_plan(), origin)], policy=world.policy, owner=None
    )
    return answer


async def block(
    world: SimulatedWorld, *, duration: timedelta | None = None, reason: str | None = None
) -> RequestBlock:
    store = RequestBlockStore(world.database, now=world.now)
    found, _ = await store.set_block(
        GUILD, MEMBER, duration=duration, reason=reason, actor_id=ADMIN, owner=None
    )
    return found


async def list_actions(database: Database) -> list[AuditAction]:
    entries = await ShowcaseSettingsStore(database).list_audit_entries(GUILD, limit=20)
    return [entry.action for entry in reversed(entries)]


async def test_a_blocked_member_reserves_nothing_until_the_block_ends(
    world: SimulatedWorld,
) -> None:
    blocked = await block(world, duration=HOUR, reason="rude")
    refused = await ask(world, make_origin(1))
    assert isinstance(refused, MemberBlocked)
    assert (refused.ends_at, refused.reason) == (blocked.ends_at, "rude")
    preview = await world.jobs.preview_admission(
        AdmissionRequest(make_plan(), make_origin(2)), policy=world.policy
    )
    assert isinstance(preview, MemberBlocked)
    assert await world.ledger.sum_reserved() == 0
    for origin in (
        make_origin(3, user_id=OTHER_MEMBER),
        make_origin(4, guild_id=OTHER_GUILD),
        make_origin(5, guild_id=None),
    ):
        assert isinstance(await ask(world, origin), Admission)
    world.clock.jump(HOUR + timedelta(seconds=1))
    assert isinstance(await ask(world, make_origin(6)), Admission)


async def test_a_block_without_an_end_lasts_until_an_admin_ends_it(world: SimulatedWorld) -> None:
    store = RequestBlockStore(world.database, now=world.now)
    await block(world, duration=HOUR)
    await block(world)
    world.clock.jump(timedelta(days=400))
    assert isinstance(await ask(world, make_origin(1)), MemberBlocked)
    assert [found.user_id for found in await store.list_blocks(GUILD)] == [MEMBER]
    assert await store.list_blocks(OTHER_GUILD) == []
    assert [await store.count_blocks(guild) for guild in (GUILD, OTHER_GUILD)] == [1, 0]
    assert await store.remove_block(GUILD, MEMBER, actor_id=ADMIN)
    assert not await store.remove_block(GUILD, MEMBER, actor_id=ADMIN)
    assert await store.list_blocks(GUILD) == []
    assert isinstance(await ask(world, make_origin(2)), Admission)
    assert await list_actions(world.database) == [
        AuditAction.BLOCK_REQUESTS,
        AuditAction.BLOCK_REQUESTS,
        AuditAction.UNBLOCK_REQUESTS,
    ]


async def test_queued_jobs_of_a_blocked_member_end_and_are_refunded(world: SimulatedWorld) -> None:
    """Those of others stay, and so do jobs that run."""
    await world.admit_job("running")
    [running] = await world.jobs.claim_jobs("elsewhere", policy=SpendingPolicy(), limit=1)
    queued = [await world.admit_job(key) for key in ("a", "b")]
    others = await ask(world, make_origin("c", user_id=OTHER_MEMBER))
    assert isinstance(others, Admission)
    worker = Mock(worker_id="announcer")
    service = RequestBlockService(request_blocks=RequestBlockStore(world.database), worker=worker)
    _, ended = await service.block_member(
        GUILD, MEMBER, length=BlockLength.DAY, reason=None, actor_id=ADMIN
    )
    assert ended == 2
    for job in queued:
        cancelled = await world.get_job(job.id)
        assert (cancelled.state, cancelled.owner) == (JobState.CANCELLED, "announcer")
        worker.notify_job_changed.assert_any_call(job.id)
    left = await world.get_job(running.id)
    assert (left.state, left.cancel_requested) == (JobState.SUBMITTING, False)
    assert (await world.get_job(others.job.id)).state is JobState.QUEUED
    assert await world.ledger.sum_reserved() == 2 * make_plan().price
    assert (await verify_ledger(world.database)).mismatches == ()


async def test_requests_are_refused_early_by_the_databases_clock(world: SimulatedWorld) -> None:
    cogs = SimulatedCogs(world)
    store = RequestBlockStore(world.database)
    await store.set_block(GUILD, MEMBER, duration=HOUR, reason=None, actor_id=ADMIN, owner=None)
    with pytest.raises(MemberBlocked):
        await cogs.generate()
    past = world.clock.now() - timedelta(days=2)
    await world.database.execute(update(request_blocks_table).values(ends_at=past))
    await cogs.generate()
    assert len(await world.jobs.list_running(user_id=MEMBER)) == 1
    assert await store.list_blocks(GUILD) == []
    await ErasureStore(world.database).purge_expired(now=world.clock.now(), audit_before=past)
    assert await world.database.execute(request_blocks_table.delete()) == 0


async def test_every_process_uses_a_changed_word_list_with_the_next_request(
    world: SimulatedWorld,
) -> None:
    admins, others = build_word_lists(world), build_word_lists(world)
    rules = ServerRulesService(guilds=world.guilds, clock=world.clock, word_lists=others)

    async def is_refused(prompt: str, **origin: int | None) -> bool:
        context = await rules.load_context(make_origin(1, **origin))
        try:
            context.word_rules.require_allowed(VideoRequest(prompt))
        except WordsRefused:
            return True
        return False

    assert not await is_refused("gore")
    added = await admins.add_entries(GUILD, "gore, naked", WordAction.REFUSE, actor_id=ADMIN)
    assert (added.changed, added.total) == (2, 2)
    assert await is_refused("GORE")
    assert not await is_refused("gore", guild_id=OTHER_GUILD)
    assert not await is_refused("gore", guild_id=None)
    again = await admins.add_entries(GUILD, "gore, gin", WordAction.LOG, actor_id=ADMIN)
    assert (again.changed, again.total) == (1, 3)
    assert not await is_refused("gore")
    assert await is_refused("n4ked")
    removed = await admins.remove_entries(GUILD, "naked, gin, gore, unlisted", actor_id=ADMIN)
    assert (removed.changed, removed.total) == (3, 0)
    assert not await is_refused("naked")
    assert (await world.guilds.load_rules(GUILD)).word_list_version == 0
    with pytest.raises(WordEntryRefused):
        await admins.remove_entries(GUILD, "naked", actor_id=ADMIN)
    entries = await ShowcaseSettingsStore(world.database).list_audit_entries(GUILD, limit=9)
    assert [entry.action for entry in entries] == [AuditAction.CHANGE_WORDS] * 3
    assert [entry.comment for entry in entries] == ["-3", "+2", "+2"], "latest first"
    assert not any("naked" in (entry.comment or "") for entry in entries)


async def test_a_word_list_has_a_largest_length(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_lists, "MAX_ENTRIES", 3)
    service = build_word_lists(world)
    await service.add_entries(GUILD, "gore, naked", WordAction.REFUSE, actor_id=ADMIN)
    with pytest.raises(WordEntryRefused) as refused:
        await service.add_entries(GUILD, "gin, rum", WordAction.REFUSE, actor_id=ADMIN)
    assert refused.value.reason == "too_many"
    assert [entry.text for entry in await service.list_entries(GUILD)] == ["gore", "naked"]
    assert word_list.MAX_ENTRIES == 1000
    assert await service.count_entries(GUILD) == 2
    change, [refusal] = await service.add_valid_entries(
        GUILD, "gin\nrum", WordAction.REFUSE, actor_id=ADMIN
    )
    assert (change, refusal.reason) == (None, "too_many")


async def test_one_bad_line_of_a_form_does_not_lose_the_others(world: SimulatedWorld) -> None:
    service = build_word_lists(world)
    typed = f"gore\nx\nnaked\n\n{'y' * 61}"
    change, refusals = await service.add_valid_entries(GUILD, typed, WordAction.LOG, actor_id=ADMIN)
    assert change is not None
    assert (change.changed, change.total) == (2, 2)
    assert [refusal.reason for refusal in refusals] == ["too_short", "too_long"]
    assert {entry.action for entry in await service.list_entries(GUILD)} == {WordAction.LOG}
    assert await service.add_valid_entries(GUILD, "x", WordAction.LOG, actor_id=ADMIN) != (None, [])


async def test_two_admins_who_add_words_at_once_add_both(world: SimulatedWorld) -> None:
    services = [build_word_lists(world) for _ in range(6)]
    await asyncio.gather(
        *(
            service.add_entries(GUILD, f"word{number}, gore", WordAction.REFUSE, actor_id=ADMIN)
            for number, service in enumerate(services)
        )
    )
    assert len(await services[0].list_entries(GUILD)) == 7


async def test_a_word_to_log_is_recorded_once_for_an_accepted_request(
    world: SimulatedWorld,
) -> None:
    cogs = SimulatedCogs(world)
    await cogs.word_lists.add_entries(GUILD, "fox", WordAction.LOG, actor_id=ADMIN)
    await cogs.generate()
    [use, _] = await ShowcaseSettingsStore(world.database).list_audit_entries(GUILD, limit=9)
    assert (use.action, use.actor_id) == (AuditAction.USE_WORD, MEMBER)
    assert use.comment == f"{CHANNEL} fox"


async def test_the_operators_list_counts_everywhere(world: SimulatedWorld) -> None:
    service = build_word_lists(world)
    service.operator_list = WordList([parse_entry("gore")])
    rules = ServerRulesService(guilds=world.guilds, clock=world.clock, word_lists=service)
    for guild_id in (GUILD, None):
        context = await rules.load_context(make_origin(1, guild_id=guild_id))
        with pytest.raises(WordsRefused) as refused:
            context.word_rules.require_allowed(VideoRequest("gore"))
        assert refused.value.by_operator


@pytest.mark.parametrize("guild_id", [GUILD, None])
async def test_the_operators_words_to_log_are_in_the_programs_log_without_the_prompt(
    world: SimulatedWorld, guild_id: int | None
) -> None:
    service = build_word_lists(world)
    service.operator_list = WordList([parse_entry("gin", WordAction.LOG)])
    rules = ServerRulesService(guilds=world.guilds, clock=world.clock, word_lists=service)
    context = await rules.load_context(make_origin(1, guild_id=guild_id))
    with structlog.testing.capture_logs() as events:
        await rules.record_words(VideoRequest("a secret glass of gin"), context)
        await rules.record_words(VideoRequest("a secret engine"), context)
    [used] = events
    assert (used["event"], used["entry"]) == ("word_list.used", "gin")
    assert (used["user"], used["guild"], used["channel"]) == (MEMBER, guild_id, CHANNEL)
    assert "secret" not in str(events)
    assert await list_actions(world.database) == []


async def test_a_server_that_left_takes_its_words_and_blocks_along(world: SimulatedWorld) -> None:
    service, erasures = build_word_lists(world), ErasureStore(world.database)
    await service.add_entries(GUILD, "gore", WordAction.REFUSE, actor_id=ADMIN)
    await block(world)
    left_at = world.clock.now()
    await erasures.mark_guild_left(GUILD, now=left_at)
    assert await erasures.erase_guild(GUILD, left_before=left_at + HOUR)
    assert await service.list_entries(GUILD) == []
    assert await RequestBlockStore(world.database).list_blocks(GUILD) == []
    assert isinstance(await ask(world, make_origin(1)), Admission)
