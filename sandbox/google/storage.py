"""The little of Cloud Storage's JSON API that finding and fetching clips takes: ``/gcs``.

https://cloud.google.com/storage/docs/json_api/v1/objects: list by prefix, get, get media.
"""

from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from sandbox.google.errors import GoogleError, InvalidArgument, NotFound
from sandbox.google.files import StoredObject
from sandbox.google.google import Google
from sandbox.google.http import answering

_PAGE: Final = 1000


class StorageApi:
    """Handlers over the objects of a Google."""

    def __init__(self, google: Google) -> None:
        self._google = google

    def routes(self) -> list[web.RouteDef]:
        """The routes, by full path."""
        objects = "storage/v1/b/{bucket}/o"
        return [
            web.get(f"/gcs/{objects}", answering(self.list_objects)),
            web.get(f"/gcs/{objects}/{{object:.+}}", answering(self.get_object)),
            web.get(f"/gcs/download/{objects}/{{object:.+}}", answering(self.get_object)),
        ]

    async def list_objects(self, request: web.Request) -> web.StreamResponse:
        """GET b/BUCKET/o?prefix=…: the objects of a bucket, in pages."""
        self._check_access(request)
        # a clip is in the bucket once it is made, whether or not anybody has polled
        self._google.operations.refresh_all(self._google.now())
        query = request.query
        found = self._google.objects.listed(request.match_info["bucket"], query.get("prefix", ""))
        try:
            size = min(int(query.get("maxResults", _PAGE)), _PAGE)
            first = int(query.get("pageToken") or 0)
        except ValueError as error:
            message = "Invalid maxResults or pageToken."
            raise InvalidArgument(message) from error
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if page := found[first : first + size]:
            answer["items"] = [_shown(item) for item in page]
        if first + size < len(found):
            answer["nextPageToken"] = str(first + size)
        return web.json_response(answer)

    async def get_object(self, request: web.Request) -> web.StreamResponse:
        """GET b/BUCKET/o/OBJECT: what it is, or with alt=media its bytes."""
        self._check_access(request)
        info = request.match_info
        item = self._google.objects.get(info["bucket"], info["object"])
        if item is None:
            message = f"No such object: {info['bucket']}/{info['object']}"
            raise NotFound(message)
        if request.query.get("alt") != "media":
            return web.json_response(_shown(item))
        self._google.counters["downloads"] += 1
        return web.FileResponse(item.clip.path, headers={"Content-Type": "video/mp4"})

    def _check_access(self, request: web.Request) -> None:
        google = self._google
        try:
            google.tokens.check(request.headers.get("Authorization", ""), google.now())
        except GoogleError:
            google.counters["unauthorised"] += 1
            raise


def _shown(item: StoredObject) -> dict[str, Any]:
    created = datetime.fromtimestamp(item.created, UTC).isoformat().replace("+00:00", "Z")
    return {
        "kind": "storage#object",
        "id": f"{item.bucket}/{item.name}",
        "name": item.name,
        "bucket": item.bucket,
        "contentType": "video/mp4",
        "size": str(item.clip.size),
        "timeCreated": created,
        "updated": created,
    }
