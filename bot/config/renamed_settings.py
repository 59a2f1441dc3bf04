"""Old names of settings, understood for one release so that an upgrade does not stop a bot."""

import sys
from collections.abc import Mapping
from typing import Final

RENAMED_SETTINGS: Final = {
    "bot_in_flight": "max_concurrent_jobs",
    "guild_grace_days": "keep_left_servers_days",
    "link_days": "link_lifetime_days",
    "metrics_clients": "metrics_allowed_networks",
    "unknown_settlement": "charge_member_for_unconfirmed_submits",
}
"""New names by old ones."""
_RENAMED_VALUES: Final = {"unknown_settlement": {"refund": "false", "charge": "true"}}


class SettingsError(Exception):
    """A setting is missing or malformed. The message is one line and holds no secret."""


def read_renamed_settings(variables: Mapping[str, str | None]) -> dict[str, str]:
    """Return values by their new names, and warn on stderr, once for each old name.

    ``variables`` has lower-case names. Raises `SettingsError` if an old and its new name are set.
    """
    present = {name: value for name, value in variables.items() if value and value.strip()}
    values = {}
    for old_name, new_name in RENAMED_SETTINGS.items():
        if old_name not in present:
            continue
        old, new, value = old_name.upper(), new_name.upper(), present[old_name]
        if new_name in present:
            raise SettingsError(f"{old} is the old name of {new}, and both are set: remove {old}.")
        if old_name in _RENAMED_VALUES:
            value = _RENAMED_VALUES[old_name].get(value.strip().lower(), value)
            new = f"{new}={value}"
        sys.stderr.write(
            f"clapper: the setting {old} is now {new}; the old name is removed in the next"
            " release.\n"
        )
        values[new_name] = value
    return values
