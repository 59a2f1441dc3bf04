"""The part of Cloud Storage's JSON API that finds and fetches clips, under ``/gcs``.

List by prefix, get, get media: https://cloud.google.com/storage/docs/json_api/v1/objects
"""

from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from sandbox.google.errors import GoogleError, GoogleNotFound, InvalidArgument
from sandbox.google.request_handling import answer_errors
from sandbox.google.service import SandboxGoogle
from sandbox.google.stored_clips import StoredObject

_PAGE_SIZE: Final = 1000


class StorageApi:
    """Handlers of Cloud Storage."""

    def __init__(self, google: SandboxGoogle) -> None:
        self._google = google

    def build_routes(self) -> list[web.RouteDef]:
        """The routes, by full path."""
        objects = "storage/v1/b/{bucket}/o"
        return [
            web.get(f"/gcs/{objects}", answer_errors(self.list_objects)),
            web.get(f"/gcs/{objects}/{{object:.+}}", answer_errors(self.get_object)),
            web.get(f"/gcs/download/{objects}/{{object:.+}}", answer_errors(self.get_object)),
        ]

    async def list_objects(self, request: web.Request) -> web.StreamResponse:
        """GET b/BUCKET/o?prefix=…: the objects of a bucket, in pages."""
        self._check_access(request)
        # A clip is in the bucket once it is made, polled for or not.
        self._google.operations.refresh_all(self._google.now())
        query = request.query
        stored_objects = self._google.objects.list_objects(
            request.match_info["bucket"], query.get("prefix", "")
        )
        try:
            size = min(int(query.get("maxResults", _PAGE_SIZE)), _PAGE_SIZE)
            first = int(query.get("pageToken") or 0)
        except ValueError as error:
            raise InvalidArgument("Invalid maxResults or pageToken.") from error
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if page := stored_objects[first : first + size]:
            answer["items"] = [_object_payload(item) for item in page]
        if first + size < len(stored_objects):
            answer["nextPageToken"] = str(first + size)
        return web.json_response(answer)

    async def get_object(self, request: web.Request) -> web.StreamResponse:
        """GET b/BUCKET/o/OBJECT: its metadata, or with alt=media its bytes."""
        self._check_access(request)
        info = request.match_info
        item = self._google.objects.get_object(info["bucket"], info["object"])
        if item is None:
            raise GoogleNotFound(f"No such object: {info['bucket']}/{info['object']}")
        if request.query.get("alt") != "media":
            return web.json_response(_object_payload(item))
        self._google.counters["downloads"] += 1
        return web.FileResponse(item.clip.path, headers={"Content-Type": "video/mp4"})

    def _check_access(self, request: web.Request) -> None:
        google = self._google
        try:
            google.tokens.check_authorization(
                request.headers.get("Authorization", ""), google.now()
            )
        except GoogleError:
            google.counters["unauthorised"] += 1
            raise


def _object_payload(item: StoredObject) -> dict[str, Any]:
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
