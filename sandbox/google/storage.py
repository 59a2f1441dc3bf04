"""The part of Cloud Storage's JSON API that a bot needs, under ``/gcs``.

List by prefix, get, get media, insert (``uploadType=media``) and delete:
https://cloud.google.com/storage/docs/json_api/v1/objects
"""

from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from sandbox.google.errors import (
    ConditionNotMet,
    GoogleError,
    GoogleNotFound,
    InvalidArgument,
)
from sandbox.google.models import VeoMode
from sandbox.google.omni.refusals import InteractionRefused
from sandbox.google.request_handling import answer_errors
from sandbox.google.service import SandboxGoogle
from sandbox.google.stored_clips import ClipOrigin, StoredObject

_PAGE_SIZE: Final = 1000


class StorageApi:
    """Handlers of Cloud Storage."""

    def __init__(self, google: SandboxGoogle) -> None:
        self._google = google

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes, by full path."""
        objects = "storage/v1/b/{bucket}/o"
        return [
            web.get(f"/gcs/{objects}", answer_errors(self.list_objects)),
            web.get(f"/gcs/{objects}/{{object:.+}}", answer_errors(self.get_object)),
            web.delete(f"/gcs/{objects}/{{object:.+}}", answer_errors(self.delete_object)),
            web.post(f"/gcs/upload/{objects}", answer_errors(self.insert_object)),
            web.get(f"/gcs/download/{objects}/{{object:.+}}", answer_errors(self.get_object)),
        ]

    async def list_objects(self, request: web.Request) -> web.StreamResponse:
        """GET b/BUCKET/o?prefix=…: the objects of a bucket, in pages."""
        self._check_access(request)
        # A clip is in the bucket once it is made, polled for or not.
        self._google.operations.refresh_all(self._google.now())
        for interaction in self._google.omni.store.interactions:
            self._google.omni.refresh(interaction)
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
        item = self._require_object(request)
        if request.query.get("alt") != "media":
            return web.json_response(_object_payload(item))
        self._google.counters["downloads"] += 1
        return web.FileResponse(item.clip.path, headers={"Content-Type": item.mime_type})

    async def insert_object(self, request: web.Request) -> web.StreamResponse:
        """POST upload/…/b/BUCKET/o?uploadType=media&name=…: the body becomes an object."""
        self._check_access(request)
        query, google = request.query, self._google
        name, bucket = query.get("name"), request.match_info["bucket"]
        if query.get("uploadType") != "media" or not name:
            raise InvalidArgument("Only uploadType=media with a name is supported.")
        if query.get("ifGenerationMatch") == "0" and google.objects.get_object(bucket, name):
            raise ConditionNotMet("At least one of the pre-conditions you specified did not hold.")
        mime_type = request.headers.get("Content-Type") or "application/octet-stream"
        try:
            clip = await google.omni.inputs.keep_bytes(await request.read(), mime_type)
        except InteractionRefused as error:
            raise InvalidArgument(error.message) from error
        origin = ClipOrigin(VeoMode.TEXT, "16:9", "720p", 0, "upload")
        item = StoredObject(bucket, name, clip, origin, google.now(), mime_type)
        google.objects.add_object(item)
        return web.json_response(_object_payload(item))

    async def delete_object(self, request: web.Request) -> web.StreamResponse:
        """DELETE b/BUCKET/o/OBJECT."""
        self._check_access(request)
        self._google.objects.remove_object(self._require_object(request))
        return web.Response(status=204)

    def _require_object(self, request: web.Request) -> StoredObject:
        info = request.match_info
        item = self._google.objects.get_object(info["bucket"], info["object"])
        if item is None:
            raise GoogleNotFound(f"No such object: {info['bucket']}/{info['object']}")
        return item

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
        "contentType": item.mime_type,
        "size": str(item.clip.size),
        "timeCreated": created,
        "updated": created,
    }
