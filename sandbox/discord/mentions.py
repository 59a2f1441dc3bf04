"""Finds the mentions in a message's text that its ``allowed_mentions`` permit.

Rules: https://docs.discord.com/developers/resources/message#allowed-mentions-object
"""

import re
from dataclasses import dataclass

from sandbox.discord.form_fields import FormFields

_USER_PATTERN = re.compile(r"<@!?(\d{1,20})>")
_ROLE_PATTERN = re.compile(r"<@&(\d{1,20})>")
_EVERYONE_PATTERN = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class AllowedMentions:
    """What may be mentioned. None instead of ids means all of that kind."""

    users: frozenset[int] | None = None
    roles: frozenset[int] | None = None
    everyone: bool = True
    replied_user: bool = True

    def mentioned_users(self, text: str) -> list[int]:
        """Return users named in a text that may be mentioned, in order."""
        return _filter_allowed(_USER_PATTERN.findall(text), self.users)

    def mentioned_roles(self, text: str) -> list[int]:
        """Return roles named in a text that may be mentioned, in order."""
        return _filter_allowed(_ROLE_PATTERN.findall(text), self.roles)

    def mentions_everyone(self, text: str) -> bool:
        return self.everyone and _EVERYONE_PATTERN.search(text) is not None


def _filter_allowed(ids: list[str], allowed: frozenset[int] | None) -> list[int]:
    unique = dict.fromkeys(int(i) for i in ids)
    return [i for i in unique if allowed is None or i in allowed]


def read_allowed_mentions(fields: FormFields) -> AllowedMentions | None:
    """Return the ``allowed_mentions`` of a body; None for Discord's default."""
    body = fields.child_object("allowed_mentions")
    if body is None:
        return None
    parse: set[str] = set()
    for index, kind in enumerate(body.items("parse") or []):
        if kind not in {"users", "roles", "everyone"}:
            body.errors.add_error(
                (*body.path, "parse", index),
                "BASE_TYPE_CHOICES",
                "Value must be one of ('users', 'roles', 'everyone').",
            )
        else:
            parse.add(kind)
    ids: dict[str, frozenset[int] | None] = {}
    for kind in ("users", "roles"):
        listed = body.snowflakes(kind, high=100) or []
        if kind in parse and listed:
            body.add_error(
                "parse",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
            )
        ids[kind] = None if kind in parse else frozenset(listed)
    return AllowedMentions(
        users=ids["users"],
        roles=ids["roles"],
        everyone="everyone" in parse,
        replied_user=body.boolean("replied_user"),
    )
