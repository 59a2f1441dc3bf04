"""`python -m bot.web`: see `bot.cli.old_programs`."""

from bot.cli.old_programs import run_old_program

if __name__ == "__main__":
    run_old_program("bot.web")
