"""Warns about names that look like misspelled settings: a misspelled limit would limit nothing.

Most names in `.env` are ours, so any that begins like a setting is reported. The environment has
many names of other programs, so a name there must begin as only ours do, or be almost one of ours.
"""

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from bot.config.renamed_settings import RENAMED_SETTINGS

_OWN_PREFIXES: Final = ("default_member_", "default_server_", "bot_", "keep_clips_", "keep_left_")
_ALMOST: Final = 0.87
"""How similar a name must be (by `difflib`) to be taken for one of ours in the environment."""
_SIMILAR: Final = 0.8
_POSSIBLE: Final = 0.6


def find_unknown_settings(
    *, file_names: Iterable[str], environment_names: Iterable[str], known: frozenset[str]
) -> dict[str, str | None]:
    """Return unknown names with the setting that was probably meant; all in lower case."""
    known = known | RENAMED_SETTINGS.keys()
    beginnings = tuple({f"{name.partition('_')[0]}_" for name in known})
    in_file = {
        name
        for name in file_names
        if name not in known
        and (name.startswith(beginnings) or _find_similar(name, known, _SIMILAR) is not None)
    }
    in_environment = {
        name
        for name in environment_names
        if name not in known
        and (name.startswith(_OWN_PREFIXES) or _find_similar(name, known, _ALMOST) is not None)
    }
    return {
        name: _find_similar(name, known - RENAMED_SETTINGS.keys(), _POSSIBLE)
        for name in sorted(in_file | in_environment)
    }


def warn_of_unknown_settings(
    *, file_names: Iterable[str], environment_names: Iterable[str], known: frozenset[str]
) -> None:
    """Write one line on stderr for each unknown name."""
    unknown = find_unknown_settings(
        file_names=file_names, environment_names=environment_names, known=known
    )
    for name, similar in unknown.items():
        hint = "" if similar is None else f" Did you mean {similar.upper()}?"
        sys.stderr.write(f"clapper: there is no setting {name.upper()}; it is ignored.{hint}\n")


def _find_similar(name: str, known: frozenset[str], cutoff: float) -> str | None:
    return next(iter(get_close_matches(name, known, n=1, cutoff=cutoff)), None)
