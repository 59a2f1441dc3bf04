"""What the showcase looks like in Discord: an exhibit's card, a digest, lists. Pure, no I/O."""

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
from bot.ui.clip_card import ModelInfoSource, build_file_name, describe_lineage
from bot.ui.custom_ids import ActionButton, ButtonAction

_GOLD_COLOUR: Final = 0xE0A526


class ShowcaseCards:
    """Builds the messages of the showcase channel."""

    def __init__(self, *, model_info: ModelInfoSource) -> None:
        self._model_info = model_info

    def build_post_card(self, post: ShowcasePost, *, with_file: bool) -> ui.LayoutView:
        """Return an exhibit's card; the file ``file_name(clip)`` goes with it, or stays away."""
        entry, clip, locale = post.entry, post.entry.clip, post.locale
        container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=_GOLD_COLOUR)
        if with_file:
            item = discord.MediaGalleryItem(f"attachment://{build_file_name(clip)}")
            container.add_item(ui.MediaGallery(item))
        if entry.prompt is None:
            container.add_item(ui.TextDisplay(translate("exhibit.prompt_hidden", locale)))
        else:
            container.add_item(ui.TextDisplay(format_prompt(entry.prompt)))
        facts = [
            translate("exhibit.by", locale, maker=mention_creator(entry)),
            self._model_info.get_display_name(clip.model),
            translate("seconds", locale, count=clip.seconds),
            translate("card.clip", locale, clip=f"#{clip.id}"),
        ]
        lines = [f"-# {' · '.join(facts)}"]
        if clip.parent_clip_id is not None:
            lines.append(f"-# {describe_lineage(clip, locale)}")
        lines.append(format_votes(entry, locale))
        container.add_item(ui.TextDisplay("\n".join(lines)))
        container.add_item(self._build_button_row(post))
        view = ui.LayoutView(timeout=None)
        view.add_item(container)
        return view

    def _build_button_row(self, post: ShowcasePost) -> ui.ActionRow[Any]:
        clip, locale = post.entry.clip, post.locale
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(
            ActionButton(ButtonAction.EXTEND, clip.id, label=translate("button.extend", locale))
        )
        if clip.message_id is not None:
            row.add_item(
                ui.Button(label=translate("button.original", locale), url=build_jump_link(clip))
            )
        row.add_item(
            ActionButton(ButtonAction.WITHDRAW, post.id, label=translate("button.withdraw", locale))
        )
        return row

    def build_digest_card(self, digest: WeeklyDigest) -> ui.LayoutView:
        """Return a week's digest: the winner first."""
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
        container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=_GOLD_COLOUR)
        container.add_item(ui.TextDisplay("\n".join(lines)))
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(
            ActionButton(ButtonAction.RANKING, digest.id, label=translate("button.ranking", locale))
        )
        container.add_item(row)
        view = ui.LayoutView(timeout=None)
        view.add_item(container)
        return view


def mention_creator(entry: GalleryEntry) -> str:
    """Return the maker as the showcase names them: a mention that pings nobody."""
    return f"<@{entry.clip.user_id}>"


def format_votes(entry: GalleryEntry, locale: str | None) -> str:
    """Return how an entry stands, and how to vote."""
    if entry.locked:
        return translate("exhibit.votes_locked", locale, star=STAR_EMOJI, votes=entry.votes)
    return translate("exhibit.votes", locale, star=STAR_EMOJI, votes=entry.votes)


def format_entry(entry: GalleryEntry, locale: str | None) -> str:
    """Return an entry in one line, with a link to its post."""
    prompt = (
        format_excerpt(entry.prompt, 60) if entry.prompt else translate("exhibit.untitled", locale)
    )
    text = translate(
        "exhibit.line",
        locale,
        clip=entry.clip.id,
        link=build_entry_link(entry),
        star=STAR_EMOJI,
        votes=entry.votes,
        maker=mention_creator(entry),
        prompt=prompt,
    )
    return f"{text} {translate('exhibit.is_hidden', locale)}" if entry.hidden else text


def build_entry_link(entry: GalleryEntry) -> str:
    """Return the link to an entry's post, or to the clip's own while there is none."""
    if entry.message_id is None:
        return build_jump_link(entry.clip)
    return f"https://discord.com/channels/{entry.guild_id}/{entry.channel_id}/{entry.message_id}"


def format_ranking(entries: Sequence[GalleryEntry], title: str, locale: str | None) -> str:
    """Return a list of entries, numbered."""
    if not entries:
        return translate("showcase.none", locale)
    lines = [
        f"{place}. {format_entry(entry, locale)}" for place, entry in enumerate(entries, start=1)
    ]
    return join_fitting_lines([title, *lines])


def format_own_entries(
    entries: Sequence[GalleryEntry], preferences: CreatorPreferences, locale: str | None
) -> str:
    """Return a member's own entries and choices."""
    lines = (
        [translate("showcase.mine", locale)]
        if entries
        else [translate("showcase.mine_none", locale)]
    )
    lines += [format_entry(entry, locale) for entry in entries]
    return join_fitting_lines([*lines, format_preferences(preferences, locale)])


def format_preferences(preferences: CreatorPreferences, locale: str | None) -> str:
    """Return what a member has chosen for their clips."""
    prompt = "hidden" if preferences.hide_prompt else "shown"
    text = translate(
        "showcase.choices",
        locale,
        consent=translate(f"choice.consent.{preferences.consent}", locale),
        prompt=translate(f"showcase.prompt_{prompt}", locale),
    )
    return (
        f"{text}\n{translate('showcase.you_are_blocked', locale)}" if preferences.blocked else text
    )


def format_showcase_settings(showcase_settings: ShowcaseSettings, locale: str | None) -> str:
    """Return how a server's showcase is arranged."""
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
    public = "public" if showcase_settings.public else "private"
    return "\n".join(
        [
            translate("house.channel", locale, channel=f"<#{showcase_settings.channel_id}>"),
            stars,
            translate(
                "house.curation",
                locale,
                rule=translate(f"choice.curation.{showcase_settings.curation}", locale),
            ),
            translate(f"house.{public}", locale),
            digest,
        ]
    )


def format_audit_log(entries: Sequence[AuditEntry], locale: str | None) -> str:
    """Return a server's audit log, the latest first."""
    if not entries:
        return translate("log.none", locale)
    lines = [translate("log.title", locale)]
    for record in entries:
        nobody = "log.stars" if record.action is AuditAction.SHOW else "log.nobody"
        who = f"<@{record.actor_id}>" if record.actor_id else translate(nobody, locale)
        text = translate(
            f"log.{record.action}",
            locale,
            who=who,
            clip=f"#{record.clip_id}" if record.clip_id is not None else "",
            member=f"<@{record.member_id}>"
            if record.member_id
            else translate("log.nobody", locale),
        )
        note = f" {sanitize_text(record.comment[:120])}" if record.comment else ""
        lines.append(f"{format_timestamp(record.at, 'f')} {text}{note}")
    return join_fitting_lines(lines)
