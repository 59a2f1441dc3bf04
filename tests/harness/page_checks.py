"""What is checked of every page, whoever serves it: axe's findings, and requests to elsewhere."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from playwright.async_api import Page
from yarl import URL

_AXE: Final = (Path(__file__).parents[1] / "web/vendor/axe-core/axe.min.js").read_text("utf-8")
_RUN_AXE: Final = """axe.run({rules: {
    "label-content-name-mismatch": {enabled: true},  // off by default, being new
    "target-size": {enabled: true},
}})"""
_SERIOUS: Final = ("serious", "critical")


async def find_violations(page: Page) -> list[str]:
    """Return what axe finds that is serious."""
    await page.evaluate(_AXE)
    report = await page.evaluate(_RUN_AXE)
    return [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for violation in report["violations"]
        if violation["impact"] in _SERIOUS
        for node in violation["nodes"]
    ]


async def check_accessibility(page: Page) -> None:
    """Check that axe finds nothing serious."""
    violations = await find_violations(page)
    assert not violations, "\n".join(violations)


def find_foreign_urls(requested_urls: Iterable[str], own_url: str) -> list[str]:
    """Return the addresses that are not of the host of ``own_url``."""
    host = URL(own_url).authority
    return [
        url
        for url in requested_urls
        if URL(url).authority != host and not url.startswith(("blob:", "data:"))
    ]
