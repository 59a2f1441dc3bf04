"""The showcase in Discord: cards of posts, the weekly digest, lists."""

from collections.abc import Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.domain.clips.clip import Clip
from bot.domain.showcase.gallery import GalleryEntry, Reach
from bot.domain.showcase.page_paths import build_page_address, build_server_path
from bot.domain.showcase.post import (
    STAR_EMOJI,
    CreatorPreferences,
    ShowcaseConsent,
    ShowcasePost,
    ShowcaseSettings,
    WeeklyDigest,
)
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    build_jump_link,
    format_clip_number,
    format_excerpt,
    format_prompt,
    format_timestamp,
    join_fitting_lines,
    join_sentences,
)
from bot.ui.clip_card import describe_lineage, describe_origin
from bot.ui.components import build_action_row, build_button, build_view
from bot.ui.custom_ids import ButtonAction
from bot.ui.model_info import ModelInfoSource

_GOLD_COLOR: Final = 0xE0A526


class ShowcaseCards:
    def __init__(self, *, model_info: ModelInfoSource) -> None:
        self._model_info = model_info

    def build_post_card(
        self, post: ShowcasePost, *, file_name: str | None, web_address: str | None = None
    ) -> ui.LayoutView:
        """Return a post's card, with a link to its page in the gallery if it has one.

        ``file_name`` is the name of the attached clip, `None` without one.
        """
        entry, clip, locale = post.entry, post.entry.clip, post.locale
        container: ui.Container[ui.LayoutView] = ui.Container(accent_color=_GOLD_COLOR)
        for media in _build_media(file_name, clip):
            container.add_item(media)
        hidden = translate("showcase_entry.prompt_hidden", locale)
        prompt = hidden if entry.prompt is None else format_prompt(entry.prompt)
        container.add_item(ui.TextDisplay(prompt))
        facts = [
            translate("showcase_entry.by", locale, creator=f"<@{clip.user_id}>"),
            describe_origin(self._model_info.get_display_name(clip.model), locale),
            translate("seconds", locale, count=clip.seconds),
            translate("card.clip", locale, clip=f"#{clip.id}"),
        ]
        if clip.parent_clip_id is not None:
            facts.append(describe_lineage(clip, locale))
        lines = [f"-# {' · '.join(facts)}", format_votes(entry, locale)]
        container.add_item(ui.TextDisplay("\n".join(lines)))
        buttons: list[ui.Item[Any]] = [
            build_button(ButtonAction.EXTEND, clip.id, locale),
            build_button(ButtonAction.WITHDRAW, post.id, locale),
        ]
        # the clip's own message shows the prompt, which may be hidden here
        link = build_jump_link(clip)
        if link is not None and entry.prompt is not None:
            label = translate("button.original", locale)
            buttons.insert(1, ui.Button(label=label, url=link))
        if web_address is not None:
            label = translate("button.web", locale)
            buttons.insert(-1, ui.Button(label=label, emoji="🌐", url=web_address))
        buttons.append(build_button(ButtonAction.ASK_REPORT, clip.id, locale))
        container.add_item(build_action_row(*buttons))
        return build_view(container)

    def build_digest_card(
        self, digest: WeeklyDigest, media_name: str | None = None
    ) -> ui.LayoutView:
        """Return the digest, with the winning clip if ``media_name`` names its attachment."""
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
        media = _build_media(media_name, winner.clip)
        return build_view(ui.Container(*media, text, row, accent_color=_GOLD_COLOR))


def build_entry_card(
    entry: GalleryEntry, media_name: str | None, locale: str | None
) -> ui.LayoutView:
    """Return one entry, with its clip if ``media_name`` names its attachment."""
    text: ui.TextDisplay[Any] = ui.TextDisplay(format_entry(entry, locale))
    return build_view(
        ui.Container(*_build_media(media_name, entry.clip), text, accent_color=_GOLD_COLOR)
    )


def _build_media(name: str | None, clip: Clip) -> list[ui.MediaGallery[Any]]:
    if name is None:
        return []
    item = discord.MediaGalleryItem(f"attachment://{name}", spoiler=clip.spoiler)
    return [ui.MediaGallery(item)]


def format_votes(entry: GalleryEntry, locale: str | None) -> str:
    key = "showcase_entry.votes_locked" if entry.locked else "showcase_entry.votes"
    return translate(key, locale, star=STAR_EMOJI, votes=entry.votes)


def format_entry(entry: GalleryEntry, locale: str | None) -> str:
    """Return an entry as one line, with a link to its post."""
    untitled = translate("showcase_entry.untitled", locale)
    text = translate(
        "showcase_entry.line",
        locale,
        clip=format_clip_number(entry.clip.id, build_entry_link(entry)),
        star=STAR_EMOJI,
        votes=entry.votes,
        creator=f"<@{entry.clip.user_id}>",
        prompt=format_excerpt(entry.prompt, 60) if entry.prompt else untitled,
    )
    if entry.hidden:
        return join_sentences(text, translate("showcase_entry.is_hidden", locale), locale)
    if entry.reach is Reach.NOWHERE:
        return join_sentences(text, translate("showcase_entry.is_kept_back", locale), locale)
    return text


def build_entry_link(entry: GalleryEntry) -> str:
    """Return the link to an entry's post, or to the clip's message while there is no post.

    The clip's message shows the prompt. So if the prompt is hidden, the link leads to the channel.
    """
    channel = f"https://discord.com/channels/{entry.guild_id}/{entry.channel_id}"
    if entry.message_id is not None:
        return f"{channel}/{entry.message_id}"
    link = build_jump_link(entry.clip) if entry.prompt is not None else None
    return link or channel


def format_ranking(entries: Sequence[GalleryEntry], title: str, locale: str | None) -> str:
    if not entries:
        return translate("showcase.none", locale)
    lines = (f"{place}. {format_entry(entry, locale)}" for place, entry in enumerate(entries, 1))
    return join_fitting_lines([title, *lines])


def format_own_entries(
    entries: Sequence[GalleryEntry],
    preferences: CreatorPreferences,
    locale: str | None,
    page_address: str | None = None,
) -> str:
    title = translate("showcase.mine" if entries else "showcase.mine_none", locale)
    lines = [format_entry(entry, locale) for entry in entries]
    choices = format_preferences(preferences, locale, page_address=page_address)
    return join_fitting_lines([title, *lines, choices])


def format_preferences(
    preferences: CreatorPreferences,
    locale: str | None,
    gallery_url: str | None = None,
    page_address: str | None = None,
) -> str:
    """Return what a creator has chosen for their clips, and whether moderators block them.

    ``gallery_url`` is the web gallery in which their clips may become public, ``page_address``
    their own page there, if it is open.
    """
    prompt = "hidden" if preferences.hide_prompt else "shown"
    lines = [
        translate(
            "showcase.choices",
            locale,
            consent=translate(f"choice.consent.{preferences.consent}", locale),
            prompt=translate(f"showcase.prompt_{prompt}", locale),
        )
    ]
    if preferences.consent is ShowcaseConsent.EVERYONE and gallery_url is not None:
        lines.append(translate("showcase.choice_is_public", locale, link=gallery_url))
    if page_address is not None:
        lines.append(translate("showcase.own_page", locale, link=page_address))
    elif gallery_url is not None:
        lines.append(translate("showcase.own_page_closed", locale))
    if preferences.blocked:
        lines.append(translate("showcase.you_are_blocked", locale))
    return "\n".join(lines)


def format_showcase_settings(
    showcase_settings: ShowcaseSettings,
    locale: str | None,
    *,
    gallery_url: str | None,
    is_channel_gone: bool = False,
    is_just_opened: bool = False,
) -> str:
    """Return a server's showcase settings as text.

    ``is_just_opened`` adds a note that clips are public from now on.
    """
    if showcase_settings.channel_id is None:
        return translate("showcase_settings.off", locale)
    channel = translate(
        "showcase_settings.channel", locale, channel=f"<#{showcase_settings.channel_id}>"
    )
    if is_channel_gone:
        channel = translate("showcase_settings.channel_gone", locale)
    digest = translate("showcase_settings.digest_off", locale)
    if showcase_settings.digest_day is not None:
        digest = _format_digest_time(
            showcase_settings.digest_day,
            showcase_settings.digest_hour,
            showcase_settings.digest_zone,
            locale,
        )
    lines = [
        channel,
        _format_stars(showcase_settings.stars, locale),
        _format_curation(showcase_settings.curation, locale),
        _format_gallery(showcase_settings, locale, gallery_url),
        digest,
    ]
    if is_just_opened and gallery_url is not None:
        lines.insert(4, translate("showcase_settings.public_from_now", locale))
    return "\n".join(lines)


def _format_gallery(
    showcase_settings: ShowcaseSettings, locale: str | None, gallery_url: str | None
) -> str:
    if not showcase_settings.public:
        return translate("showcase_settings.private", locale)
    if gallery_url is None:
        return translate("showcase_settings.public_without_address", locale)
    link = build_page_address(gallery_url, build_server_path(showcase_settings.guild_id))
    return f"{translate('showcase_settings.public', locale)} {link}"


def _format_stars(stars: int, locale: str | None) -> str:
    if not stars:
        return translate("showcase_settings.stars_off", locale)
    return translate("showcase_settings.stars", locale, count=stars, star=STAR_EMOJI)


def _format_curation(curation: str, locale: str | None) -> str:
    rule = translate(f"choice.curation.{curation}", locale)
    return translate("showcase_settings.curation", locale, rule=rule)


def _format_digest_time(day: int, hour: int, zone: str, locale: str | None) -> str:
    name = translate(f"choice.day.{day}", locale)
    return translate("showcase_settings.digest", locale, day=name, hour=f"{hour:02d}:00", zone=zone)
