"""Name resolution for every HTTP session of the bot."""

import aiohttp
import aiohttp.abc


def create_system_resolver() -> aiohttp.abc.AbstractResolver:
    """Return a resolver that follows the machine's configuration (hosts file, split DNS).

    aiohttp's default is c-ares where installed, which ignores both and keeps a thread for ever.
    """
    return aiohttp.ThreadedResolver()
