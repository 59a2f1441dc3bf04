"""The forms (modals) that buttons and menus open.

discord.py would route a submitted form to the object that was sent, which is lost at a restart. So
`bot.ui.router.InteractionRouter` routes it by its custom id.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

import discord
from discord import ui

from bot.domain.errors import DatabaseUnavailable
from bot.domain.showcase.server_page import (
    MAX_DESCRIPTION_LENGTH,
    MAX_TITLE_LENGTH,
    PageField,
)
from bot.i18n.catalogs import translate
from bot.ui.custom_ids import FormKind, build_custom_id

PROMPT_FIELD: Final = "prompt"
"""The custom id of the text field."""
_MAX_TEXT_LENGTH: Final = 4000
"""Discord's limit for a text field. Veo's own limit is in tokens and checked by the rules."""
_PAGE_FIELD_LENGTHS: Final = {
    PageField.TITLE: MAX_TITLE_LENGTH,
    PageField.DESCRIPTION: MAX_DESCRIPTION_LENGTH,
    PageField.ACCENT: 20,
    PageField.INVITE: 100,
}
_READ_TIMEOUT_S: Final = 2.0
"""Seconds for loading the content of a form. Discord waits three seconds for the form."""

T = TypeVar("T")


async def read_for_form(reading: Awaitable[T]) -> T:
    """Return the result of ``reading``. Raises `DatabaseUnavailable` if it takes too long."""
    try:
        async with asyncio.timeout(_READ_TIMEOUT_S):
            return await reading
    except TimeoutError as error:
        raise DatabaseUnavailable("no answer in time for the form") from error


def build_extend_form(clip_id: int, locale: str) -> ui.Modal:
    return _build_form(FormKind.EXTEND, clip_id, "form.extend", locale)


def build_edit_form(clip_id: int, locale: str) -> ui.Modal:
    return _build_form(FormKind.EDIT, clip_id, "form.edit", locale)


def build_reword_form(job_id: int, prompt: str, locale: str) -> ui.Modal:
    default = prompt[:_MAX_TEXT_LENGTH]
    return _build_form(FormKind.REWORD, job_id, "form.reword", locale, default=default)


def build_rewrite_form(number: int, prompt: str, locale: str, *, entry: str = "") -> ui.Modal:
    """Return the form for a request that was refused because of its words.

    ``entry`` is what a word list has of them.
    """
    default = prompt[:_MAX_TEXT_LENGTH]
    hint = translate("form.rewrite_words.hint", locale, word=entry) if entry else None
    return _build_form(FormKind.REWRITE, number, "form.rewrite", locale, default=default, hint=hint)


def build_animate_form(draft_id: int, locale: str, prompt: str = "") -> ui.Modal:
    default = prompt[:_MAX_TEXT_LENGTH] or None
    return _build_form(FormKind.ANIMATE, draft_id, "form.animate", locale, default=default)


def build_server_page_form(values: Mapping[PageField, str], locale: str) -> ui.Modal:
    """Return the form about a server's page in the web gallery, filled with what is set."""
    modal = _build_modal(FormKind.SERVER_PAGE, 0, translate("form.page.title", locale))
    for field, value in values.items():
        is_long = field is PageField.DESCRIPTION
        modal.add_item(
            ui.Label(
                text=translate(f"form.page_{field}.label", locale),
                description=translate(f"form.page_{field}.hint", locale),
                component=ui.TextInput(
                    style=discord.TextStyle.paragraph if is_long else discord.TextStyle.short,
                    custom_id=field,
                    default=value or None,
                    required=False,
                    max_length=_PAGE_FIELD_LENGTHS[field],
                ),
            )
        )
    return modal


def _build_form(
    form: FormKind,
    number: int,
    key: str,
    locale: str,
    *,
    default: str | None = None,
    hint: str | None = None,
) -> ui.Modal:
    modal = _build_modal(form, number, translate(f"{key}.title", locale))
    modal.add_item(
        ui.Label(
            text=translate(f"{key}.label", locale),
            description=hint or translate(f"{key}.hint", locale),
            component=ui.TextInput(
                style=discord.TextStyle.paragraph,
                custom_id=PROMPT_FIELD,
                default=default,
                required=True,
                max_length=_MAX_TEXT_LENGTH,
            ),
        )
    )
    return modal


def _build_modal(form: FormKind, number: int, title: str) -> ui.Modal:
    modal = ui.Modal(title=title, timeout=None, custom_id=build_custom_id(form, number))
    modal.stop()  # so that discord.py does not keep a record, which is not needed here
    return modal
