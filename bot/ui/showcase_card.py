"""What the showcase looks like in Discord: an exhibit's card, a digest, lists. Pure, no I/O."""

from collections.abc import Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.domain.showcase.gallery import Entry
from bot.domain.showcase.post import STAR, Act, Digest, Exhibit, House, Maker, Record
from bot.i18n.catalogs import say
from bot.i18n.formatting import excerpt, fit, jump_link, readable, shown, stamp
from bot.ui.clip_card import Abilities, descent, file_name
from bot.ui.custom_ids import Action, ActionButton

_GOLD: Final = 0xE0A526


class ExhibitCards:
    """Builds the messages of the showcase channel."""

    def __init__(self, *, abilities: Abilities) -> None:
        self._abilities = abilities

    def exhibit(self, exhibit: Exhibit, *, with_file: bool) -> ui.LayoutView:
        """Return an exhibit's card; the file ``file_name(clip)`` goes with it, or stays away."""
        entry, clip, locale = exhibit.entry, exhibit.entry.clip, exhibit.locale
        container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=_GOLD)
        if with_file:
            item = discord.MediaGalleryItem(f"attachment://{file_name(clip)}")
            container.add_item(ui.MediaGallery(item))
        if entry.prompt is None:
            container.add_item(ui.TextDisplay(say("exhibit.prompt_hidden", locale)))
        else:
            container.add_item(ui.TextDisplay(shown(entry.prompt)))
        facts = [
            say("exhibit.by", locale, maker=name_of(entry)),
            self._abilities.title(clip.model),
            say("seconds", locale, count=clip.seconds),
            say("card.clip", locale, clip=f"#{clip.id}"),
        ]
        lines = [f"-# {' · '.join(facts)}"]
        if clip.parent_clip_id is not None:
            lines.append(f"-# {descent(clip, locale)}")
        lines.append(votes(entry, locale))
        container.add_item(ui.TextDisplay("\n".join(lines)))
        container.add_item(self._row(exhibit))
        view = ui.LayoutView(timeout=None)
        view.add_item(container)
        return view

    def _row(self, exhibit: Exhibit) -> ui.ActionRow[Any]:
        clip, locale = exhibit.entry.clip, exhibit.locale
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(ActionButton(Action.EXTEND, clip.id, label=say("button.extend", locale)))
        if clip.message_id is not None:
            row.add_item(ui.Button(label=say("button.original", locale), url=jump_link(clip)))
        row.add_item(
            ActionButton(Action.WITHDRAW, exhibit.id, label=say("button.withdraw", locale))
        )
        return row

    def digest(self, digest: Digest) -> ui.LayoutView:
        """Return a week's digest: the winner first."""
        locale = digest.house.locale
        winner, *others = digest.entries
        lines = [
            say("digest.title", locale, day=stamp(digest.due_at, "D")),
            say("digest.winner", locale, line=line(winner, locale)),
        ]
        lines += [
            say("digest.place", locale, place=place, line=line(entry, locale))
            for place, entry in enumerate(others, start=2)
        ]
        container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=_GOLD)
        container.add_item(ui.TextDisplay("\n".join(lines)))
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(ActionButton(Action.RANKING, digest.id, label=say("button.ranking", locale)))
        container.add_item(row)
        view = ui.LayoutView(timeout=None)
        view.add_item(container)
        return view


def name_of(entry: Entry) -> str:
    """Return the maker as the showcase names them: a mention that pings nobody."""
    return f"<@{entry.clip.user_id}>"


def votes(entry: Entry, locale: str | None) -> str:
    """Return how an entry stands, and how to vote."""
    if entry.locked:
        return say("exhibit.votes_locked", locale, star=STAR, votes=entry.votes)
    return say("exhibit.votes", locale, star=STAR, votes=entry.votes)


def line(entry: Entry, locale: str | None) -> str:
    """Return an entry in one line, with a link to its post."""
    prompt = excerpt(entry.prompt, 60) if entry.prompt else say("exhibit.untitled", locale)
    text = say(
        "exhibit.line",
        locale,
        clip=entry.clip.id,
        link=link(entry),
        star=STAR,
        votes=entry.votes,
        maker=name_of(entry),
        prompt=prompt,
    )
    return f"{text} {say('exhibit.is_hidden', locale)}" if entry.hidden else text


def link(entry: Entry) -> str:
    """Return the link to an entry's post, or to the clip's own while there is none."""
    if entry.message_id is None:
        return jump_link(entry.clip)
    return f"https://discord.com/channels/{entry.guild_id}/{entry.channel_id}/{entry.message_id}"


def ranking(entries: Sequence[Entry], title: str, locale: str | None) -> str:
    """Return a list of entries, numbered."""
    if not entries:
        return say("showcase.none", locale)
    lines = [f"{place}. {line(entry, locale)}" for place, entry in enumerate(entries, start=1)]
    return fit([title, *lines])


def own(entries: Sequence[Entry], maker: Maker, locale: str | None) -> str:
    """Return a member's own entries and choices."""
    lines = [say("showcase.mine", locale)] if entries else [say("showcase.mine_none", locale)]
    lines += [line(entry, locale) for entry in entries]
    return fit([*lines, choices(maker, locale)])


def choices(maker: Maker, locale: str | None) -> str:
    """Return what a member has chosen for their clips."""
    prompt = "hidden" if maker.hide_prompt else "shown"
    text = say(
        "showcase.choices",
        locale,
        consent=say(f"choice.consent.{maker.consent}", locale),
        prompt=say(f"showcase.prompt_{prompt}", locale),
    )
    return f"{text}\n{say('showcase.you_are_blocked', locale)}" if maker.blocked else text


def arrangement(house: House, locale: str | None) -> str:
    """Return how a server's showcase is arranged."""
    if house.channel_id is None:
        return say("house.off", locale)
    stars = say("house.stars_off", locale)
    if house.stars:
        stars = say("house.stars", locale, count=house.stars, star=STAR)
    digest = say("house.digest_off", locale)
    if house.digest_day is not None:
        digest = say(
            "house.digest",
            locale,
            day=say(f"choice.day.{house.digest_day}", locale),
            hour=f"{house.digest_hour:02d}:00",
            zone=house.digest_zone,
        )
    public = "public" if house.public else "private"
    return "\n".join(
        [
            say("house.channel", locale, channel=f"<#{house.channel_id}>"),
            stars,
            say("house.curation", locale, rule=say(f"choice.curation.{house.curation}", locale)),
            say(f"house.{public}", locale),
            digest,
        ]
    )


def log_page(records: Sequence[Record], locale: str | None) -> str:
    """Return a server's audit log, the latest first."""
    if not records:
        return say("log.none", locale)
    lines = [say("log.title", locale)]
    for record in records:
        nobody = "log.stars" if record.act is Act.SHOW else "log.nobody"
        who = f"<@{record.actor_id}>" if record.actor_id else say(nobody, locale)
        text = say(
            f"log.{record.act}",
            locale,
            who=who,
            clip=f"#{record.clip_id}" if record.clip_id is not None else "",
            member=f"<@{record.member_id}>" if record.member_id else say("log.nobody", locale),
        )
        note = f" {readable(record.note[:120])}" if record.note else ""
        lines.append(f"{stamp(record.at, 'f')} {text}{note}")
    return fit(lines)
