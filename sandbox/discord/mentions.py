"""Who a message really mentions: what its text names and its author allows.

Rules: https://docs.discord.com/developers/resources/message#allowed-mentions-object
"""

import re
from dataclasses import dataclass

from sandbox.discord.form import Fields

_USER = re.compile(r"<@!?(\d{1,20})>")
_ROLE = re.compile(r"<@&(\d{1,20})>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class AllowedMentions:
    """What may be mentioned. ``None`` for ids means all of that kind."""

    users: frozenset[int] | None = None
    roles: frozenset[int] | None = None
    everyone: bool = True
    replied_user: bool = True

    def users_in(self, text: str) -> list[int]:
        """Users named in a text that may be mentioned, in order."""
        return _allowed(_USER.findall(text), self.users)

    def roles_in(self, text: str) -> list[int]:
        """Roles named in a text that may be mentioned, in order."""
        return _allowed(_ROLE.findall(text), self.roles)

    def everyone_in(self, text: str) -> bool:
        return self.everyone and _EVERYONE.search(text) is not None


def _allowed(ids: list[str], allowed: frozenset[int] | None) -> list[int]:
    found = dict.fromkeys(int(i) for i in ids)
    return [i for i in found if allowed is None or i in allowed]


def read_allowed_mentions(fields: Fields) -> AllowedMentions | None:
    """The ``allowed_mentions`` of a body; None when it leaves Discord's default."""
    body = fields.child("allowed_mentions")
    if body is None:
        return None
    parse: set[str] = set()
    for index, kind in enumerate(body.items("parse") or []):
        if kind not in {"users", "roles", "everyone"}:
            body.errors.add(
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
            body.wrong(
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
