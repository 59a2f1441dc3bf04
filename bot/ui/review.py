"""Reviews of clips as text: what was decided, and a server's rules for them."""

from bot.domain.guild import GuildRules, ReviewScope
from bot.domain.jobs.job import Job
from bot.i18n.catalogs import translate


def describe_decision(job: Job, decided_by: int | None, locale: str | None) -> str:
    """Return what was decided about a job's clips, and by whom; never what they show."""
    return translate(
        f"review.decided.{job.review}",
        locale,
        who=f"<@{decided_by}>",
        member=f"<@{job.origin.user_id}>",
    )


def describe_review_rules(
    rules: GuildRules, locale: str | None, *, waiting: int, unseen: int, is_public: bool
) -> str:
    """Return whose clips moderators see first, where, and how many wait.

    ``unseen`` of the waiting clips could not be shown in the staff channel. ``is_public`` says
    that every member can read that channel.
    """
    channel = f"<#{rules.staff_channel}>"
    scope = rules.review_scope
    key = f"server.review.{scope}"
    if scope is ReviewScope.UNTRUSTED and rules.trusted_role is None:
        key = f"server.review.{ReviewScope.EVERYONE}"
    lines = [
        translate(
            key,
            locale,
            staff=channel,
            role=f"<@&{rules.trusted_role}>",
            channel=f"<#{rules.review_channel}>",
        )
    ]
    if scope is ReviewScope.OFF and rules.staff_channel is not None:
        lines.append(translate("server.review.staff_channel", locale, staff=channel))
    if waiting:
        lines.append(translate("server.review.waiting", locale, count=waiting))
    if unseen:
        lines.append(translate("server.review.unseen", locale, count=unseen))
    if is_public and scope is not ReviewScope.OFF:
        lines.append(translate("server.review.public", locale, staff=channel))
    return "\n".join(lines)
