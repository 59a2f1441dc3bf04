"""A server's staff channel as text: what comes there, what waits, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.i18n.catalogs import translate
from bot.services.moderation.staff_channel import StaffChannelStatus
from bot.ui.error_messages import name_permissions


@dataclass(frozen=True, slots=True)
class StaffChannelAccess:
    """Which permissions the bot lacks in a staff channel, and who else can read it.

    ``missing`` is `None` if the bot cannot see the channel. With ``hides_clips`` it is not
    age-restricted, and the bot makes clips in channels that are.
    """

    missing: Sequence[str] | None = ()
    is_public: bool = False
    hides_clips: bool = False


def describe_staff_channel(
    status: StaffChannelStatus, access: StaffChannelAccess, locale: str | None
) -> str:
    channel_id = status.rules.staff_channel
    if channel_id is None:
        lines = [translate("server.staff.none", locale)]
    else:
        lines = [
            translate("server.staff.set", locale, staff=f"<#{channel_id}>"),
            *list_staff_warnings(channel_id, access, locale),
        ]
    for key, count in (
        ("server.review.waiting", status.waiting_clips),
        ("server.review.unseen", status.unseen_clips),
        ("server.staff.reports", status.open_reports),
        ("server.staff.requests", status.waiting_requests),
    ):
        if count:
            lines.append(translate(key, locale, count=count))
    return "\n".join(lines)


def list_staff_warnings(
    channel_id: int, access: StaffChannelAccess, locale: str | None
) -> list[str]:
    """Return what keeps things from coming to the staff channel, and who else reads them there."""
    if access.missing is None or access.missing:
        return [describe_unusable_channel(channel_id, access.missing, locale)]
    warnings = (
        ("server.staff.public", access.is_public),
        ("server.staff.for_everybody", access.hides_clips),
    )
    return [
        translate(key, locale, staff=f"<#{channel_id}>") for key, applies in warnings if applies
    ]


def describe_unusable_channel(
    channel_id: int, missing: Sequence[str] | None, locale: str | None
) -> str:
    """Return why a channel cannot be the staff channel. The bot cannot see it without a list."""
    staff = f"<#{channel_id}>"
    if missing is None:
        return translate("server.staff.unseen", locale, staff=staff)
    names = name_permissions(missing, locale)
    return translate("server.staff.lacking", locale, staff=staff, missing=names)
