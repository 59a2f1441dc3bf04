"""`python -m bot` is `clapper run`; with arguments it is `clapper` itself."""

import sys

from bot.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["run"]))
