"""An attachment's type follows from its file name, as on Discord."""

import pytest

from sandbox.discord.files import content_type_of


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        pytest.param("photo.jfif", "image/jpeg", id="images-F14-jfif"),
        pytest.param("photo.JPE", "image/jpeg", id="images-F14-jpe"),
        pytest.param("photo.heif", "image/heif", id="images-F14-heif"),
        pytest.param("photo.apng", "image/apng", id="images-F14-apng"),
        pytest.param("scan.tiff", "image/tiff", id="images-F14-tiff"),
        pytest.param("logo.svg", "image/svg+xml", id="images-F14-svg"),
        pytest.param("film.mkv", "video/x-matroska", id="images-F14-mkv"),
        pytest.param("photo", None, id="images-F14-no-ending"),
        pytest.param("photo.unheard", None, id="images-F14-unknown"),
    ],
)
def test_types_by_ending(name: str, content_type: str | None) -> None:
    assert content_type_of(name) == content_type
