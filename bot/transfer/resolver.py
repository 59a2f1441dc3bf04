"""Name resolution for every HTTP session of the bot."""

import aiohttp
import aiohttp.abc


def create_system_resolver() -> aiohttp.abc.AbstractResolver:
    """Return a resolver that follows the machine's configuration (hosts file, split DNS).

    If c-ares is installed, aiohttp uses it by default. It ignores both and never ends its thread.
    """
    return aiohttp.ThreadedResolver()
