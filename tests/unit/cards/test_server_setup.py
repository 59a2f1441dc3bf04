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
from bot.domain.guild import LANGUAGES, NEVER_CONFIRM, GuildRules, ReviewScope
from bot.domain.jobs.request import PersonRule
from bot.domain.legal_pages import build_legal_addresses
from bot.ui.components import SettingMenu
from bot.ui.custom_ids import SetupSetting
from bot.ui.help_text import build_help_view, build_welcome_view
from bot.ui.moderation_form import build_moderation_form
from bot.ui.server_setup import (
    KEEP_OPTION,
    NEVER_OPTION,
    UNSET_OPTION,
    PermissionCheck,
    SetupPage,
    SetupState,
    build_setup_view,
    format_permission_checks,
)
from bot.ui.text_lists import format_limits
from tests.harness.texts import quote_text
from tests.unit.cards.test_cards import buttons, check, texts

TRUSTED_ROLE = 70
FULL = SetupState(
    rules=GuildRules(
        10,
        person_rule=PersonRule.ADULTS,
        staff_channel=10**18,
        review_scope=ReviewScope.UNTRUSTED,
        trusted_role=TRUSTED_ROLE,
        reports_to_hide=4,
        locale="ja",
        allowed_channels=frozenset(range(10**18, 10**18 + 25)),
    ),
    member_limits=UsageLimits(clips_per_day=4),
    showcase_channel_id=10**18,
    existing_channel_ids=frozenset(range(10**18, 10**18 + 25)),
    discord_locale="de",
    existing_role_ids=frozenset({TRUSTED_ROLE}),
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


def build_pages(state: SetupState, notice: str = "") -> list[ui.LayoutView]:
    return [build_setup_view(state, "en-US", page=page, notice=notice) for page in SetupPage]


@pytest.mark.parametrize("state", [FULL, EMPTY])
async def test_setup_pages_have_a_restart_proof_row_for_each_setting(state: SetupState) -> None:
    lines = format_permission_checks(
        [PermissionCheck(10**18 + n, ["view_channel", "embed_links"]) for n in range(60)], "en-US"
    )
    pages = build_pages(state, lines)
    shown = [setting for page in pages for setting in menus(page)]
    offered = set(SetupSetting)
    if state.rules.review_scope is not ReviewScope.UNTRUSTED:
        offered.remove(SetupSetting.TRUSTED_ROLE)
    assert sorted(shown) == sorted(offered)
    tabs = ["clapper:setup_page_safety:0", "clapper:setup_page_channels:0"]
    assert [list(buttons(page).values()) for page in pages] == [
        [*tabs, "clapper:moderation:0"],
        [*tabs, "clapper:check:0"],
    ]
    for page in pages:
        check(page)
        for item in page.walk_children():
            if isinstance(item, SettingMenu):
                continue
            assert not isinstance(item, (ui.Select, ui.ChannelSelect, ui.RoleSelect))
        for menu in menus(page).values():
            for option in getattr(menu, "options", []):
                assert len(option.label) <= 100
                assert len(option.description or "") <= 100


async def test_setup_pages_show_what_is_set() -> None:
    safety, channels = build_pages(FULL)
    assert chosen(safety, "people") == ["adults"]
    assert chosen(safety, "quota") == [KEEP_OPTION]
    assert chosen(channels, "language") == ["ja"]
    assert len(menus(channels)["channels"].default_values) == 25
    assert f"<#{10**18}>" in texts(channels)
    [role] = menus(safety)["trusted_role"].default_values
    assert role.id == TRUSTED_ROLE
    assert f"<@&{TRUSTED_ROLE}>" in texts(safety)
    assert quote_text("choice.hide_after.reports", count=4) in texts(safety)
    safety, channels = build_pages(EMPTY)
    assert [chosen(safety, each) for each in ("people", "quota")] == [[UNSET_OPTION]] * 2
    assert chosen(channels, "language") == [UNSET_OPTION]
    assert quote_text("setup.everywhere") in texts(channels)
    nothing = quote_text(
        "setup.moderation",
        staff=quote_text("setup.no_staff_channel"),
        clips=quote_text("setup.no_review"),
        reports=quote_text("choice.hide_after.off"),
        words=0,
        blocked=0,
    )
    assert nothing in texts(safety)


def read_form(rules: GuildRules, *, has_channel: bool = True) -> dict[str, Any]:
    """Return the inputs of the form about moderation."""
    form = build_moderation_form(rules, "en-US", has_staff_channel=has_channel)
    labels = [item for item in form.walk_children() if isinstance(item, ui.Label)]
    return {label.component.custom_id: label.component for label in labels}  # type: ignore[attr-defined]


def list_chosen(select: Any) -> list[str]:
    return [option.value for option in select.options if option.default]


async def test_the_form_offers_the_review_of_clips_to_a_new_server() -> None:
    """It is chosen already, which counts only with a staff channel: one tap less."""
    inputs = read_form(GuildRules(10))
    assert list_chosen(inputs["review"]) == ["untrusted"]
    assert inputs["staff"].required is False
    assert list_chosen(inputs["reports"]) == ["0"]
    assert list_chosen(inputs["action"]) == ["refuse"]


async def test_the_form_shows_what_is_set_and_keeps_other_values() -> None:
    rules = GuildRules(
        10, staff_channel=5, review_scope=ReviewScope.CHANNEL, review_channel=6, reports_to_hide=7
    )
    inputs = read_form(rules)
    assert list_chosen(inputs["review"]) == ["channel"]
    assert list_chosen(inputs["reports"]) == ["7"]
    assert [value.id for value in inputs["staff"].default_values] == [5]
    assert inputs["staff"].required is True
    assert read_form(rules, has_channel=False)["staff"].default_values == []
    off = read_form(replace(rules, review_scope=ReviewScope.OFF))
    assert list_chosen(off["review"]) == ["off"]


@pytest.mark.parametrize("preset", QuotaPreset)
async def test_quota_preset_is_selected(preset: QuotaPreset) -> None:
    view = build_setup_view(replace(FULL, member_limits=QUOTA_PRESETS[preset]), "en-US")
    assert chosen(view, "quota") == [preset.value]
    assert KEEP_OPTION not in [option.value for option in menus(view)["quota"].options]


async def test_deleted_channel_is_named_but_not_selected() -> None:
    gone = replace(FULL, existing_channel_ids=frozenset(), existing_role_ids=frozenset())
    safety, view = build_pages(gone)
    assert menus(view)["channels"].default_values == []
    assert menus(view)["showcase"].default_values == []
    assert f"<#{10**18}>" in texts(view)
    assert menus(safety)["trusted_role"].default_values == []
    assert f"<@&{TRUSTED_ROLE}>" in texts(safety)


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
