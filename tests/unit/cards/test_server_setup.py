"""`/server setup`, `/help` and the welcome message are correct and within Discord's limits."""

from dataclasses import replace
from typing import Any

import discord
import pytest
from discord import ui

from bot.domain.billing.limits import NO_LIMITS, QuotaLine, QuotaStatus, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.billing.quota_presets import QUOTA_PRESETS, QuotaPreset
from bot.domain.errors import LimitScope
from bot.domain.guild import LANGUAGES, NEVER_CONFIRM, GuildRules
from bot.domain.jobs.request import PersonRule
from bot.domain.legal_pages import build_legal_addresses
from bot.ui.components import SettingMenu
from bot.ui.custom_ids import SetupSetting
from bot.ui.help_text import build_help_view, build_welcome_view
from bot.ui.server_setup import (
    KEEP_OPTION,
    NEVER_OPTION,
    UNSET_OPTION,
    PermissionCheck,
    SetupState,
    build_setup_view,
    format_permission_checks,
)
from bot.ui.text_lists import format_limits
from tests.harness.texts import quote_text
from tests.unit.cards.test_cards import buttons, check, texts

FULL = SetupState(
    rules=GuildRules(
        10,
        person_rule=PersonRule.ADULTS,
        locale="ja",
        allowed_channels=frozenset(range(10**18, 10**18 + 25)),
    ),
    member_limits=UsageLimits(clips_per_day=4),
    showcase_channel_id=10**18,
    existing_channel_ids=frozenset(range(10**18, 10**18 + 25)),
    discord_locale="de",
)
EMPTY = SetupState(GuildRules(10), NO_LIMITS, None, frozenset(), "pt-BR")


def menus(view: ui.LayoutView) -> dict[str, Any]:
    return {
        item.custom_id.removeprefix("clapper-set:"): item.item
        for item in view.walk_children()
        if isinstance(item, SettingMenu)
    }


def chosen(view: ui.LayoutView, menu: str) -> list[str]:
    return [option.value for option in menus(view)[menu].options if option.default]


@pytest.mark.parametrize("state", [FULL, EMPTY])
async def test_setup_view_has_a_restart_proof_row_for_each_setting(state: SetupState) -> None:
    lines = format_permission_checks(
        [PermissionCheck(10**18 + n, ["view_channel", "embed_links"]) for n in range(60)], "en-US"
    )
    view = build_setup_view(state, "en-US", notice=lines)
    check(view)
    rows = [item for item in view.walk_children() if isinstance(item, ui.ActionRow)]
    assert len(rows) == len(SetupSetting)
    assert list(menus(view)) == list(SetupSetting)
    assert list(buttons(view).values()) == ["clapper:check:0"]
    for item in view.walk_children():
        if isinstance(item, SettingMenu):
            continue
        assert not isinstance(item, (ui.Select, ui.ChannelSelect))
    for menu in menus(view).values():
        for option in getattr(menu, "options", []):
            assert len(option.label) <= 100
            assert len(option.description or "") <= 100


async def test_setup_view_shows_what_is_set() -> None:
    view = build_setup_view(FULL, "en-US")
    assert chosen(view, "people") == ["adults"]
    assert chosen(view, "quota") == [KEEP_OPTION]
    assert chosen(view, "language") == ["ja"]
    assert len(menus(view)["channels"].default_values) == 25
    assert f"<#{10**18}>" in texts(view)
    empty = build_setup_view(EMPTY, "en-US")
    assert [chosen(empty, each) for each in ("people", "quota", "language")] == [[UNSET_OPTION]] * 3
    assert quote_text("setup.everywhere") in texts(empty)


@pytest.mark.parametrize("preset", QuotaPreset)
async def test_quota_preset_is_selected(preset: QuotaPreset) -> None:
    view = build_setup_view(replace(FULL, member_limits=QUOTA_PRESETS[preset]), "en-US")
    assert chosen(view, "quota") == [preset.value]
    assert KEEP_OPTION not in [option.value for option in menus(view)["quota"].options]


async def test_deleted_channel_is_named_but_not_selected() -> None:
    view = build_setup_view(replace(FULL, existing_channel_ids=frozenset()), "en-US")
    assert menus(view)["channels"].default_values == []
    assert menus(view)["showcase"].default_values == []
    assert f"<#{10**18}>" in texts(view)


def test_languages_are_locales_of_discord() -> None:
    assert all(discord.Locale(each) for each in LANGUAGES)
    assert len(LANGUAGES) == 6


def test_permission_check_names_what_is_missing() -> None:
    text = format_permission_checks(
        [
            PermissionCheck(1, []),
            PermissionCheck(2, ["attach_files", "send_messages_in_threads"]),
            PermissionCheck(3, None),
        ],
        "en-US",
    ).splitlines()
    lacking = [
        quote_text(f"permission.{name}") for name in ("attach_files", "send_messages_in_threads")
    ]
    assert text == [
        quote_text("setup.fine", channel="<#1>"),
        quote_text("setup.lacking", channel="<#2>", missing=f"**{lacking[0]}**, **{lacking[1]}**"),
        quote_text("setup.unseen", channel="<#3>"),
    ]


async def test_help_shows_real_limits_and_admin_setup() -> None:
    status = QuotaStatus((QuotaLine(LimitScope.MEMBER, "clips_per_day", 5, 2),))
    text = texts(build_help_view(status, "en-US", is_admin=False))
    limit = quote_text("quota.name.clips_per_day")
    assert quote_text("quota.line", limit=limit, left=3, used=2, allowed=5) in text
    assert quote_text("help.admin") not in text
    assert quote_text("help.admin") in texts(build_help_view(status, "en-US", is_admin=True))
    told = texts(build_help_view(status, "en-US", is_admin=False, age_rule="operator"))
    assert quote_text("help.age_operator") in told
    welcome = build_welcome_view(SpendingPolicy(), "en-US", age_rule="operator")
    assert quote_text("help.age_operator") in texts(welcome)


async def test_help_and_welcome_link_to_the_terms_where_there_is_a_public_address() -> None:
    legal = build_legal_addresses("https://clips.example")
    assert legal is not None
    links = quote_text("help.legal", terms=legal.terms, privacy=legal.privacy)
    with_links = build_help_view(None, "en-US", is_admin=False, legal=legal)
    assert links in texts(with_links)
    assert links in texts(build_welcome_view(SpendingPolicy(), "en-US", legal=legal))
    assert "clips.example" not in texts(build_help_view(None, "en-US", is_admin=False))


async def test_help_works_without_database_and_with_all_limits() -> None:
    assert quote_text("quota.title") not in texts(build_help_view(None, "en-US", is_admin=False))
    lines = tuple(
        QuotaLine(scope, limit, 10**12, 10**11)
        for scope in LimitScope
        for limit in ("clips_per_day", "seconds_per_day", "usd_per_day", "usd_per_month")
    )
    view = build_help_view(QuotaStatus(lines), "en-US", is_admin=True)
    check(view)
    assert all(len(section.splitlines()) <= 6 for section in texts(view).split("\n**"))


async def test_welcome_is_short_and_says_who_pays() -> None:
    """A few lines, the money, and a button for admins. [people-A1]"""
    policy = SpendingPolicy(
        member=UsageLimits(10, 80, Micros(4_000_000), Micros(20_000_000), 2),
        guild=UsageLimits(usd_per_day=Micros(20_000_000), usd_per_month=Micros(100_000_000)),
    )
    view = build_welcome_view(policy, "en-US")
    check(view)
    text = texts(view)
    for word in ("/video generate", "/help", "/server setup"):
        assert word in text
    for key in ("welcome.use", "welcome.money", "welcome.admins"):
        assert quote_text(key) in text
    for window, amounts in {"day": ("$4.00", "$20.00"), "month": ("$20.00", "$100.00")}.items():
        for amount in amounts:
            assert f"{amount} {quote_text(f'limit.usd_per_{window}')}" in text
    assert len(text.split()) < 100
    assert quote_text("button.setup") in buttons(view)


CEILING = UsageLimits(100, 800, Micros(20_000_000), Micros(100_000_000), 10)


def test_setup_offers_nothing_above_the_ceiling() -> None:
    """$30 a day is not offered where a server may spend $20. [people-A3]"""
    view = build_setup_view(replace(EMPTY, ceiling=CEILING), "en-US")
    quotas = {option.value for option in menus(view)[SetupSetting.QUOTA].options}
    assert quotas == {UNSET_OPTION, "taste", "light", "regular"}
    budgets = {option.value for option in menus(view)[SetupSetting.BUDGET].options}
    assert max(int(value) for value in budgets - {UNSET_OPTION}) < 100_000_000
    generous = QUOTA_PRESETS[QuotaPreset.GENEROUS]
    view = build_setup_view(replace(EMPTY, ceiling=CEILING, member_limits=generous), "en-US")
    assert chosen(view, SetupSetting.QUOTA) == [KEEP_OPTION]


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (None, UNSET_OPTION),
        (NEVER_CONFIRM, NEVER_OPTION),
        (Micros(2_000_000), "2000000"),
        (Micros(333), KEEP_OPTION),
    ],
)
def test_setup_shows_from_which_price_requests_ask(price: Micros | None, expected: str) -> None:
    """[people-A3]"""
    state = replace(
        EMPTY,
        rules=GuildRules(10, confirm_above=price),
        default_confirmation_price=Micros(2_000_000),
    )
    view = build_setup_view(state, "en-US")
    assert chosen(view, SetupSetting.CONFIRMATION) == [expected]
    first = menus(view)[SetupSetting.CONFIRMATION].options[0]
    assert "$2.00" in first.label


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (NO_LIMITS, UNSET_OPTION),
        (UsageLimits(usd_per_month=Micros(25_000_000)), "25000000"),
        (UsageLimits(usd_per_month=Micros(25_000_000), clips_per_day=4), KEEP_OPTION),
        (UsageLimits(usd_per_month=Micros(1_000_000_000)), KEEP_OPTION),
    ],
)
def test_setup_shows_the_servers_budget(budget: UsageLimits, expected: str) -> None:
    """[people-A3]"""
    view = build_setup_view(replace(EMPTY, budget=budget, ceiling=CEILING), "en-US")
    assert chosen(view, SetupSetting.BUDGET) == [expected]


@pytest.mark.parametrize("locale", LANGUAGES)
def test_descriptions_are_cut_between_limits(locale: str) -> None:
    """A limit is shown whole or not at all: half an amount is another amount. [people-A4]"""
    many = UsageLimits(123_456, 654_321, Micros(100_000_000_000), Micros(99_999_990_000), 77_777)
    view = build_setup_view(replace(EMPTY, member_limits=many, budget=many), locale)
    whole = format_limits(many, locale).split(" · ")
    shown = [
        option.description
        for menu in (SetupSetting.QUOTA, SetupSetting.BUDGET)
        for option in menus(view)[menu].options
        if option.value == KEEP_OPTION
    ]
    assert len(shown) == 2
    for description in shown:
        assert len(description) <= 100
        assert set(description.removesuffix(" …").split(" · ")) <= set(whole)
