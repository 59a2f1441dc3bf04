"""Requests to Cloud Storage for clips in an operator's bucket.

https://cloud.google.com/storage/docs/json_api/v1/objects
"""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from bot.domain.errors import GoogleUnavailable, RemoteNotFound
from bot.google.api_errors import classify_call_error
from bot.google.connection import CONNECT_S, SUBMIT_S, GoogleConnection
from bot.google.operations import as_list, as_mapping

STORAGE_URL: Final = "https://storage.googleapis.com"
_MAX_PAGES: Final = 10
_CHUNK_BYTES: Final = 256 * 1024


def split_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the object (or prefix) of a gs:// uri. Raises `ValueError`."""
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


async def upload_object(connection: GoogleConnection, uri: str, path: Path, mime_type: str) -> None:
    """Stream a file to a gs:// object, and replace the object if it exists.

    Raises `FileNotFoundError`, `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound`.
    """
    bucket, name = split_uri(uri)
    query = urlencode({"uploadType": "media", "name": name})
    url = connection.build_url(f"upload/{_build_objects_path(bucket)}?{query}")
    size = (await asyncio.to_thread(path.stat)).st_size
    headers = {
        **await connection.get_authorization_headers(url),
        "Content-Type": mime_type,
        "Content-Length": str(size),
    }
    timeout = aiohttp.ClientTimeout(total=SUBMIT_S, sock_connect=CONNECT_S)
    try:
        async with connection.session.post(
            url, data=read_chunks(path), headers=headers, allow_redirects=False, timeout=timeout
        ) as response:
            if response.status != HTTPStatus.OK:
                answer = await connection.read_error_answer(response)
                raise classify_call_error(answer, "upload")
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise GoogleUnavailable(f"upload: {type(error).__name__}") from error


async def delete_object(connection: GoogleConnection, uri: str) -> None:
    """Delete a gs:// object. It is no error if it is gone.

    Raises `GoogleUnavailable` or `AccessRefused`.
    """
    bucket, name = split_uri(uri)
    url = connection.build_url(f"{_build_objects_path(bucket)}/{quote(name, safe='')}")
    headers = await connection.get_authorization_headers(url)
    try:
        async with connection.session.delete(
            url, headers=headers, allow_redirects=False
        ) as response:
            if response.status in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
                return
            refusal = classify_call_error(await connection.read_error_answer(response), "delete")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise GoogleUnavailable(f"delete: {type(error).__name__}") from error
    if not isinstance(refusal, RemoteNotFound):
        raise refusal


async def read_chunks(path: Path) -> AsyncIterator[bytes]:
    """Yield a file's bytes, read in a thread.

    The file is closed before the last chunk is yielded, because a consumer that knows the length
    does not read to the end.
    """
    file = await asyncio.to_thread(path.open, "rb")
    try:
        chunk = await asyncio.to_thread(file.read, _CHUNK_BYTES)
        while chunk:
            following = await asyncio.to_thread(file.read, _CHUNK_BYTES)
            if not following:
                await asyncio.to_thread(file.close)
            yield chunk
            chunk = following
    finally:
        await asyncio.to_thread(file.close)
