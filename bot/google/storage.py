"""The little of Cloud Storage that clips in an operator's bucket take: list a prefix, and where
an object's bytes are.

https://cloud.google.com/storage/docs/json_api/v1/objects
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from yarl import URL

from bot.google.connection import GoogleConnection

STORAGE_URL: Final = "https://storage.googleapis.com"
_MAX_PAGES: Final = 10


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and object (or prefix) of a gs:// uri. Raises `ValueError`."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise ValueError("not a gs:// uri")
    return bucket, name


def build_media_url(connection: GoogleConnection, uri: str) -> URL:
    """Return where the bytes of a gs:// object are. Raises `ValueError`."""
    bucket, name = split_uri(uri)
    return connection.build_url(f"{_build_objects_path(bucket)}/{quote(name, safe='')}?alt=media")


def _build_objects_path(bucket: str) -> str:
    return f"storage/v1/b/{quote(bucket, safe='')}/o"


async def list_objects(connection: GoogleConnection, prefix: str) -> list[str]:
    """Return the gs:// uris of the objects below ``prefix``, by name.

    Raises `GoogleBusy`, `AccessRefused` or `RemoteGone` (no such bucket).
    """
    bucket, name = split_uri(prefix)
    found: list[str] = []
    query = {"prefix": name, "fields": "items(name,size),nextPageToken"}
    for _ in range(_MAX_PAGES):
        answer = await connection.request_json(
            "GET", f"{_build_objects_path(bucket)}?{urlencode(query)}", label="bucket"
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
