"""Page buttons and menus that work for ever, as the buttons of `bot.ui.custom_ids` do.

A page button carries the whole look-up (which way, from which clip, what is looked for), a menu
only what it chooses: both are rebuilt from the message at each use, after any restart.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, Self, cast

import discord
from discord import ui

from bot.domain.clips.history_query import (
    MAX_SEARCH_LENGTH,
    HistoryFilter,
    HistoryKind,
    PageDirection,
    PageRequest,
)
from bot.ui.custom_ids import CUSTOM_ID_PREFIX, PressErrorHandler, SetupSetting

_PAGE_PATTERN: Final = re.compile(
    rf"{CUSTOM_ID_PREFIX}-page:(?P<way>older|newer):(?P<clip>\d{{1,12}}):(?P<only>[a-z]?)"
    r":(?P<model>[^:]{0,32}):(?P<words>.*)",
    re.DOTALL,
)
_MENU_PATTERN: Final = re.compile(rf"{CUSTOM_ID_PREFIX}-set:(?P<setting>[a-z_]+)")
_KIND_BY_LETTER: Final = {each[:1]: each for each in HistoryKind}
_SelectMenu = ui.Select[ui.LayoutView] | ui.ChannelSelect[ui.LayoutView]


class PageButton(ui.DynamicItem[ui.Button[ui.View]], template=_PAGE_PATTERN):
    """A button that turns a history to its next page."""

    def __init__(self, page_request: PageRequest, *, label: str) -> None:
        super().__init__(
            ui.Button(
                label=label,
                style=discord.ButtonStyle.secondary,
                custom_id=build_page_custom_id(page_request),
            )
        )
        self.page_request = page_request

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from the pressed one."""
        wanted = HistoryFilter(
            model=match["model"] or None,
            search_text=match["words"] or None,
            kind=_KIND_BY_LETTER.get(match["only"]),
        )
        to = PageRequest(PageDirection(match["way"]), int(match["clip"]), wanted)
        return cls(to, label=getattr(item, "label", None) or "…")

    async def callback(self, interaction: discord.Interaction) -> None:
        """Hand the press to the handler that a cog has registered."""
        desk = cast(PressErrorHandler, interaction.client)
        try:
            await desk.router.turn_page(interaction, self.page_request)
        except Exception as fault:  # discord.py would only log it: the person must hear of it
            await desk.respond_with_error(interaction, fault)


class SettingMenu(ui.DynamicItem[Any], template=_MENU_PATTERN):
    """A menu whose custom id says which setting it chooses."""

    def __init__(self, menu: _SelectMenu) -> None:
        super().__init__(menu)

    @classmethod
    def from_options(cls, setting: SetupSetting, options: Sequence[discord.SelectOption]) -> Self:
        """Return a menu of ``options``, of which one is chosen."""
        return cls(ui.Select(custom_id=build_menu_custom_id(setting), options=list(options)))

    @classmethod
    def from_channels(
        cls,
        setting: SetupSetting,
        *,
        channel_types: Sequence[discord.ChannelType],
        selected_ids: Sequence[int],
        maximum: int,
        placeholder: str,
    ) -> Self:
        """Return a menu of a server's channels, of which up to ``most`` or none are chosen."""
        kind = discord.SelectDefaultValueType.channel
        defaults = [
            discord.SelectDefaultValue(id=each, type=kind) for each in selected_ids[:maximum]
        ]
        return cls(
            ui.ChannelSelect(
                custom_id=build_menu_custom_id(setting),
                channel_types=list(channel_types),
                placeholder=placeholder,
                min_values=0,
                max_values=maximum,
                default_values=defaults,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Take the used menu as it stands in the message."""
        return cls(cast(_SelectMenu, item))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Hand the choice to the handler that a cog has registered."""
        desk = cast(PressErrorHandler, interaction.client)
        data = cast(dict[str, Any], interaction.data or {})
        values = [str(each) for each in data.get("values", [])]
        match = _MENU_PATTERN.fullmatch(self.custom_id)
        assert match is not None
        try:
            await desk.router.select(interaction, match["setting"], values)
        except Exception as fault:  # discord.py would only log it: the person must hear of it
            await desk.respond_with_error(interaction, fault)


def build_page_custom_id(page_request: PageRequest) -> str:
    """Return the custom id of a page button, of at most 100 characters."""
    wanted = page_request.history_filter
    words = (
        (wanted.search_text or "")
        .encode("utf-16-le")[: 2 * MAX_SEARCH_LENGTH]
        .decode("utf-16-le", "ignore")
    )
    only, model = (wanted.kind or "")[:1], (wanted.model or "").replace(":", "")[:32]
    return f"{CUSTOM_ID_PREFIX}-page:{page_request.direction}:{page_request.clip_id}:{only}:{model}:{words}"


def build_menu_custom_id(setting: SetupSetting) -> str:
    """Return the custom id of a menu."""
    return f"{CUSTOM_ID_PREFIX}-set:{setting}"
