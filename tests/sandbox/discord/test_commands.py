"""Registering commands: what Discord accepts, refuses and returns."""

from typing import Any

import pytest

from tests.sandbox.discord.discord_harness import PING, DiscordHarness, HttpResult

Json = dict[str, Any]
MENU: Json = {"name": "Prolong this", "type": 3}


def option(name: str = "prompt", kind: int = 3, **more: Any) -> Json:
    return {"type": kind, "name": name, "description": "What", **more}


def command(*options: Json, **more: Any) -> Json:
    return PING | {"options": list(options)} | more


async def put(harness: DiscordHarness, *commands: Json, guild: str = "") -> HttpResult:
    path = f"/applications/{harness.world.app.id}{guild}/commands"
    return await harness.bot("PUT", path, list(commands))


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (PING | {"name": "Ping"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        (PING | {"name": "my ping"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        (PING | {"name": "x" * 33}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"description": "x"}, "name", "BASE_TYPE_REQUIRED"),
        (PING | {"description": ""}, "description", "BASE_TYPE_REQUIRED"),
        (PING | {"description": "x" * 101}, "description", "BASE_TYPE_BAD_LENGTH"),
        (PING | {"type": 9}, "type", "BASE_TYPE_CHOICES"),
        (MENU | {"description": "x"}, "description", "APPLICATION_COMMAND_DESCRIPTION_NOT_ALLOWED"),
        (MENU | {"options": [option()]}, "options", "APPLICATION_COMMAND_OPTIONS_NOT_ALLOWED"),
        (
            PING | {"name_localizations": {"xx": "ping"}},
            "name_localizations.xx",
            "ENUM_TYPE_COERCE",
        ),
        (
            PING | {"name_localizations": {"de": "Ping"}},
            "name_localizations.de",
            "APPLICATION_COMMAND_INVALID_NAME",
        ),
        (
            PING | {"description_localizations": {"de": "x" * 101}},
            "description_localizations.de",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (PING | {"contexts": [3]}, "contexts", "BASE_TYPE_CHOICES"),
        (PING | {"integration_types": []}, "integration_types", "BASE_TYPE_BAD_LENGTH"),
        (
            command(option(), option("second", required=True)),
            "options.1",
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (command(*(option(f"o{n}") for n in range(26))), "options", "BASE_TYPE_MAX_LENGTH"),
        (
            command(option(), option()),
            "options.1.name",
            "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
        ),
        (command(option("Prompt")), "options.0.name", "APPLICATION_COMMAND_INVALID_NAME"),
        (command(option(kind=12)), "options.0.type", "BASE_TYPE_CHOICES"),
        (command(option(description="")), "options.0.description", "BASE_TYPE_REQUIRED"),
        (
            command(option(choices=[{"name": str(n), "value": str(n)} for n in range(26)])),
            "options.0.choices",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            command(option(choices=[{"name": "a", "value": "a"}, {"name": "b", "value": "a"}])),
            "options.0.choices.1.value",
            "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE_ALREADY_EXISTS",
        ),
        (
            command(option(choices=[{"name": "x" * 101, "value": "a"}])),
            "options.0.choices.0.name",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            command(option(kind=4, choices=[{"name": "a", "value": "a"}])),
            "options.0.choices.0.value",
            "NUMBER_TYPE_COERCE",
        ),
        (
            command(option(kind=5, choices=[{"name": "a", "value": "a"}])),
            "options.0.choices",
            "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID",
        ),
        (
            command(option(autocomplete=True, choices=[{"name": "a", "value": "a"}])),
            "options.0.autocomplete",
            "APPLICATION_COMMAND_AUTOCOMPLETE_INVALID",
        ),
        (command(option(max_length=6001)), "options.0.max_length", "NUMBER_TYPE_MAX"),
        (command(option(min_length=9, max_length=8)), "options.0.min_length", "NUMBER_TYPE_MAX"),
        (
            command(option("group", 2, options=[option("leaf")])),
            "options.0.options",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (
            command(option("sub", 1, options=[option("deeper", 1)])),
            "options.0.options.0.type",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (
            command(option("sub", 1), option("leaf")),
            "options",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (
            command(
                *(
                    option(
                        f"o{n}",
                        choices=[{"name": f"{i}" + "x" * 90, "value": str(i)} for i in range(25)],
                    )
                    for n in range(4)
                ),
                option("last", description="x" * 100),
            ),
            None,
            "",
        ),
    ],
)
async def test_invalid_commands_are_refused(
    harness: DiscordHarness, body: Json, path: str | None, code: str
) -> None:
    answer = await put(harness, body)
    if path is None:
        answer.assert_field_error("0", "APPLICATION_COMMAND_TOO_LARGE")
    else:
        answer.assert_field_error(f"0.{path}", code)
    assert harness.world.commands.list_commands(None) == []


async def test_the_longest_localization_counts(harness: DiscordHarness) -> None:
    def big(german: int) -> Json:
        longest: Json = {"description_localizations": {"de": "x" * german, "fr": "y"}}
        branches = [
            option(f"s{n}", 1, options=[option(f"o{i}", **longest) for i in range(25)])
            for n in range(4)
        ]
        return command(*branches)

    (await put(harness, big(70))).ok()
    refused = await put(harness, big(80))
    refused.assert_field_error("0", "APPLICATION_COMMAND_TOO_LARGE")


async def test_command_count_limits(harness: DiscordHarness) -> None:
    (await put(harness, *(PING | {"name": f"c{n}"} for n in range(100)))).ok()
    (await put(harness, *(PING | {"name": f"c{n}"} for n in range(101)))).assert_error(400, 30032)
    (await put(harness, *(MENU | {"name": f"M {n}"} for n in range(16)))).assert_error(400, 30032)
    assert len(harness.world.commands.list_commands(None)) == 100
    (await put(harness, PING, PING)).assert_field_error(
        "1.name", "APPLICATION_COMMANDS_DUPLICATE_NAME"
    )
    (await put(harness, PING, {"name": "ping", "type": 3})).ok()


async def test_command_names_in_any_script_in_lower_case(harness: DiscordHarness) -> None:
    await harness.register(
        *(PING | {"name": name} for name in ("生成", "動画", "größe", "สร้าง", "वीडियो"))
    )
    (await put(harness, PING | {"name": "GRÖSSE"})).assert_error(400, 50035)


async def test_commands_are_returned_complete_and_keep_their_ids(harness: DiscordHarness) -> None:
    full = command(
        option(required=True, name_localizations={"de": "text"}, max_length=2000),
        option("clip", autocomplete=True),
        option("seed", 4, min_value=0, max_value=2**32 - 1),
        default_member_permissions=32,
        contexts=[0, 1, 2],
        integration_types=[0, 1],
        description_localizations={"de": "Antwortet"},
    )
    first = (await put(harness, full, MENU)).ok()
    assert first[0]["description"] == "Answers"
    assert first[1]["description"] == ""
    assert first[0]["default_member_permissions"] == "32"
    assert first[0]["options"][0]["max_length"] == 2000
    again = (await put(harness, full, MENU | {"name": "Other"})).ok()
    assert [c["id"] == d["id"] for c, d in zip(first, again, strict=True)] == [True, False]
    assert again[0]["version"] == first[0]["version"]
    changed = (await put(harness, full | {"description": "New"})).ok()
    assert changed[0]["id"] == first[0]["id"]
    assert changed[0]["version"] != first[0]["version"]


async def test_single_commands_and_guild_commands(harness: DiscordHarness) -> None:
    base = f"/applications/{harness.world.app.id}"
    guild = f"/guilds/{next(iter(harness.world.guilds))}"
    created = await harness.bot("POST", f"{base}/commands", PING)
    assert created.status == 201
    assert (await harness.bot("POST", f"{base}/commands", PING)).status == 200
    one = f"{base}/commands/{created.json['id']}"
    assert (await harness.bot("PATCH", one, {"description": "New"})).ok()["description"] == "New"
    assert (await harness.bot("GET", one)).ok()["name"] == "ping"
    assert len((await put(harness, PING | {"name": "here"}, guild=guild)).ok()) == 1
    listed = (await harness.bot("GET", f"{base}{guild}/commands")).ok()
    assert listed[0]["guild_id"] == guild.rsplit("/", 1)[-1]
    (await harness.bot("DELETE", one)).ok()
    (await harness.bot("DELETE", one)).assert_error(404, 10063)
    (await harness.bot("GET", "/applications/1/commands")).assert_error(404, 10002)
    (await put(harness, guild="/guilds/1")).assert_error(404, 10004)
