"""Reviews of clips as text: what was decided, and a server's rules for them."""

from bot.domain.guild import GuildRules, ReviewScope
from bot.domain.jobs.job import Job
from bot.i18n.catalogs import translate
from bot.ui.staff_channel import StaffChannelAccess, list_staff_warnings


def describe_decision(job: Job, decided_by: int | None, locale: str | None) -> str:
    """Return what was decided about a job's clips, and by whom; never what they show."""
    if job.review is None or job.review.is_undecided:  # shown elsewhere since then
        return translate("review.moved", locale)
    return translate(
        f"review.decided.{job.review}",
        locale,
        who=f"<@{decided_by}>",
        member=f"<@{job.origin.user_id}>",
    )


def describe_hidden_review(job: Job, locale: str | None) -> str:
    """Return that moderators cannot see a clip in a channel that is not age-restricted."""
    return translate(
        "review.age_restricted",
        locale,
        member=f"<@{job.origin.user_id}>",
        channel=f"<#{job.origin.channel_id}>",
    )


def describe_review_rules(
    rules: GuildRules, access: StaffChannelAccess, locale: str | None, *, waiting: int, unseen: int
) -> str:
    """Return whose clips moderators see first, where, and how many wait.

    ``unseen`` of the waiting clips could not be shown in the staff channel.
    """
    channel = f"<#{rules.staff_channel}>"
    scope = rules.review_scope
    lacks_role = scope is ReviewScope.UNTRUSTED and rules.trusted_role is None
    key = f"server.review.{ReviewScope.EVERYONE if lacks_role else scope}"
    lines = [
        translate(
            key,
            locale,
            staff=channel,
            role=f"<@&{rules.trusted_role}>",
            channel=f"<#{rules.review_channel}>",
        )
    ]
    if lacks_role:
        lines.append(translate("server.review.no_role", locale))
    if rules.staff_channel is None:
        lines.append(translate("server.staff.missing", locale))
    if waiting:
        lines.append(translate("server.review.waiting", locale, count=waiting))
    if unseen:
        lines.append(translate("server.review.unseen", locale, count=unseen))
    if rules.staff_channel is not None and scope is not ReviewScope.OFF:
        lines += list_staff_warnings(rules.staff_channel, access, locale)
    return "\n".join(lines)
