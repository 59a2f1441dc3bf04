"""Acts as Discord users through the sandbox's control API, and changes guilds.

Users, channels, roles and guilds are given by name ("Cem", "clips") or id. A refused call raises
`ControlRefused` with the sandbox's message.
"""

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.harness.waiting import stretch_timeout

Json = dict[str, Any]


class ControlRefused(Exception):
    """The sandbox refused a control call, because Discord would not allow that either."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path}: {status}: {body}")
        self.status = status


class People:
    """The part of the control API's client that acts as users. Close it at the end.

    ``authority`` is the certificate file to trust, if the sandbox serves https.
    """

    def __init__(self, url: str, *, authority: str | None = None) -> None:
        self.url = url.rstrip("/")
        trust = True if authority is None else ssl.create_default_context(cafile=authority)
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver(), ssl=trust),
            timeout=aiohttp.ClientTimeout(total=stretch_timeout(120)),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """Make a call and return its JSON. Raises `ControlRefused`."""
        url = f"{self.url}/{path}"
        async with self._http.request(method, url, json=body, params=query) as response:
            if response.status >= 400:
                raise ControlRefused(method, path, response.status, await response.text())
            return await response.json()

    # Using the bot.

    async def command(
        self,
        user: str,
        channel: str,
        command: str,
        options: Mapping[str, Any] | None = None,
        *,
        attachments: Mapping[str, Path | str] | None = None,
        locale: str | None = None,
    ) -> str:
        """Send a slash command ("video generate"); return the interaction's id."""
        body: Json = {
            "user": user,
            "channel": channel,
            "command": command,
            "options": dict(options or {}),
            "attachments": {name: str(path) for name, path in (attachments or {}).items()},
        }
        return await self._interact("commands", body | drop_unset(locale=locale))

    async def command_series(
        self,
        users: Sequence[str],
        channel: str,
        command: str,
        options: Mapping[str, Any],
        *,
        count: int,
        per_second: int,
    ) -> Json:
        """Use a command at a fixed rate; return ``{acknowledged_ms: [], late_ms: []}``."""
        body: Json = {"users": list(users), "channel": channel, "command": command}
        body |= {"options": dict(options), "count": count, "per_second": per_second}
        series: Json = await self.call("POST", "command-series", body)
        return series

    async def context_menu(self, user: str, command: str, message: str) -> str:
        """Use an entry of a message's context menu; return the interaction's id."""
        body = {"user": user, "command": command, "message": message}
        return await self._interact("context-menus", body)

    async def component(
        self, user: str, message: str, custom_id: str, values: Sequence[str] | None = None
    ) -> str:
        """Press a button or choose from a select; return the interaction's id."""
        body: Json = {"user": user, "message": message, "custom_id": custom_id}
        return await self._interact("components", body | drop_unset(values=values))

    async def modal(self, user: str, interaction: str, fields: Mapping[str, Any]) -> str:
        """Submit the modal that an interaction opened; return the new interaction's id."""
        body = {"user": user, "interaction": interaction, "fields": dict(fields)}
        return await self._interact("modals", body)

    async def autocomplete(
        self, user: str, channel: str, command: str, options: Mapping[str, Any], focused: str
    ) -> list[Json]:
        """Type in an option; return the suggested choices."""
        body = {
            "user": user,
            "channel": channel,
            "command": command,
            "options": dict(options),
            "focused": focused,
        }
        choices: list[Json] = (await self.call("POST", "autocomplete", body))["choices"]
        return choices

    async def _interact(self, path: str, body: Json) -> str:
        return str((await self.call("POST", path, body))["interaction"]["id"])

    # Messages.

    async def message(
        self,
        user: str,
        channel: str,
        content: str,
        *,
        reply_to: str | None = None,
        ping: bool = True,
        attachments: Sequence[Path | str] = (),
    ) -> str:
        """Write a message or a reply; return its id."""
        body: Json = {
            "user": user,
            "channel": channel,
            "content": content,
            "ping": ping,
            "attachments": [str(path) for path in attachments],
        }
        answer = await self.call("POST", "messages", body | drop_unset(reply_to=reply_to))
        return str(answer["message"]["id"])

    async def edit_message(self, user: str, message: str, content: str) -> None:
        """Edit a user's own message."""
        await self.call("PATCH", f"messages/{message}", {"user": user, "content": content})

    async def delete_message(self, user: str, message: str) -> None:
        """Delete a message."""
        await self.call("DELETE", f"messages/{message}", query={"user": user})

    async def reaction(
        self, user: str, message: str, emoji: str, *, remove: bool = False, is_super: bool = False
    ) -> None:
        """Add or remove a reaction, or a super reaction."""
        body: Json = {"user": user, "message": message, "emoji": emoji, "remove": remove}
        body["super"] = is_super
        await self.call("POST", "reactions", body)

    async def thread(self, user: str, name: str, **options: Any) -> str:
        """Open a thread (``message`` or ``channel``, ``private, content, tags``); return its id."""
        answer = await self.call("POST", "threads", {"user": user, "name": name, **options})
        return str(answer["channel"]["id"])

    # Guilds.

    async def add_guild(self, name: str, **more: Any) -> Json:
        """Add a guild: ``owner, members, channels, permissions, boost_tier, locale, bot`` …"""
        guild: Json = (await self.call("POST", "guilds", {"name": name, **more}))["guild"]
        return guild

    async def change_guild(self, guild: str, **change: Any) -> Json:
        """Change ``name, boost_tier, locale, bot, permissions`` (those of the bot's role)."""
        changed: Json = (await self.call("PATCH", f"guilds/{guild}", change))["guild"]
        return changed

    async def add_member(self, guild: str, user: str, **more: Any) -> Json:
        """Let a user, created if unknown, join: ``roles, nick, locale``."""
        body = {"user": user, **more}
        member: Json = (await self.call("POST", f"guilds/{guild}/members", body))["member"]
        return member

    async def remove_member(self, guild: str, user: str) -> None:
        """Let a user leave."""
        await self.call("DELETE", f"guilds/{guild}/members/{user}")

    async def add_role(self, guild: str, name: str, permissions: Sequence[str] = ()) -> Json:
        """Add a role with permissions by Discord's names."""
        body = {"name": name, "permissions": list(permissions)}
        role: Json = (await self.call("POST", f"guilds/{guild}/roles", body))["role"]
        return role

    async def add_channel(self, guild: str, name: str, **more: Any) -> Json:
        """Add a channel: ``type`` ("text", "forum", "voice"), ``nsfw, topic, parent`` …"""
        body = {"name": name, **more}
        channel: Json = (await self.call("POST", f"guilds/{guild}/channels", body))["channel"]
        return channel

    async def change_channel(self, channel: str, **change: Any) -> Json:
        """Change ``name, nsfw, topic, overwrites``; of a thread ``archived, locked``."""
        changed: Json = (await self.call("PATCH", f"channels/{channel}", change))["channel"]
        return changed

    async def delete_channel(self, channel: str) -> None:
        """Delete a channel or thread."""
        await self.call("DELETE", f"channels/{channel}")

    async def change_user(self, user: str, **change: Any) -> Json:
        """Change ``locale, accepts_dms, nitro``."""
        changed: Json = (await self.call("PATCH", f"users/{user}", change))["user"]
        return changed

    async def grant_intents(self, *names: str) -> None:
        """Grant the application exactly these privileged intents."""
        await self.call("PATCH", "application", {"privileged_intents": list(names)})


def drop_unset(**values: Any) -> Json:
    """Return ``values`` without those that are `None`."""
    return {name: value for name, value in values.items() if value is not None}
