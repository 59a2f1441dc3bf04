"""How a bucket is reached, without a request."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import MediaUnusable
from bot.media.object_store import BucketAccess, open_bucket

S3 = BucketAccess(url="s3://b/f/g", access_key_id="k", secret_access_key="s", region="eu-west-1")
GOOGLE = BucketAccess(url="gs://b/f")


def test_both_clouds_can_be_opened() -> None:
    assert open_bucket(S3).prefix == "f/g"
    assert open_bucket(GOOGLE).prefix == "f"


def test_credentials_that_are_no_file_are_unusable(tmp_path: Path) -> None:
    with pytest.raises(MediaUnusable):
        open_bucket(replace(GOOGLE, google_credentials=tmp_path / "missing.json"))


def test_a_secret_is_not_printed() -> None:
    assert "secret_access_key" not in repr(S3)


@pytest.mark.parametrize(
    ("endpoint_url", "uses_tls"),
    [(None, True), ("https://minio.example", True), ("http://minio:9000", False)],
)
def test_plain_http_is_only_used_if_it_is_configured(
    endpoint_url: str | None, uses_tls: bool
) -> None:
    assert replace(S3, endpoint_url=endpoint_url).uses_tls is uses_tls


def test_unfinished_uploads_need_the_keys() -> None:
    found = S3.find_unfinished_uploads()
    assert found is not None
    assert (found.endpoint_url, found.bucket, found.prefix) == (
        "https://s3.eu-west-1.amazonaws.com",
        "b",
        "f/g/",
    )
    assert "secret_access_key" not in repr(found)
    assert replace(S3, access_key_id=None).find_unfinished_uploads() is None
    assert GOOGLE.find_unfinished_uploads() is None
