"""What is looked at in the image itself, before the bot runs."""

import re
from typing import Final

from tests.image.engines import Engine, ImageSettings

MAX_PROGRAM_MB: Final = 460
"""What the Dockerfile may add to its base, in /opt/clapper."""
MAX_TOTAL_MB: Final = 720
"""All files of the image, uncompressed. The base has 130 to 200 MB."""


def check_settings(settings: ImageSettings) -> str:
    """Check what the image says about its user, volume, stop signal and commands."""
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", settings.user), f"user {settings.user!r}"
    assert settings.command == ("clapper", "run"), settings.command
    assert settings.health_command == ("clapper", "health"), settings.health_command
    assert settings.stop_signal in {"SIGTERM", "15"}, settings.stop_signal
    assert settings.volumes == {"/data"}, settings.volumes
    assert settings.environment.get("DATA_DIR") == "/data", settings.environment
    return f"{' '.join(settings.command)} as {settings.user}, volume /data"


async def check_size(engine: Engine) -> str:
    """Measure files, because what engines call the size of an image differs."""
    program_mb = await _measure(engine, "/opt/clapper")
    total_mb = await _measure(engine, "/")
    assert program_mb <= MAX_PROGRAM_MB, f"/opt/clapper has {program_mb} MB"
    assert total_mb <= MAX_TOTAL_MB, f"the image has {total_mb} MB"
    return (
        f"{total_mb} MB in all (at most {MAX_TOTAL_MB}),"
        f" {program_mb} MB of it the program (at most {MAX_PROGRAM_MB})"
    )


async def check_user(engine: Engine, settings: ImageSettings) -> str:
    """Check who commands run as, and that this user cannot change the program."""
    result = await engine.run(["sh", "-c", "id -u; id -g; id -G"])
    user, group = settings.user.split(":")
    assert result.text.split() == [user, group, group], result.output
    found = await engine.run(
        ["find", "/opt/clapper", "!", "-type", "l", "-writable", "-print", "-quit"]
    )
    assert found.status == 0, found.output
    assert not found.text, f"the user may write: {found.output}"
    return f"uid {user}, may not write in /opt/clapper"


async def check_tools(engine: Engine) -> str:
    """Check that nothing which only the build needs has come along."""
    script = (
        "ls -d /opt/uv /root/.cache/uv /opt/clapper/tests /opt/clapper/uv.lock 2>/dev/null; true"
    )
    result = await engine.run(["sh", "-c", script], as_root=True)
    assert not result.text, f"left from the build: {result.text}"
    version = await engine.run(["clapper", "--version"])
    assert version.status == 0, version.output
    return version.text


async def _measure(engine: Engine, folder: str) -> int:
    command = ["du", "--one-file-system", "--summarize", "--block-size=1000000", folder]
    result = await engine.run(command, as_root=True)
    assert result.status == 0, result.output
    return int(result.text.split()[0])
