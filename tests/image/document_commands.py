"""The commands for Docker that a document gives, so that the checks run what operators read."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_IN_CONTAINER: Final = re.compile(
    r"^docker compose (?:exec|run --rm)(?: -T)? bot (.+)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class ContainerCommand:
    """What is run in a container; ``redirection`` is ``<``, ``>`` or nothing."""

    words: tuple[str, ...]
    redirection: str


def read_container_commands(page: Path, name: str) -> list[ContainerCommand]:
    """Return what the block with that name runs in the bot's container, in its order."""
    text = page.read_text("utf-8")
    block = re.search(rf"<!-- test: {name} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None, name
    commands = []
    for line in _IN_CONTAINER.findall(block[1]):
        words = shlex.split(line)
        redirection = words[-2] if len(words) > 2 and words[-2] in {"<", ">"} else ""
        commands.append(ContainerCommand(tuple(words[:-2] if redirection else words), redirection))
    return commands
