"""The client registers commands, keeps buttons working, and answers every error."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import discord
import pytest
from discord import ui

from bot.app.clock import SystemClock
from bot.discord.client import DiscordClient, build_intents, override_discord_urls
from bot.discord.user_install import TokenCipher
from bot.domain.errors import LimitReached, LimitScope, RecordNotFound
from bot.ui.components import ActionButton, build_text_view
from bot.ui.custom_ids import ButtonAction, FormKind, build_custom_id, parse_button_number
from bot.ui.router import InteractionRouter
from cogs._common.modals import build_animate_form, build_extend_form, build_reword_form
from cogs.buttons import DoubleClicks
from tests.harness.texts import quote_text
from tests.unit.client.commands import every_command, tree_of


@pytest.fixture
async def client() -> AsyncIterator[DiscordClient]:
    made = DiscordClient(clock=SystemClock(), token_cipher=TokenCipher("secret"))
    await made._async_setup_hook()
    made.add_dynamic_items(ActionButton)
    yield made
    await made.http.close()


def registered(client: DiscordClient) -> set[type[Any]]:
    return set(client._connection._view_store._dynamic_items.values())


def test_no_privileged_intent_is_used() -> None:
    asked = build_intents()
    assert not asked.message_content
    assert not asked.members
    assert not asked.presences
    assert asked.guilds
    assert asked.guild_messages
    assert asked.dm_messages


async def test_members_and_messages_are_not_cached(client: DiscordClient) -> None:
    state = client._connection
    assert state.max_messages is None
    assert state.member_cache_flags == discord.MemberCacheFlags.none()
    assert not state._chunk_guilds
    assert state.allowed_mentions is not None
    allowed: object = state.allowed_mentions.to_dict()
    assert allowed == {"parse": []}


async def test_buttons_outlive_their_views(client: DiscordClient) -> None:
    """discord.py unregisters a dynamic item for the whole process with a view that ends."""
    store = client._connection._view_store
    for message in range(50):
        view = build_text_view("first", ActionButton(ButtonAction.CANCEL, message, label="Cancel"))
        store.add_view(view, message)
        fresh = build_text_view("edited: no buttons")
        client._connection.prevent_view_updates_for(message)
        store.add_view(fresh, message)
        view.stop()
        fresh.stop()
    assert ActionButton in registered(client)
    assert not store._views  # and no entry remains for a message
    assert not store._synced_message_views


async def test_ended_mixed_view_unregisters_all_buttons(client: DiscordClient) -> None:
    """Why views of `bot.ui.components` never mix items: this unregisters all buttons."""
    view = ui.View(timeout=None)
    view.add_item(ActionButton(ButtonAction.REDO, 1, label="Redo"))
    view.add_item(ui.Button(label="ordinary", custom_id="ordinary"))
    client._connection._view_store.add_view(view, 1)
    view.stop()
    assert ActionButton not in registered(client)


async def test_modals_are_not_stored_by_discord_py() -> None:
    for made in (
        build_extend_form(12, "en-US"),
        build_reword_form(7, "x" * 5000, "en-US"),
        build_animate_form(3, "en-US"),
    ):
        assert made.is_finished()
        assert len(made.title) <= 45
        sent = made.to_dict()
        assert re.fullmatch(r"clapper:\w+:\d+", sent["custom_id"])
        field = sent["components"][0]["component"]
        assert len(field.get("value") or "") <= 4000


class FakeInteraction:
    """The part of an interaction that a press needs."""

    def __init__(self, data: dict[str, Any] | None = None) -> None:
        self.data = data
        self.client = self
        self.router = InteractionRouter()
        self.errors: list[Exception] = []

    async def respond_with_error(self, _interaction: object, error: Exception) -> None:
        self.errors.append(error)


async def test_buttons_and_forms_from_before_clips_could_be_edited_change_the_words() -> None:
    """``clapper:edit:N`` was *Edit prompt* of job N."""
    interaction = FakeInteraction()
    pressed: list[int] = []
    submitted: list[tuple[int, str]] = []

    async def press(_interaction: discord.Interaction, number: int) -> None:
        pressed.append(number)

    async def submit(
        _interaction: discord.Interaction, number: int, fields: Mapping[str, str]
    ) -> None:
        submitted.append((number, fields["prompt"]))

    interaction.router.register_button(ButtonAction.REWORD, press)
    interaction.router.register_form(FormKind.REWORD, submit)
    match = re.fullmatch(ActionButton.__discord_ui_compiled_template__, "clapper:edit:77")
    assert match is not None
    button = await ActionButton.from_custom_id(interaction, ui.Button(label="Edit prompt"), match)  # type: ignore[arg-type]
    await button.callback(interaction)  # type: ignore[arg-type]
    field = {"component": {"custom_id": "prompt", "value": "a wolf"}}
    form = FakeInteraction({"custom_id": "clapper:edit_form:78", "components": [field]})
    await interaction.router.submit_form(form)  # type: ignore[arg-type]
    assert (pressed, submitted) == ([77], [(78, "a wolf")])
    assert not interaction.errors
    assert parse_button_number("clapper:edit:77", ButtonAction.REWORD) == 77
    assert parse_button_number("clapper:edit:77", ButtonAction.EDIT) is None
    assert parse_button_number("clapper:edit_clip:12", ButtonAction.EDIT) == 12


async def test_press_runs_handler_with_its_number() -> None:
    interaction = FakeInteraction()
    received: list[int] = []

    async def handler(_interaction: discord.Interaction, number: int) -> None:
        received.append(number)

    interaction.router.register_button(ButtonAction.REDO, handler)
    match = re.fullmatch(ActionButton.__discord_ui_compiled_template__, "clapper:redo:77")
    assert match is not None
    button = await ActionButton.from_custom_id(interaction, ui.Button(label="Redo"), match)  # type: ignore[arg-type]
    await button.callback(interaction)  # type: ignore[arg-type]
    assert received == [77]


@pytest.mark.parametrize("custom_id", ["clapper:redo:1", "clapper:unknown_action:1"])
async def test_press_error_is_answered(custom_id: str) -> None:
    interaction = FakeInteraction()

    async def handler(_interaction: discord.Interaction, _number: int) -> None:
        raise LimitReached(
            "clips_per_day", LimitScope.MEMBER, used=1, requested=1, allowed=1, frees_at=None
        )

    interaction.router.register_button(ButtonAction.REDO, handler)
    match = re.fullmatch(ActionButton.__discord_ui_compiled_template__, custom_id)
    assert match is not None
    button = await ActionButton.from_custom_id(interaction, ui.Button(label="x"), match)  # type: ignore[arg-type]
    await button.callback(interaction)  # type: ignore[arg-type]
    assert len(interaction.errors) == 1


async def test_form_is_read_from_labels_and_rows() -> None:
    received: list[tuple[int, dict[str, str]]] = []

    async def handler(_interaction: discord.Interaction, number: int, fields: Any) -> None:
        received.append((number, dict(fields)))

    text = {"type": 4, "custom_id": "prompt", "value": "it jumps"}
    for components in (
        [{"type": 18, "component": text}],
        [{"type": 1, "components": [text]}],
    ):
        interaction = FakeInteraction(
            {"custom_id": "clapper:extend_form:12", "components": components}
        )
        interaction.router.register_form(FormKind.EXTEND, handler)
        await interaction.router.submit_form(interaction)  # type: ignore[arg-type]
    assert received == [(12, {"prompt": "it jumps"})] * 2


@pytest.mark.parametrize(
    "custom_id", ["somebody:else", "clapper:gone_form:1", f"clapper:extend_form:{2**63}"]
)
async def test_a_form_of_another_version_is_refused(custom_id: str) -> None:
    """[discord-D19]"""
    form = FakeInteraction({"custom_id": custom_id, "components": []})
    with pytest.raises(RecordNotFound):
        await form.router.submit_form(form)  # type: ignore[arg-type]


def test_custom_ids_are_parsed_and_short_enough() -> None:
    for action in ButtonAction:
        made = build_custom_id(action, 2**63 - 1)
        assert len(made) <= 100
        assert parse_button_number(made, action) == 2**63 - 1
    assert parse_button_number("clapper:redo:1", ButtonAction.EXTEND) is None
    assert parse_button_number("something else", ButtonAction.REDO) is None


def test_double_click_is_same_press_by_same_member_soon_after() -> None:
    class Clock(SystemClock):
        at = 0.0

        def monotonic(self) -> float:
            return self.at

    clock = Clock()
    doubles = DoubleClicks(clock)
    assert not doubles.is_double(1, ButtonAction.REDO, 5)
    assert doubles.is_double(1, ButtonAction.REDO, 5)
    assert not doubles.is_double(2, ButtonAction.REDO, 5)
    assert not doubles.is_double(1, ButtonAction.REDO, 6)
    clock.at = 10.0
    assert not doubles.is_double(1, ButtonAction.REDO, 5)


def test_overridden_urls_reach_all_of_discord_py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(discord.Asset, "BASE", discord.Asset.BASE)
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)
    override_discord_urls(
        api_url="http://127.0.0.1:9/api/v10", gateway_url="ws://127.0.0.1:9/gateway"
    )
    assert discord.http.Route("GET", "/users/@me").url == "http://127.0.0.1:9/api/v10/users/@me"
    assert discord.Asset.BASE == "http://127.0.0.1:9"
    assert str(gateway.DEFAULT_GATEWAY) == "ws://127.0.0.1:9/gateway"


async def test_every_command_is_within_discords_limits() -> None:
    names = set()
    for payload in every_command(await tree_of()):
        names.add(payload["path"])
        assert 1 <= len(payload["description"]) <= 100, payload["path"]
        assert re.fullmatch(r"[a-z0-9_]{1,32}", payload["name"]), payload["path"]
        required = [option.get("required", False) for option in payload["options"]]
        assert required == sorted(required, reverse=True), payload["path"]
        assert len(payload["options"]) <= 25
        for option in payload["options"]:
            assert 1 <= len(option["description"]) <= 100, (payload["path"], option["name"])
            assert option["description"] != "…", (payload["path"], option["name"])
            assert len(option.get("choices", [])) <= 25
    assert {
        "video generate",
        "video extend",
        "video edit",
        "video animate",
        "video get",
        "video cancel",
        "video jobs",
        "video history",
        "video models",
        "quota show",
        "server quota set",
        "server quota clear",
        "server quota list",
        "server budget",
        "server pause",
        "server resume",
        "server usage",
        "server unknown",
        "server people",
        "server setup",
        "video chain",
        "showcase add",
        "privacy show",
        "help",
    } <= names


async def test_options_are_those_of_the_design() -> None:
    options = {
        payload["path"]: [option["name"] for option in payload["options"]]
        for payload in every_command(await tree_of())
    }
    assert set(options["video generate"]) == {
        "prompt",
        "negative_prompt",
        "model",
        "aspect_ratio",
        "resolution",
        "duration",
        "seed",
        "image",
        "last_frame",
        "reference_1",
        "reference_2",
        "reference_3",
        "reference_4",
        "reference_5",
        "reference_6",
        "videos",
        "style",
        "camera",
        "fit",
        "cuts",
    }
    assert options["video extend"] == ["clip", "prompt", "duration", "resolution"]
    references = [f"reference_{number}" for number in range(1, 7)]
    assert options["video edit"] == ["clip", "prompt", *references, "resolution", "model"]
    assert options["video animate"][:2] == ["image", "prompt"]


async def test_server_commands_need_manage_guild() -> None:
    tree = await tree_of()
    for command in tree.get_commands():
        payload = command.to_dict(tree)
        if payload["name"] == "server":
            asked = discord.Permissions(int(payload["default_member_permissions"]))
            assert asked == discord.Permissions(manage_guild=True)
            assert payload["contexts"] == [0]


async def test_menus_have_their_names() -> None:
    tree = await tree_of()
    menus = tree.get_commands(type=discord.AppCommandType.message)
    names = ("animate", "edit", "extend", "showcase")
    expected = {quote_text(f"menu.{name}") for name in names}
    assert {menu.name for menu in menus} == expected
    assert len(menus) <= 5
