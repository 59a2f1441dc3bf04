"""Reports of clips: what the staff, the reporter, the creator and the server's owner read."""

import discord
from discord import ui

from bot.domain.clips.clip import Clip
from bot.domain.guild import GuildRules
from bot.domain.moderation.report import (
    ReportCase,
    ReportDecision,
    ReportNotice,
)
from bot.i18n.catalogs import translate
from bot.i18n.formatting import build_jump_link, format_clip_number, sanitize_text
from bot.ui.components import (
    ACCENT_COLOR,
    ActionButton,
    build_action_row,
    build_button,
    build_view,
)
from bot.ui.custom_ids import ButtonAction


def build_report_view(case: ReportCase, clip: Clip | None, locale: str | None) -> ui.LayoutView:
    """Return the staff's message about a clip. ``clip`` is `None` once it is deleted."""
    number = format_clip_number(case.clip_id, None if clip is None else build_jump_link(clip))
    lines = [
        translate("report.title", locale, clip=number),
        translate("report.count", locale, count=case.report_count),
        translate("report.creator", locale, member=f"<@{case.creator_id}>"),
        *_list_results(case, clip, locale),
    ]
    container: ui.Container[ui.LayoutView] = ui.Container(
        ui.TextDisplay("\n".join(lines)), accent_color=ACCENT_COLOR
    )
    buttons = _list_buttons(case, clip, locale)
    if buttons:
        container.add_item(build_action_row(*buttons))
    return build_view(container)


def _list_results(case: ReportCase, clip: Clip | None, locale: str | None) -> list[str]:
    lines = []
    if case.decision is not None:
        key = f"report.{case.decision}"
        who = "" if case.decided_by is None else f"<@{case.decided_by}>"
        lines.append(translate(key if who else f"{key}.unknown", locale, who=who))
    elif clip is None:
        lines.append(translate("report.delete.unknown", locale))
    elif case.is_hidden:
        lines.append(translate("report.hidden_by_itself", locale))
    if case.creator_blocked_by is not None:
        who = f"<@{case.creator_blocked_by}>"
        lines.append(translate("report.blocked", locale, who=who))
    return lines


def _list_buttons(case: ReportCase, clip: Clip | None, locale: str | None) -> list[ActionButton]:
    """Return the buttons for what can still be decided."""
    if clip is None or case.decision in (ReportDecision.DELETE, ReportDecision.DISMISS):
        return []
    is_hidden = case.decision is ReportDecision.HIDE
    actions = [
        *([] if is_hidden else [ButtonAction.REPORT_HIDE]),
        ButtonAction.REPORT_DELETE,
        *([] if case.creator_blocked_by is not None else [ButtonAction.REPORT_BLOCK]),
        ButtonAction.REPORT_SHOW if is_hidden else ButtonAction.REPORT_DISMISS,
    ]
    return [
        build_button(action, case.clip_id, locale, danger=action is ButtonAction.REPORT_DELETE)
        for action in actions
    ]


def describe_lost_race(case: ReportCase, locale: str | None) -> str:
    """Return what somebody else has decided first."""
    if case.decided_by is None:
        return translate("report.too_late.unknown", locale)
    return translate("report.too_late", locale, who=f"<@{case.decided_by}>")


def format_notice(notice: ReportNotice, server: str, locale: str | None) -> str:
    """Return the text of a direct message."""
    name = discord.utils.escape_markdown(sanitize_text(server))
    key = f"report.notice.{notice.kind}"
    return translate(key, locale, server=name, clip=f"#{notice.clip_id}")


def describe_report_rules(rules: GuildRules, locale: str | None, *, is_public: bool) -> str:
    """Return where reports are posted, and how many hide a clip by themselves in a server.

    ``is_public`` says that every member can read that channel.
    """
    channel, limit = rules.staff_channel, rules.reports_to_hide
    lines = [
        translate("server.reports.no_channel", locale)
        if channel is None
        else translate("server.reports.channel", locale, channel=f"<#{channel}>"),
        translate("server.reports.off", locale)
        if limit == 0
        else translate("server.reports.limit", locale, count=limit),
    ]
    if channel is not None and is_public:
        lines.append(translate("server.staff.public", locale, staff=f"<#{channel}>"))
    return "\n".join(lines)
