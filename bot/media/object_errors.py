"""Turns the errors of an object store into the program's own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bot.domain.errors import MediaUnavailable, MediaUnusable

_ERROR_CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")
_REFUSALS: Final = frozenset({"PermissionDeniedError", "UnauthenticatedError"})
_CREDENTIAL_SERVER: Final = "://169.254.169.254"
"""Where a cloud's machines ask for their credentials, if they were given none."""
_STATUS: Final = re.compile(r"\b([45]\d\d) [A-Z]")


@contextmanager
def convert_store_errors(action: str, key: str) -> Iterator[None]:
    """Raise `FileNotFoundError`, `MediaUnusable` or `MediaUnavailable` for errors of obstore.

    Its own texts contain addresses and whole answers, so only the code in them is kept.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(key) from error
    except (OSError, ValueError):
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "obstore":
            raise
        message = f"cannot {action} {key}: {_find_reason(error)}"
        if type(error).__name__ in _REFUSALS or _CREDENTIAL_SERVER in str(error):
            raise MediaUnusable(message) from error
        raise MediaUnavailable(message) from error


def _find_reason(error: Exception) -> str:
    text = str(error)
    if _CREDENTIAL_SERVER in text:
        return "no credentials"
    match = _ERROR_CODE.search(text) or _STATUS.search(text)
    return match[1] if match else type(error).__name__
