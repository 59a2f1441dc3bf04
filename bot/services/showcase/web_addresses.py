"""The addresses of showcase posts in the gallery."""

from dataclasses import dataclass

from bot.domain.showcase.page_paths import build_clip_path, build_page_address
from bot.domain.showcase.post import ShowcasePost
from bot.store.showcase.settings import ShowcaseSettingsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAddresses:
    """``gallery_url`` is the gallery's public address, if the operator has set one."""

    showcase_settings_store: ShowcaseSettingsStore
    gallery_url: str | None

    async def find_address(self, post: ShowcasePost) -> str | None:
        """Return the address of a post's page, if it is public. Raises `DatabaseUnavailable`."""
        if self.gallery_url is None or not post.may_be_public:
            return None
        showcase_settings = await self.showcase_settings_store.load_settings(post.entry.guild_id)
        if not showcase_settings.public:
            return None
        return build_page_address(self.gallery_url, build_clip_path(post.entry.clip.id))
