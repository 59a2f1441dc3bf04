"""The addresses of the pages with the terms and the privacy policy, which Discord asks for.

The web server serves them, `/help` and the welcome message link to them, and `clapper doctor`
compares them with what the developer portal says.
"""

from dataclasses import dataclass
from typing import Final

TERMS_PATH: Final = "/terms"
PRIVACY_PATH: Final = "/privacy"


@dataclass(frozen=True, slots=True)
class LegalAddresses:
    """The public URL of each page."""

    terms: str
    privacy: str


def build_legal_addresses(public_url: str | None) -> LegalAddresses | None:
    """Return the pages below ``public_url``; `None` without one, as nobody outside sees them."""
    if public_url is None:
        return None
    base = public_url.rstrip("/")
    return LegalAddresses(terms=base + TERMS_PATH, privacy=base + PRIVACY_PATH)
