"""The paths of the gallery's pages. Messages link to them, and the web server serves them."""

from typing import Final

CLIPS_PREFIX: Final = "/clips"
SERVERS_PREFIX: Final = "/s"
CREATORS_PREFIX: Final = "/m"


def build_clip_path(clip_id: int) -> str:
    return f"{CLIPS_PREFIX}/{clip_id}"


def build_server_path(segment: int | str) -> str:
    """Return the path of a server's page. ``segment`` is its id, or an address made of its name."""
    return f"{SERVERS_PREFIX}/{segment}"


def build_creator_path(key: str) -> str:
    """Return the path of a creator's page, given its key."""
    return f"{CREATORS_PREFIX}/{key}"


def build_page_address(gallery_url: str, path: str) -> str:
    """Return the public address of a page in the gallery at ``gallery_url``."""
    return gallery_url.rstrip("/") + path
