"""Page buttons and menus that work for ever, as the buttons of `bot.ui.custom_ids` do.

A page button carries the whole look-up (which way, from which clip, what is looked for), a menu
only what it chooses: both are rebuilt from the message at each use, after any restart.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, Self, cast

import discord
from discord import ui

from bot.domain.clips.history_query import MOST_WORDS, Only, Turn, Wanted, Way
from bot.ui.custom_ids import PREFIX, Desk, Setting

_PAGE: Final = re.compile(
    rf"{PREFIX}-page:(?P<way>older|newer):(?P<clip>\d{{1,12}}):(?P<only>[a-z]?)"
    r":(?P<model>[^:]{0,32}):(?P<words>.*)",
    re.DOTALL,
)
_MENU: Final = re.compile(rf"{PREFIX}-set:(?P<setting>[a-z_]+)")
_ONLY: Final = {each[:1]: each for each in Only}
_Choice = ui.Select[ui.LayoutView] | ui.ChannelSelect[ui.LayoutView]


class PageButton(ui.DynamicItem[ui.Button[ui.View]], template=_PAGE):
    """A button that turns a history to its next page."""

    def __init__(self, to: Turn, *, label: str) -> None:
        super().__init__(
            ui.Button(
                label=label, style=discord.ButtonStyle.secondary, custom_id=page_custom_id(to)
            )
        )
        self.to = to

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from the pressed one."""
        wanted = Wanted(
            model=match["model"] or None,
            words=match["words"] or None,
            only=_ONLY.get(match["only"]),
        )
        to = Turn(Way(match["way"]), int(match["clip"]), wanted)
        return cls(to, label=getattr(item, "label", None) or "…")

    async def callback(self, interaction: discord.Interaction) -> None:
        """Hand the press to the handler that a cog has registered."""
        desk = cast(Desk, interaction.client)
        try:
            await desk.presses.turn(interaction, self.to)
        except Exception as fault:  # discord.py would only log it: the person must hear of it
            await desk.answer_fault(interaction, fault)


class SettingMenu(ui.DynamicItem[Any], template=_MENU):
    """A menu whose custom id says which setting it chooses."""

    def __init__(self, menu: _Choice) -> None:
        super().__init__(menu)

    @classmethod
    def of(cls, setting: Setting, options: Sequence[discord.SelectOption]) -> Self:
        """Return a menu of ``options``, of which one is chosen."""
        return cls(ui.Select(custom_id=menu_custom_id(setting), options=list(options)))

    @classmethod
    def of_channels(
        cls,
        setting: Setting,
        *,
        kinds: Sequence[discord.ChannelType],
        chosen: Sequence[int],
        most: int,
        placeholder: str,
    ) -> Self:
        """Return a menu of a server's channels, of which up to ``most`` or none are chosen."""
        kind = discord.SelectDefaultValueType.channel
        defaults = [discord.SelectDefaultValue(id=each, type=kind) for each in chosen[:most]]
        return cls(
            ui.ChannelSelect(
                custom_id=menu_custom_id(setting),
                channel_types=list(kinds),
                placeholder=placeholder,
                min_values=0,
                max_values=most,
                default_values=defaults,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Take the used menu as it stands in the message."""
        return cls(cast(_Choice, item))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Hand the choice to the handler that a cog has registered."""
        desk = cast(Desk, interaction.client)
        data = cast(dict[str, Any], interaction.data or {})
        values = [str(each) for each in data.get("values", [])]
        match = _MENU.fullmatch(self.custom_id)
        assert match is not None
        try:
            await desk.presses.choose(interaction, match["setting"], values)
        except Exception as fault:  # discord.py would only log it: the person must hear of it
            await desk.answer_fault(interaction, fault)


def page_custom_id(to: Turn) -> str:
    """Return the custom id of a page button, of at most 100 characters."""
    wanted = to.wanted
    words = (wanted.words or "").encode("utf-16-le")[: 2 * MOST_WORDS].decode("utf-16-le", "ignore")
    only, model = (wanted.only or "")[:1], (wanted.model or "").replace(":", "")[:32]
    return f"{PREFIX}-page:{to.way}:{to.clip_id}:{only}:{model}:{words}"


def menu_custom_id(setting: Setting) -> str:
    """Return the custom id of a menu."""
    return f"{PREFIX}-set:{setting}"
