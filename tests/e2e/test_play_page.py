"""The page of `make play` in Chromium: people use the real bot as they would in Discord."""

from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from tests.e2e.play_tab import PHONE, PlayTab
from tests.e2e.stage import BotStage
from tests.harness.waiting import stretch_timeout
from tests.web.browser_tab import NEEDS_CHROMIUM
from tests.web.conftest import browser as browser
from tests.web.conftest import running_chromium as running_chromium

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "**<b onmouseover=alert(1)>bold</b>**",
    "`</code><svg onload=alert(1)>`",
    '<https://example.org/"onclick=alert(1)>',
    "```html\n<iframe srcdoc='<script>alert(1)</script>'></iframe>\n```",
    "# <style>*{display:none}</style>",
    "||<a href=javascript:alert(1)>x</a>||",
)


async def post_as_bot(stage: BotStage, channel: str, body: dict[str, Any]) -> None:
    """Post a message by the bot's token, as any program with it could."""
    environment = stage.sandbox.environment_for_bot
    url = f"{environment['DISCORD_API_URL']}/channels/{channel}/messages"
    headers = {"Authorization": f"Bot {environment['DISCORD_TOKEN']}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json=body) as response,
    ):
        assert response.status == 200, await response.text()


@NEEDS_CHROMIUM
async def test_make_extend_edit_showcase_and_hide(browser: Browser, stage: BotStage) -> None:
    tab = await PlayTab.open(browser, stage.control.url)
    page = tab.page
    await tab.open_channel("clips")
    form = await tab.type_command("server showcase")
    await form.get_by_role("button", name="Add channel").click()
    await form.get_by_label("channel", exact=True).fill("showcase")
    await page.locator(".choices [role=option]", has_text="#showcase").click()
    await form.get_by_role("button", name="Send").click()
    await expect(page.locator(".message.ephemeral")).to_contain_text("showcase")

    form = await tab.type_command("video generate")
    await form.get_by_label("prompt", exact=True).fill("A paper boat on a quiet river")
    await form.get_by_role("button", name="Send").click()
    await expect(tab.clips()).to_have_count(1)
    await expect(tab.clips().first).to_contain_text("paper boat")
    await tab.reply_to(tab.clips().first, "Fireflies rise and the boat sails on")
    await expect(tab.clips()).to_have_count(2)
    await tab.reply_to(tab.clips().last, "Make it golden and warm")
    await expect(tab.clips()).to_have_count(3)
    await expect(tab.clips().last.locator(".reference")).to_contain_text("Make it golden and warm")

    await tab.clips().last.get_by_role("button", name="Showcase").click()
    await tab.open_channel("showcase")
    await expect(tab.clips()).to_have_count(1)
    await tab.clips().first.hover()
    await tab.clips().first.get_by_role("button", name="Add reaction").first.click()
    await page.get_by_role("button", name="React with ⭐").click()
    star = tab.clips().first.locator(".reaction", has_text="⭐")
    await expect(star).to_have_attribute("aria-pressed", "true")

    await tab.become("Bea")
    await expect(star).to_have_attribute("aria-pressed", "false")
    form = await tab.type_command("showcase hide")
    await form.get_by_label("clip", exact=True).fill("3")
    await form.get_by_role("button", name="Send").click()
    await expect(tab.clips()).to_have_count(0)

    await page.get_by_role("tab", name="Received").click()
    await page.locator("#request-filter").select_option("google")
    submit = page.locator(".request", has_text="POST").filter(has_text="/interactions").first
    await submit.click()
    await expect(page.locator(".request-details").first).to_contain_text("Sent")
    tab.check()


@NEEDS_CHROMIUM
@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_axe_finds_nothing_serious(browser: Browser, stage: BotStage, scheme: str) -> None:
    tab = await PlayTab.open(browser, stage.control.url, color_scheme=scheme)
    await tab.open_channel("clips")
    await tab.type_command("video generate")
    await tab.check_accessibility()
    await tab.page.get_by_role("tab", name="Conditions").click()
    await tab.check_accessibility()
    tab.check()


@NEEDS_CHROMIUM
async def test_no_text_of_others_becomes_markup(browser: Browser, stage: BotStage) -> None:
    room = await stage.open_channel(name="hostile")
    other = await stage.control.call("POST", "users", {"name": "<b>Eve</b>", "kind": "webhook"})
    for words in HOSTILE:
        await stage.control.message(other["user"]["id"], room, words)
    text = "\n".join(HOSTILE)
    await post_as_bot(
        stage,
        room,
        {
            "embeds": [
                {
                    "title": text[:200],
                    "description": text,
                    "url": "https://example.org/",
                    "fields": [{"name": HOSTILE[0], "value": text}],
                    "footer": {"text": text},
                    "image": {"url": "https://example.org/picture.png"},
                }
            ]
        },
    )
    container = {
        "type": 17,
        "components": [
            {"type": 10, "content": text},
            {"type": 12, "items": [{"media": {"url": "https://example.org/a.png"}}]},
            {
                "type": 1,
                "components": [
                    {"type": 2, "style": 1, "label": HOSTILE[0], "custom_id": HOSTILE[1]},
                    {
                        "type": 2, "style": 5, "label": "go", "url": "https://example.org/",
                    },
                ],
            },
            {
                "type": 1,
                "components": [
                    {
                        "type": 3,
                        "custom_id": "choose",
                        "placeholder": HOSTILE[1],
                        "options": [{"label": HOSTILE[0], "value": "1", "description": text[:90]}],
                    }
                ],
            },
        ],
    }  # fmt: skip
    await post_as_bot(stage, room, {"flags": 1 << 15, "components": [container]})
    tab = await PlayTab.open(browser, stage.control.url)
    await tab.open_channel("hostile")
    messages = tab.page.locator(".message")
    await expect(messages).to_have_count(len(HOSTILE) + 2)
    await expect(messages.first).to_contain_text("<img src=x onerror=alert(1)>")
    await messages.last.locator(".select").click()
    await expect(tab.page.locator(".options [role=option]")).to_contain_text("<img")
    injected = "#messages :is(script, iframe, style, svg, img[src='x'], [onerror], [onclick])"
    assert await tab.page.locator(injected).count() == 0
    assert await tab.page.locator("a[href^='javascript' i]").count() == 0
    tab.check()


@NEEDS_CHROMIUM
async def test_everything_works_by_keyboard(browser: Browser, stage: BotStage) -> None:
    await stage.open_channel(name="keys")
    tab = await PlayTab.open(browser, stage.control.url)
    page, press = tab.page, tab.page.keyboard.press
    await tab.tab_to("#channels li:last-child button")
    await press("Enter")
    await expect(page.locator("#channel-title")).to_contain_text("keys")
    await tab.tab_to("#entry")
    await page.keyboard.type("/video gen")
    await expect(page.locator("#entry-list [aria-selected=true]")).to_be_visible()
    await press("Enter")
    await page.keyboard.type("a kite over the dunes")
    await press("Enter")
    clip = tab.clips()
    await expect(clip).to_have_count(1)
    await expect(tab.entry).to_be_focused()

    # Edit opens a form that keeps the focus and gives it back
    await tab.tab_to(".message:has(video) .button[data-key*=edit]", back=True)
    await press("Enter")
    await expect(page.locator("dialog[open]")).to_be_visible()
    await tab.check_accessibility()
    for _ in range(12):
        await press("Tab")
        # between its last and first stop, the focus may be on the browser itself
        assert await page.evaluate(
            "document.activeElement === document.body"
            " || document.activeElement.closest('dialog') !== null"
        )
    await press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.locator(".message .button[data-key*=edit]")).to_be_focused()

    # the arrow keys go from message to message, and a message has a menu
    await tab.tab_to(".message", back=True)
    await press("ArrowUp")
    await expect(page.locator(".message").first).to_be_focused()
    await press("End")
    await expect(page.locator(".message").last).to_be_focused()
    await tab.tab_to(".toolbar [aria-label=More]")
    await press("Enter")
    menu = page.get_by_role("menu")
    await expect(menu.get_by_role("menuitem").first).to_be_focused()
    await tab.check_accessibility()
    await press("ArrowDown")
    await expect(menu.get_by_role("menuitem", name="Reply")).to_be_focused()
    await press("Enter")
    await expect(tab.entry).to_be_focused()
    await expect(page.locator(".reply-bar")).to_be_visible()
    await press("Escape")
    await expect(page.locator(".reply-bar")).to_have_count(0)
    tab.check()


@NEEDS_CHROMIUM
async def test_everything_fits_a_phone(browser: Browser, stage: BotStage) -> None:
    room = await stage.open_channel(name="narrow")
    await stage.control.message("Ada", room, "long " * 60 + "w" * 300 + "\n```\n" + "c" * 300)
    await stage.control.command("Ada", room, "video models")
    await stage.control.command("Ada", room, "help")
    await stage.request_clip(room, "a lighthouse", duration=4)
    tab = await PlayTab.open(browser, stage.control.url, size=PHONE, has_touch=True)
    await tab.check_width()
    await tab.page.get_by_role("button", name="Channels", exact=True).click()
    await tab.open_channel("narrow")
    await expect(tab.page.locator(".message.ephemeral").last).to_be_visible()
    await expect(tab.clips()).to_have_count(1)
    await tab.check_width()
    form = await tab.type_command("video generate")
    await expect(form.get_by_label("prompt", exact=True)).to_be_focused()
    await tab.check_width()
    await tab.check_accessibility()
    await tab.page.get_by_role("button", name="Behind the scenes").click()
    await tab.page.get_by_role("tab", name="Conditions").click()
    await tab.check_width()
    tab.check()


async def test_other_web_pages_are_refused(stage: BotStage) -> None:
    base = stage.control.url.removesuffix("/control")
    message = {"user": "Ada", "channel": "general", "content": "from elsewhere"}
    elsewhere = {"Origin": "http://elsewhere.example"}
    async with aiohttp.ClientSession() as session:
        for path in ("play/api/messages", "control/messages"):
            for headers in (
                elsewhere,
                {"Origin": "null"},
                {"Host": f"elsewhere.example:{base.rsplit(':', 1)[1]}"},
                {"Sec-Fetch-Site": "cross-site"},
            ):
                url = f"{base}/{path}"
                async with session.post(url, json=message, headers=headers) as response:
                    assert response.status == 403, (path, headers)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{base}/play/socket?user=Ada", headers=elsewhere)
        renamed = {"Host": f"localhost:{base.rsplit(':', 1)[1]}"}
        async with session.get(f"{base}/", headers=renamed, allow_redirects=False) as response:
            assert response.headers["Location"] == f"{base}/"
        opened = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        async with session.get(f"{base}/", headers=opened) as response:
            assert response.status == 200
            assert (
                "require-trusted-types-for 'script'" in response.headers["Content-Security-Policy"]
            )
    messages = await stage.control.messages("general")
    assert all(message["content"] != "from elsewhere" for message in messages)


async def test_only_its_person_is_told_of_an_ephemeral_message(stage: BotStage) -> None:
    base = stage.control.url.removesuffix("/control")
    room = await stage.open_channel(name="whispers")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{base}/play/socket?user=Ada") as ada,
        session.ws_connect(f"{base}/play/socket?user=Cem") as cem,
    ):
        for socket in (ada, cem):
            assert (await socket.receive_json())["type"] == "world"
        await stage.control.command("Ada", room, "help")
        seen = await receive_messages(ada, 1)
        assert seen[0]["is_ephemeral"]
        await stage.control.message("Ada", room, "now everybody")
        assert (await receive_messages(cem, 1))[0]["content"] == "now everybody"


async def test_typing_is_shown_to_all_who_see_the_channel(stage: BotStage) -> None:
    base = stage.control.url.removesuffix("/control")
    room = await stage.open_channel(name="slow")
    environment = stage.sandbox.environment_for_bot
    headers = {"Authorization": f"Bot {environment['DISCORD_TOKEN']}"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{base}/play/socket?user=Dia") as dia,
    ):
        world = (await dia.receive_json())["world"]
        url = f"{environment['DISCORD_API_URL']}/channels/{room}/typing"
        async with session.post(url, headers=headers) as response:
            assert response.status == 204
        frame = await dia.receive_json(timeout=stretch_timeout(60))
        while frame["type"] != "typing":
            frame = await dia.receive_json(timeout=stretch_timeout(60))
        assert (frame["channel_id"], frame["user_id"]) == (room, world["bot"]["id"])


async def test_what_a_browser_loads_is_not_listed_as_the_bots(stage: BotStage) -> None:
    base = stage.control.url.removesuffix("/control")
    for name, headers, listed in (
        ("person", {"Sec-Fetch-Site": "same-origin"}, 0),
        ("program", {}, 1),
    ):
        async with aiohttp.ClientSession() as session:
            url = f"{base}/avatars/1/{name}.png"
            async with session.get(url, headers=headers) as response:
                assert response.status == 200
        assert len(await stage.control.requests(path=f"/{name}.png")) == listed


async def receive_messages(
    socket: aiohttp.ClientWebSocketResponse, count: int
) -> list[dict[str, Any]]:
    """Return the next messages that a socket is told of."""
    messages: list[dict[str, Any]] = []
    while len(messages) < count:
        frame = await socket.receive_json(timeout=stretch_timeout(60))
        if frame["type"] == "message":
            messages.append(frame["message"])
    return messages
