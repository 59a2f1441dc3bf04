"""The icons of servers, from Discord's own file host."""

from pathlib import Path

import discord
from yarl import URL

from bot.discord.attachments import DiscordAttachments
from bot.domain.errors import ImageRefused
from bot.domain.showcase.server_page import ICON_SIDE


class DiscordServerIcons:
    """Implements `bot.domain.ports.ServerIconSource`.

    ``api_url`` is the setting DISCORD_API_URL. If it is set, icons come from its origin.
    """

    def __init__(
        self,
        *,
        client: discord.Client,
        attachments: DiscordAttachments,
        api_url: str | None = None,
    ) -> None:
        self._client = client
        self._attachments = attachments
        self._origin = URL(api_url).origin() if api_url else None

    def find_icon_hash(self, guild_id: int) -> str | None:
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return None
        return "" if guild.icon is None else guild.icon.key

    async def download_icon(self, guild_id: int, destination: Path, *, max_bytes: int) -> None:
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.icon is None:
            raise ImageRefused("image_gone")
        # a still picture, also of an animated icon, scaled by Discord
        url = URL(guild.icon.replace(size=ICON_SIDE, format="png").url)
        if self._origin is not None:
            url = self._origin.join(url.relative())
        await self._attachments.download_attachment(str(url), destination, max_bytes=max_bytes)
