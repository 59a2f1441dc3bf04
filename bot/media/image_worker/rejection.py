"""The error for images that cannot be used."""


class ImageRejected(Exception):
    """The image cannot be used. ``reason`` and ``values`` go into the member's error message."""

    def __init__(self, reason: str, **values: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values
