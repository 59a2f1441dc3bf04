"""The people of the sandbox, who use a bot in a test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sandbox.testing.calls import WITHIN_S, ControlCalls, Json, wait_for_result

_LOADING: Final = 1 << 7


class InteractionNotAnswered(Exception):
    """The bot did not acknowledge the interaction within Discord's three seconds."""


class PersonInteraction:
    """A command, a button, a select or a form that a person has used."""

    def __init__(self, calls: ControlCalls, interaction_id: str) -> None:
        self.id = interaction_id
        self._calls = calls

    async def read(self) -> Json:
        """Return ``{state, acknowledged_ms, messages, modal?, choices?}``."""
        state: Json = await self._calls.send("GET", f"interactions/{self.id}")
        return state

    async def wait_for(
        self, predicate: Callable[[Json], bool], *, within_s: float = WITHIN_S
    ) -> Json:
        """Return the interaction when ``predicate`` holds for it.

        Raises TimeoutError, and InteractionNotAnswered if Discord's time has passed.
        """

        async def find() -> Json | None:
            state = await self.read()
            if state["state"] == "failed" and state["acknowledged_ms"] is None:
                raise InteractionNotAnswered(f"{state['command'] or 'it'} was not acknowledged")
            return state if predicate(state) else None

        return await wait_for_result(
            find, within_s=within_s, what=f"answer to interaction {self.id}"
        )

    async def wait_for_answer(self, *, within_s: float = WITHIN_S) -> Json:
        """Return the newest message of the answer that is more than "thinking…"."""
        state = await self.wait_for(lambda state: bool(_list_answers(state)), within_s=within_s)
        return _list_answers(state)[-1]

    async def wait_for_form(self, *, within_s: float = WITHIN_S) -> Json:
        """Return the form (modal) that the bot has opened."""
        form: Json = (await self.wait_for(lambda state: "modal" in state, within_s=within_s))[
            "modal"
        ]
        return form


class SandboxPerson:
    """One member, by name or id. Channels are given by name or id, too."""

    def __init__(self, calls: ControlCalls, name: str) -> None:
        self.name = name
        self._calls = calls

    async def use_command(
        self,
        command: str,
        *,
        channel: str = "general",
        options: Json | None = None,
        files: dict[str, Path] | None = None,
        locale: str | None = None,
    ) -> PersonInteraction:
        """Use a slash command (``"order"``, ``"order list"``). ``files`` are options, too."""
        attachments = {option: str(path.absolute()) for option, path in (files or {}).items()}
        body: Json = {"channel": channel, "command": command, "options": options or {}}
        return await self._interact("commands", **body, attachments=attachments, locale=locale)

    async def complete_option(
        self, command: str, focused: str, *, channel: str = "general", options: Json | None = None
    ) -> list[Json]:
        """Return the choices that the bot offers for the option ``focused``."""
        body: Json = {"user": self.name, "channel": channel, "command": command}
        body |= {"options": options or {}, "focused": focused}
        choices: list[Json] = (await self._calls.send("POST", "autocomplete", body))["choices"]
        return choices

    async def use_menu(
        self, command: str, *, message: Json | None = None, person: str | None = None, **more: str
    ) -> PersonInteraction:
        """Use a command of the menu of a message or a person (then with ``channel``)."""
        subject = {"target": person} if message is None else {"message": message["id"]}
        return await self._interact("context-menus", command=command, **subject, **more)

    async def press(
        self, message: Json, button: str, *, values: list[str] | None = None
    ) -> PersonInteraction:
        """Press a button, by label or custom id; in a select choose ``values``."""
        custom_id = next(
            (
                part["custom_id"]
                for part in _walk_components(message["components"])
                if "custom_id" in part and button in (part.get("label"), part["custom_id"])
            ),
            button,
        )
        body: Json = {"message": message["id"], "custom_id": custom_id}
        return await self._interact("components", **body, values=values)

    async def submit_form(self, interaction: PersonInteraction, fields: Json) -> PersonInteraction:
        """Submit the form with which the bot answered. Fields are named by label or custom id."""
        form = await interaction.wait_for_form()
        ids = _find_field_ids(form["components"])
        values = {ids.get(name, name): value for name, value in fields.items()}
        return await self._interact("modals", interaction=interaction.id, fields=values)

    async def write(
        self,
        content: str = "",
        *,
        channel: str | None = None,
        reply_to: Json | None = None,
        files: list[Path] | None = None,
    ) -> Json:
        """Write a message, or a reply, which needs no ``channel``."""
        body: Json = {"user": self.name, "content": content}
        if reply_to is not None:
            body["reply_to"] = reply_to["id"]
        if channel is not None or reply_to is None:
            body["channel"] = channel or "general"
        body["attachments"] = [str(path.absolute()) for path in files or []]
        message: Json = (await self._calls.send("POST", "messages", body))["message"]
        return message

    async def react(self, message: Json, emoji: str, *, remove: bool = False) -> None:
        """Add a reaction, or take it back."""
        body = {"user": self.name, "message": message["id"], "emoji": emoji, "remove": remove}
        await self._calls.send("POST", "reactions", body)

    async def _interact(self, path: str, **body: object) -> PersonInteraction:
        given = {name: value for name, value in body.items() if value is not None}
        answer: Json = await self._calls.send("POST", path, {"user": self.name, **given})
        return PersonInteraction(self._calls, answer["interaction"]["id"])


class SandboxPeople:
    """``people["Ada"]`` is a person of the world."""

    def __init__(self, calls: ControlCalls) -> None:
        self._calls = calls

    def __getitem__(self, name: str) -> SandboxPerson:
        return SandboxPerson(self._calls, name)

    async def add(self, name: str, *, server: str | None = None, **member: object) -> SandboxPerson:
        """Create a person, and make them a member of ``server`` with ``roles``, ``nick``, …"""
        await self._calls.send("POST", "users", {"name": name})
        if server is not None:
            body: Json = {"guild": server, "user": name, **member}
            await self._calls.send("POST", "members", body)
        return self[name]


def _list_answers(state: Json) -> list[Json]:
    return [
        message
        for message in state["messages"]
        if not int(message.get("flags") or 0) & _LOADING
        and any(message.get(part) for part in ("content", "components", "embeds", "attachments"))
    ]


def _walk_components(components: list[Json]) -> Iterator[Json]:
    for part in components:
        yield part
        yield from _walk_components(part.get("components") or [])
        if accessory := part.get("accessory"):
            yield accessory


def _find_field_ids(components: list[Json]) -> dict[str, str]:
    """Return the custom ids of a form's fields by their labels."""
    ids: dict[str, str] = {}
    for part in _walk_components(components):
        field = part.get("component") or part
        if "label" in part and "custom_id" in field:
            ids[part["label"]] = field["custom_id"]
    return ids
