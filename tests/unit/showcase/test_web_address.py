"""A showcase post links to its page in the gallery, as long as there is one."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from discord import ui

from bot.domain.showcase.gallery import Reach
from bot.domain.showcase.post import ShowcasePost, ShowcaseSettings
from bot.services.showcase.web_addresses import WebAddresses
from bot.ui.showcase_card import ShowcaseCards
from tests.unit.cards.test_cards import Titles
from tests.unit.words.test_components import a_showcase_post, an_entry

GALLERY = "https://clips.example/"


def a_post(**changes: Any) -> ShowcasePost:
    return a_showcase_post(an_entry("a red fox", **changes), "en")


async def find_address(
    post: ShowcasePost, *, is_gallery_public: bool = True, gallery_url: str | None = GALLERY
) -> str | None:
    async def load_settings(guild_id: int) -> ShowcaseSettings:
        return ShowcaseSettings(guild_id, public=is_gallery_public)

    store: Any = SimpleNamespace(load_settings=load_settings)
    addresses = WebAddresses(showcase_settings_store=store, gallery_url=gallery_url)
    return await addresses.find_address(post)


async def test_only_what_is_in_the_gallery_has_an_address() -> None:
    post = a_post()
    assert await find_address(post) == f"https://clips.example/clips/{post.entry.clip.id}"
    assert await find_address(post, is_gallery_public=False) is None
    assert await find_address(post, gallery_url=None) is None
    assert await find_address(replace(post, public=False)) is None
    in_server_only = replace(post, entry=replace(post.entry, reach=Reach.SERVER))
    assert await find_address(in_server_only) is None


@pytest.mark.parametrize("address", [None, "https://clips.example/clips/12"])
def test_the_card_links_to_the_page(address: str | None) -> None:
    cards = ShowcaseCards(model_info=Titles())
    view = cards.build_post_card(a_post(), file_name="clip-1.mp4", web_address=address)
    buttons = [item for item in view.walk_children() if isinstance(item, ui.Button)]
    links = [button.url for button in buttons if button.url]
    assert (address in links) is (address is not None)
