"""Downloads attachments, but only from Discord's own file hosts.

The url comes from an event. If the bot requested any url, members could make it send requests into
the operator's network.
"""

from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from bot.domain.errors import DiscordUnavailable, ImageRefused
from bot.transfer.partial_file import PartialFile
from bot.transfer.resolver import create_system_resolver

_DISCORD_HOSTS: Final = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
_TIMEOUT: Final = aiohttp.ClientTimeout(total=120, sock_connect=15, sock_read=30)
_CHUNK_BYTES: Final = 256 * 1024


class DiscordAttachments:
    """Implements `bot.domain.ports.AttachmentDownloader`.

    ``api_url`` is the setting DISCORD_API_URL. If it is set, attachments from its origin are
    allowed, too.
    """

    def __init__(self, *, api_url: str | None = None) -> None:
        self._origin = URL(api_url).origin() if api_url else None
        self._session: aiohttp.ClientSession | None = None

    def is_discord_url(self, url: str) -> bool:
        """Return whether ``url`` is on Discord's file hosts or the configured origin."""
        try:
            parsed = URL(url)
            if parsed.user or parsed.password:
                return False
            if self._origin is not None and parsed.origin() == self._origin:
                return True
        except ValueError:
            return False
        return parsed.scheme == "https" and parsed.host in _DISCORD_HOSTS and parsed.port == 443

    async def download_attachment(self, url: str, destination: Path, *, max_bytes: int) -> None:
        if not self.is_discord_url(url):
            raise ImageRefused("image_not_from_discord")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=_TIMEOUT, connector=aiohttp.TCPConnector(resolver=create_system_resolver())
            )
        try:
            async with (
                self._session.get(URL(url), allow_redirects=False) as response,
                PartialFile(destination) as file,
            ):
                if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status == 429:
                    raise DiscordUnavailable(f"attachment answered {response.status}")
                if response.status != HTTPStatus.OK:
                    raise ImageRefused("image_gone")
                if (response.content_length or 0) > max_bytes:
                    raise _build_too_large_error(max_bytes)
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    await file.write(chunk)
                    if file.size > max_bytes:
                        raise _build_too_large_error(max_bytes)
                await file.commit()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DiscordUnavailable(f"attachment: {type(error).__name__}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _build_too_large_error(max_bytes: int) -> ImageRefused:
    return ImageRefused("image_file_too_large", mebibytes=max_bytes // 2**20)
