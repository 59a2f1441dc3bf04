"""The little of Cloud Storage that clips in an operator's bucket take: list a prefix, and where
an object's bytes are.

https://cloud.google.com/storage/docs/json_api/v1/objects
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from yarl import URL

from bot.google.connection import Connection

STORAGE_URL: Final = "https://storage.googleapis.com"
_MAX_PAGES: Final = 10


def split(uri: str) -> tuple[str, str]:
    """Return bucket and object (or prefix) of a gs:// uri. Raises `ValueError`."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise ValueError("not a gs:// uri")
    return bucket, name


def media_url(connection: Connection, uri: str) -> URL:
    """Return where the bytes of a gs:// object are. Raises `ValueError`."""
    bucket, name = split(uri)
    return connection.url(f"{_objects(bucket)}/{quote(name, safe='')}?alt=media")


def _objects(bucket: str) -> str:
    return f"storage/v1/b/{quote(bucket, safe='')}/o"


async def listed(connection: Connection, prefix: str) -> list[str]:
    """Return the gs:// uris of the objects below ``prefix``, by name.

    Raises `GoogleBusy`, `AccessRefused` or `RemoteGone` (no such bucket).
    """
    bucket, name = split(prefix)
    found: list[str] = []
    query = {"prefix": name, "fields": "items(name,size),nextPageToken"}
    for _ in range(_MAX_PAGES):
        answer = await connection.call(
            "GET", f"{_objects(bucket)}?{urlencode(query)}", what="bucket"
        )
        page: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
        found += [
            f"gs://{bucket}/{item['name']}"
            for item in page.get("items", [])
            if isinstance(item, dict) and str(item.get("size", "0")) != "0"
        ]
        token = page.get("nextPageToken")
        if not isinstance(token, str) or not token:
            break
        query["pageToken"] = token
    return sorted(found)
