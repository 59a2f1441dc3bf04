"""What the showcase looks like in Discord: a post's card, the weekly digest, lists."""

from collections.abc import Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.post import (
    STAR_EMOJI,
    AuditAction,
    AuditEntry,
    CreatorPreferences,
    ShowcasePost,
    ShowcaseSettings,
    WeeklyDigest,
)
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    build_jump_link,
    format_excerpt,
    format_prompt,
    format_timestamp,
    join_fitting_lines,
    sanitize_text,
)
from bot.ui.clip_card import build_file_name, describe_lineage
from bot.ui.components import build_action_row, build_button, build_view
from bot.ui.custom_ids import ButtonAction
from bot.ui.model_info import ModelInfoSource

_GOLD_COLOUR: Final = 0xE0A526


class ShowcaseCards:
    def __init__(self, *, model_info: ModelInfoSource) -> None:
        self._model_info = model_info

    def build_post_card(self, post: ShowcasePost, *, with_file: bool) -> ui.LayoutView:
        """Return a post's card, with or without the attachment named by `build_file_name`."""
        entry, clip, locale = post.entry, post.entry.clip, post.locale
        container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=_GOLD_COLOUR)
        if with_file:
            item = discord.MediaGalleryItem(f"attachment://{build_file_name(clip)}")
            container.add_item(ui.MediaGallery(item))
        hidden = translate("exhibit.prompt_hidden", locale)
        prompt = hidden if entry.prompt is None else format_prompt(entry.prompt)
        container.add_item(ui.TextDisplay(prompt))
        facts = [
            translate("exhibit.by", locale, maker=f"<@{clip.user_id}>"),
            self._model_info.get_display_name(clip.model),
            translate("seconds", locale, count=clip.seconds),
            translate("card.clip", locale, clip=f"#{clip.id}"),
        ]
        lines = [f"-# {' · '.join(facts)}"]
        if clip.parent_clip_id is not None:
            lines.append(f"-# {describe_lineage(clip, locale)}")
        lines.append(format_votes(entry, locale))
        container.add_item(ui.TextDisplay("\n".join(lines)))
        buttons: list[ui.Item[Any]] = [
            build_button(ButtonAction.EXTEND, clip.id, locale),
            build_button(ButtonAction.WITHDRAW, post.id, locale),
        ]
        if clip.message_id is not None:
            label = translate("button.original", locale)
            buttons.insert(1, ui.Button(label=label, url=build_jump_link(clip)))
        container.add_item(build_action_row(*buttons))
        return build_view(container)

    def build_digest_card(self, digest: WeeklyDigest) -> ui.LayoutView:
        locale = digest.showcase_settings.locale
        winner, *others = digest.entries
        lines = [
            translate("digest.title", locale, day=format_timestamp(digest.due_at, "D")),
            translate("digest.winner", locale, line=format_entry(winner, locale)),
        ]
        lines += [
            translate("digest.place", locale, place=place, line=format_entry(entry, locale))
            for place, entry in enumerate(others, start=2)
        ]
        row = build_action_row(build_button(ButtonAction.RANKING, digest.id, locale))
        text: ui.TextDisplay[Any] = ui.TextDisplay("\n".join(lines))
        return build_view(ui.Container(text, row, accent_colour=_GOLD_COLOUR))


def format_votes(entry: GalleryEntry, locale: str | None) -> str:
    key = "exhibit.votes_locked" if entry.locked else "exhibit.votes"
    return translate(key, locale, star=STAR_EMOJI, votes=entry.votes)


def format_entry(entry: GalleryEntry, locale: str | None) -> str:
    """Return an entry as one line, with a link to its post."""
    untitled = translate("exhibit.untitled", locale)
    text = translate(
        "exhibit.line",
        locale,
        clip=entry.clip.id,
        link=build_entry_link(entry),
        star=STAR_EMOJI,
        votes=entry.votes,
        maker=f"<@{entry.clip.user_id}>",
        prompt=format_excerpt(entry.prompt, 60) if entry.prompt else untitled,
    )
    return f"{text} {translate('exhibit.is_hidden', locale)}" if entry.hidden else text


def build_entry_link(entry: GalleryEntry) -> str:
    """Return the link to an entry's post, or to the clip's message while it is not posted."""
    if entry.message_id is None:
        return build_jump_link(entry.clip)
    return f"https://discord.com/channels/{entry.guild_id}/{entry.channel_id}/{entry.message_id}"


def format_ranking(entries: Sequence[GalleryEntry], title: str, locale: str | None) -> str:
    if not entries:
        return translate("showcase.none", locale)
    lines = (f"{place}. {format_entry(entry, locale)}" for place, entry in enumerate(entries, 1))
    return join_fitting_lines([title, *lines])


def format_own_entries(
    entries: Sequence[GalleryEntry], preferences: CreatorPreferences, locale: str | None
) -> str:
    title = translate("showcase.mine" if entries else "showcase.mine_none", locale)
    lines = [format_entry(entry, locale) for entry in entries]
    return join_fitting_lines([title, *lines, format_preferences(preferences, locale)])


def format_preferences(preferences: CreatorPreferences, locale: str | None) -> str:
    """Return what a creator has chosen for their clips, and whether moderators block them."""
    prompt = "hidden" if preferences.hide_prompt else "shown"
    text = translate(
        "showcase.choices",
        locale,
        consent=translate(f"choice.consent.{preferences.consent}", locale),
        prompt=translate(f"showcase.prompt_{prompt}", locale),
    )
    blocked = translate("showcase.you_are_blocked", locale)
    return f"{text}\n{blocked}" if preferences.blocked else text


def format_showcase_settings(showcase_settings: ShowcaseSettings, locale: str | None) -> str:
    if showcase_settings.channel_id is None:
        return translate("house.off", locale)
    stars = translate("house.stars_off", locale)
    if showcase_settings.stars:
        stars = translate("house.stars", locale, count=showcase_settings.stars, star=STAR_EMOJI)
    digest = translate("house.digest_off", locale)
    if showcase_settings.digest_day is not None:
        digest = translate(
            "house.digest",
            locale,
            day=translate(f"choice.day.{showcase_settings.digest_day}", locale),
            hour=f"{showcase_settings.digest_hour:02d}:00",
            zone=showcase_settings.digest_zone,
        )
    curation = translate(f"choice.curation.{showcase_settings.curation}", locale)
    channel = translate("house.channel", locale, channel=f"<#{showcase_settings.channel_id}>")
    rule = translate("house.curation", locale, rule=curation)
    public = translate("house.public" if showcase_settings.public else "house.private", locale)
    return "\n".join([channel, stars, rule, public, digest])


def format_audit_log(entries: Sequence[AuditEntry], locale: str | None) -> str:
    """Return a server's audit log, the latest entry first."""
    if not entries:
        return translate("log.none", locale)
    lines = [_format_audit_entry(entry, locale) for entry in entries]
    return join_fitting_lines([translate("log.title", locale), *lines])


def _format_audit_entry(entry: AuditEntry, locale: str | None) -> str:
    def mention(user_id: int | None, fallback_key: str) -> str:
        return f"<@{user_id}>" if user_id else translate(fallback_key, locale)

    nobody = "log.stars" if entry.action is AuditAction.SHOW else "log.nobody"
    text = translate(
        f"log.{entry.action}",
        locale,
        who=mention(entry.actor_id, nobody),
        clip=f"#{entry.clip_id}" if entry.clip_id is not None else "",
        member=mention(entry.target_user_id, "log.nobody"),
    )
    comment = f" {sanitize_text(entry.comment[:120])}" if entry.comment else ""
    return f"{format_timestamp(entry.recorded_at, 'f')} {text}{comment}"
