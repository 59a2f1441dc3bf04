from bot.cli.old_programs import run_old_program

run_old_program("bot.health")
