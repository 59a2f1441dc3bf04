"""Cloud Storage, as far as clips in an operator's bucket need it.

https://cloud.google.com/storage/docs/json_api/v1/objects
"""

from typing import Final
from urllib.parse import quote, urlencode

from yarl import URL

from bot.google.connection import GoogleConnection
from bot.google.operations import as_list, as_mapping

STORAGE_URL: Final = "https://storage.googleapis.com"
_MAX_PAGES: Final = 10


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and object (or prefix) of a gs:// uri. Raises `ValueError`."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise ValueError("not a gs:// uri")
    return bucket, name


def build_media_url(connection: GoogleConnection, uri: str) -> URL:
    """Return the download url of a gs:// object. Raises `ValueError`."""
    bucket, name = split_uri(uri)
    return connection.build_url(f"{_build_objects_path(bucket)}/{quote(name, safe='')}?alt=media")


def _build_objects_path(bucket: str) -> str:
    return f"storage/v1/b/{quote(bucket, safe='')}/o"


async def list_objects(connection: GoogleConnection, prefix: str) -> list[str]:
    """Return the gs:// uris of the non-empty objects below ``prefix``, sorted by name.

    Raises `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound` (no such bucket).
    """
    bucket, name = split_uri(prefix)
    uris: list[str] = []
    query = {"prefix": name, "fields": "items(name,size),nextPageToken"}
    for _ in range(_MAX_PAGES):
        answer = await connection.request_json(
            "GET", f"{_build_objects_path(bucket)}?{urlencode(query)}", label="bucket"
        )
        page = as_mapping(answer)
        uris += [
            f"gs://{bucket}/{item['name']}"
            for item in as_list(page.get("items"))
            if isinstance(item, dict) and str(item.get("size", "0")) != "0"
        ]
        token = page.get("nextPageToken")
        if not isinstance(token, str) or not token:
            break
        query["pageToken"] = token
    return sorted(uris)
