"""The programs that `clapper` replaced, kept for one release: `python -m bot.switch` and others."""

import sys
from typing import Final, NoReturn

from bot.cli.main import main

OLD_PROGRAMS: Final = {
    "bot.domain.catalogue": "models",
    "bot.health": "health",
    "bot.judge": "settle",
    "bot.restored": "after-restore",
    "bot.status": "status",
    "bot.switch": "pause",  # or resume: its first word says so
    "bot.web": "web",
}


def run_old_program(module: str) -> NoReturn:
    """Warn on stderr, naming the new command, and run that with the same arguments."""
    words = sys.argv[1:]
    if module != "bot.switch" or words[:1] not in (["pause"], ["resume"]):
        words = [OLD_PROGRAMS[module], *words]
    if module == "bot.switch" and len(words) == 1 and len(sys.argv) == 1:
        words.append("--show")  # without arguments it showed whether the bot was paused
    print(
        f'clapper: "python -m {module}" is now "clapper {words[0]}";'
        " the old name is removed in the next release.",
        file=sys.stderr,
    )
    sys.exit(main(words))
