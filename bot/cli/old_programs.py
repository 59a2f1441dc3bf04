"""The programs that `clapper` replaced, kept for one release: `python -m bot.switch` and others."""

import sys
from typing import Final, NoReturn

from bot.cli.main import main

_REPLACEMENTS: Final = {
    "bot.domain.catalogue": "models",
    "bot.health": "health",
    "bot.judge": "settle",
    "bot.restored": "after-restore",
    "bot.status": "status",
    "bot.web": "web",
}


def run_old_program(module: str) -> NoReturn:
    """Warn on stderr, naming the new command, and run that with the same arguments."""
    words = sys.argv[1:]
    if module == "bot.switch":  # its first word was the command; without one it showed the state
        command = words.pop(0) if words and words[0] in ("pause", "resume") else "pause"
        words = [command, *(words or (["--show"] if len(sys.argv) == 1 else []))]
    else:
        words = [_REPLACEMENTS[module], *words]
    print(
        f'clapper: "python -m {module}" is now "clapper {words[0]}";'
        " the old name is removed in the next release.",
        file=sys.stderr,
    )
    sys.exit(main(words))
