"""Requests to S3 that the bot signs itself."""

from datetime import UTC, datetime

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bot.media.unfinished_uploads import UnfinishedUploads
from tests.harness.object_store import KEY, SECRET


def test_requests_for_unfinished_uploads_are_signed_as_by_amazon() -> None:
    uploads = UnfinishedUploads(
        endpoint_url="https://s3.example",
        bucket="b",
        prefix="p/",
        region="eu-west-1",
        access_key_id=KEY,
        secret_access_key=SECRET,
    )
    now = datetime(2026, 11, 30, 9, 15, tzinfo=UTC)
    path, query = "/b/p/clips/a%20b%2Bc.mp4", "prefix=p%2F&uploads="
    headers = uploads._sign("GET", "s3.example", path, query, now)
    signer = S3SigV4Auth(Credentials(KEY, SECRET), "s3", "eu-west-1")
    request = AWSRequest("GET", f"https://s3.example{path}?{query}", headers={"host": "s3.example"})
    request.context["timestamp"] = headers["x-amz-date"]
    request.headers["X-Amz-Content-SHA256"] = headers["x-amz-content-sha256"]
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert headers["Authorization"].endswith(signer.signature(text, request))
