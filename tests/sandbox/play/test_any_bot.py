"""Bots that are not the product, used through the page: the page knows no bot."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import discord
import pytest
import pytest_asyncio
import yarl
from playwright.async_api import Browser, Page, expect

from sandbox.testing import run_sandbox_in_thread
from tests.e2e.play_tab import PlayTab
from tests.harness.sandbox import SandboxProcess
from tests.sandbox.play.example_bots import (
    LibraryMissing,
    prepare_discord_js,
    prepare_discord_py,
    prepare_hikari,
    run_example,
)
from tests.sandbox.play.kitchen_bot import KitchenBot
from tests.web.browser_tab import NEEDS_CHROMIUM, until
from tests.web.conftest import browser as browser
from tests.web.conftest import running_chromium as running_chromium

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]

DROP = """target => {
    const data = new DataTransfer();
    data.items.add(new File(["a picture"], "soup.txt", {type: "text/plain"}));
    target.dispatchEvent(
        new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[SandboxProcess]:
    """A sandbox with the bot of the kitchen."""
    async with SandboxProcess(tmp_path_factory.mktemp("kitchen")) as running:
        environment = running.environment_for_bot
        gateway = yarl.URL(environment["DISCORD_GATEWAY_URL"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(discord.http.Route, "BASE", environment["DISCORD_API_URL"])
            patch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
            client = KitchenBot()
            connected = asyncio.create_task(client.start(environment["DISCORD_TOKEN"]))
            await client.synced.wait()
            await client.wait_until_ready()
            yield running
            await client.close()
            await asyncio.gather(connected, return_exceptions=True)
        health = await running.control.health()
        assert health["internal_errors"] == 0, health
        assert health["unknown_routes"] == 0, health


async def choose(page: Page, option: str, words: str) -> None:
    """Add an option to the open form, if it is not there, and choose from its list."""
    form = page.locator("form.command-form")
    add = form.get_by_role("button", name=f"Add {option}")
    if await add.count():
        await add.click()
    field = form.get_by_label(option, exact=True)
    await field.fill(words)
    await expect(page.locator(".choices:visible [role=option]").first).to_contain_text(words)
    await field.press("Enter")


async def test_options_completions_dropped_files_and_selects(
    browser: Browser, sandbox: SandboxProcess
) -> None:
    tab = await PlayTab.open(browser, sandbox.control.url)
    page = tab.page
    form = await tab.type_command("order")
    await choose(page, "dish", "soup")
    await choose(page, "size", "Large")
    await choose(page, "guest", "Bea")
    await choose(page, "hot", "True")
    await page.locator("#composer").evaluate(DROP)
    await expect(form.locator(".file-slot")).to_contain_text("soup.txt")
    await tab.check_accessibility()
    await form.get_by_role("button", name="Add plates").click()
    await form.get_by_label("plates", exact=True).fill("12")
    await form.get_by_role("button", name="Send").click()
    await expect(page.locator("#notice")).to_contain_text("plates")
    tab.errors.clear()  # Chromium notes the refusal itself
    await form.get_by_label("plates", exact=True).fill("2")
    await form.get_by_role("button", name="Send").click()
    order = page.locator(".message", has_text="Order of soup")
    await expect(order).to_contain_text("for @Bea")
    await expect(order.locator(".embed dd").first).to_have_text("3")
    await expect(order.locator(".embed-footer")).to_contain_text("soup.txt")

    await order.locator(".select").click()
    await expect(page.get_by_role("option", name="Cash")).to_contain_text("Coins and notes")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message", has_text="paid by card")).to_contain_text("(edited)")
    await page.get_by_role("button", name="Never answers").click()
    await expect(page.locator("#notice")).to_contain_text("did not respond")
    tab.check()


async def test_a_form_from_a_message_menu(browser: Browser, sandbox: SandboxProcess) -> None:
    tab = await PlayTab.open(browser, sandbox.control.url)
    page = tab.page
    await tab.entry.fill("the soup of today")
    await tab.entry.press("Enter")
    message = page.locator(".message", has_text="the soup of today")
    await message.click(button="right")
    await page.get_by_role("menuitem", name="Review this").click()
    form = page.get_by_role("dialog", name="Review")
    await tab.check_accessibility()
    await form.get_by_role("button", name="Submit").click()
    await expect(form.get_by_role("alert")).to_contain_text("Words")
    await form.get_by_label("Words").fill("warm")
    await form.get_by_label("5 stars").check()
    await form.get_by_label("salad").check()
    await form.get_by_label("soup").check()
    await form.get_by_label("Guest").select_option(label="Cem")
    upload = {"name": "bowl.txt", "mimeType": "text/plain", "buffer": b"a bowl"}
    await form.get_by_label("Picture").set_input_files(upload)  # type: ignore[arg-type]
    await form.get_by_role("button", name="Submit").click()
    answer = page.locator(".message.ephemeral").last
    await expect(answer).to_contain_text("warm | 5 | salad, soup | Cem | bowl.txt")
    await expect(form).to_have_count(0)

    await page.locator("#members").get_by_role("button", name="Dia").click()
    await page.get_by_role("menuitem", name="Greet").click()
    await expect(page.locator(".message", has_text="Hello @Dia")).to_be_visible()
    tab.check()


async def test_people_write_edit_open_threads_and_delete(
    browser: Browser, sandbox: SandboxProcess
) -> None:
    tab = await PlayTab.open(browser, sandbox.control.url)
    page = tab.page
    await tab.open_channel("clips")
    await page.locator("#composer").evaluate(DROP)
    await expect(page.locator(".file-bar")).to_contain_text("soup.txt")
    await tab.entry.press("Enter")
    await expect(page.locator(".message .file")).to_contain_text("9 bytes")
    await tab.entry.press_sequentially("**first** words for @C")
    await expect(page.locator("#entry-list")).to_contain_text("Cem")
    await tab.entry.press("ArrowDown")
    await tab.entry.press("Enter")
    await expect(tab.entry).to_have_value("**first** words for @cem ")
    await tab.entry.press("Enter")
    message = page.locator(".message", has_text="words for")
    await expect(message.locator("strong")).to_have_text("first")
    await expect(message.locator(".mention")).to_have_text("@Cem")
    await tab.entry.press("ArrowUp")
    await page.locator(".edit-input").fill("other words for everybody")
    await page.keyboard.press("Enter")
    await expect(message).to_contain_text("other words for everybody")
    await message.click(button="right")
    await page.get_by_role("menuitem", name="Create thread").click()
    await expect(page.locator("#channel-title")).to_contain_text("other words")
    await tab.open_channel("clips")

    other = await PlayTab.open(browser, sandbox.control.url)
    await other.become("Cem")
    await other.open_channel("clips")
    seen = other.page.locator(".message .content", has_text="other words")
    await seen.click(button="right")
    await expect(other.page.get_by_role("menuitem", name="Reply")).to_be_visible()
    await expect(other.page.get_by_role("menuitem", name="Delete message")).to_have_count(0)
    await other.page.keyboard.press("Escape")
    await message.first.click(button="right")
    await page.get_by_role("menuitem", name="Delete message").click()
    await expect(page.locator(".message .content", has_text="other words")).to_have_count(0)
    await expect(seen).to_have_count(0)
    for each in (tab, other):
        each.check()


async def test_polls_stickers_and_forwards_are_drawn(
    browser: Browser, sandbox: SandboxProcess
) -> None:
    calls, poll = sandbox.control, {"question": "Soup or salad?", "answers": ["Soup", "Salad"]}
    tab = await PlayTab.open(browser, calls.url)
    page = tab.page
    shared = {"user": "Ada", "channel": "#general"}
    await calls.call("POST", "messages", shared | {"poll": poll})
    asked = page.get_by_role("region", name="Poll: Soup or salad?")
    await expect(asked.get_by_role("listitem")).to_have_text(["Soup", "Salad"])
    await expect(asked).to_contain_text("0 votes • 24h left")
    await calls.call("POST", "messages", shared | {"stickers": ["Wave"]})
    sticker = page.get_by_role("img", name="Wave (sticker)")
    await expect(sticker).to_be_visible()
    await until(page, "document.querySelector('.sticker').naturalWidth > 0")
    said = await calls.call("POST", "messages", shared | {"content": "the **best** soup"})
    forward = {"user": "Cem", "channel": "#clips", "forward": said["message"]["id"]}
    await calls.call("POST", "messages", forward)
    await tab.check_accessibility()
    await tab.open_channel("clips")
    forwarded = page.locator(".forwarded")
    await expect(forwarded).to_contain_text("Forwarded")
    await expect(forwarded.locator("strong")).to_have_text("best")
    await tab.check_accessibility()
    await forwarded.get_by_role("button", name="#general").click()
    await expect(page.locator("#channel-title")).to_contain_text("general")
    await expect(page.locator(".message", has_text="the best soup")).to_be_visible()
    tab.check()


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(prepare_discord_py, id="discord.py"),
        pytest.param(prepare_hikari, id="hikari"),
        pytest.param(prepare_discord_js, id="discord.js"),
    ],
)
async def test_an_example_of_each_library(
    browser: Browser, tmp_path: Path, prepare: Callable[[], Awaitable[list[str | Path]]]
) -> None:
    try:
        command = await prepare()
    except LibraryMissing as missing:
        pytest.skip(str(missing))
    with run_sandbox_in_thread(directory=tmp_path / "sandbox") as sandbox:
        ready = sandbox.world.wait_for_commands("greet", within_s=20)
        async with run_example(command, sandbox.env, ready):
            tab = await PlayTab.open(browser, f"{sandbox.url}/control")
            form = await tab.type_command("greet")
            await choose(tab.page, "person", "Bea")
            await form.get_by_role("button", name="Send").click()
            greeting = tab.page.locator(".message", has_text="Hello, @Bea!")
            await greeting.get_by_role("button", name="Wave").click()
            await expect(tab.page.locator(".message.ephemeral")).to_contain_text("You waved.")
            tab.check()
            await tab.page.context.close()
        health = await sandbox.calls.send("GET", "health")
    assert health["internal_errors"] == 0, health
    assert health["unknown_routes"] == 0, health
