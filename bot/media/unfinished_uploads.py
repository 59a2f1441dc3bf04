"""Aborts uploads in parts whose process has died. S3 keeps their parts, and no list shows them.

The library for buckets has no call for this. Its two requests are signed here, as described in
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlsplit

from bot.domain.errors import MediaUnavailable

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class UnfinishedUpload:
    """An upload that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    begun_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedUploads:
    """The unfinished uploads below ``prefix`` in a bucket. Methods block.

    All raise `MediaUnavailable`.
    """

    endpoint_url: str
    bucket: str
    prefix: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    def abort_begun_before(self, time: datetime) -> int:
        """Abort the uploads that were begun before a time; return how many."""
        old = [upload for upload in self._list_uploads() if upload.begun_at < time]
        for upload in old:
            path = f"/{self.bucket}/{upload.key}"
            self._request("DELETE", path, {"uploadId": upload.upload_id})
        return len(old)

    def _list_uploads(self) -> list[UnfinishedUpload]:
        """Return at most a thousand, which is one answer."""
        from xml.etree import ElementTree  # only here, once an hour

        answer = self._request("GET", f"/{self.bucket}", {"prefix": self.prefix, "uploads": ""})
        try:
            document = ElementTree.fromstring(answer)  # noqa: S314 - the operator's own server
            return [
                UnfinishedUpload(
                    key=each.findtext("{*}Key", ""),
                    upload_id=each.findtext("{*}UploadId", ""),
                    begun_at=datetime.fromisoformat(each.findtext("{*}Initiated", "")),
                )
                for each in document.iterfind("{*}Upload")
            ]
        except (ElementTree.ParseError, ValueError) as error:
            raise MediaUnavailable("the list of unfinished uploads is malformed") from error

    def _request(self, method: str, path: str, query: Mapping[str, str]) -> bytes:
        address = urlsplit(self.endpoint_url)
        path = quote(f"{address.path.rstrip('/')}{path}", safe="/~")
        query_text = "&".join(
            f"{quote(name, safe='~')}={quote(value, safe='~')}"
            for name, value in sorted(query.items())
        )
        headers = self._sign(method, address.netloc, path, query_text, datetime.now(UTC))
        connection = (
            http.client.HTTPSConnection(address.netloc, timeout=_TIMEOUT_S)
            if address.scheme == "https"
            else http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT_S)
        )
        try:
            connection.request(method, f"{path}?{query_text}", headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise MediaUnavailable(f"unfinished uploads: {type(error).__name__}") from error
        finally:
            connection.close()
        is_gone = method == "DELETE" and answer.status == HTTPStatus.NOT_FOUND
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES and not is_gone:
            raise MediaUnavailable(f"unfinished uploads: status {answer.status}")
        return content

    def _sign(self, method: str, host: str, path: str, query: str, now: datetime) -> dict[str, str]:
        """Return the headers of a signed request without a body."""
        time = f"{now:%Y%m%dT%H%M%SZ}"
        headers = {"host": host, "x-amz-content-sha256": _EMPTY_SHA256, "x-amz-date": time}
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        names = ";".join(headers)
        request = "\n".join([method, path, query, lines, names, _EMPTY_SHA256])
        scope = f"{now:%Y%m%d}/{self.region}/s3/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        key = f"AWS4{self.secret_access_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"{_ALGORITHM}\n{time}\n{scope}\n{digest}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"{self.access_key_id}/{scope}"
        headers["Authorization"] = (
            f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        )
        return headers
