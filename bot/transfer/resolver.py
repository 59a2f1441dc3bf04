"""Name resolution for every HTTP session of the bot."""

import aiohttp
import aiohttp.abc


def create_system_resolver() -> aiohttp.abc.AbstractResolver:
    """Return a resolver that asks the machine, as every other program on it does.

    aiohttp takes c-ares where it is installed, which knows nothing of the machine's own ways
    (hosts, split DNS) and keeps a thread for ever.
    """
    return aiohttp.ThreadedResolver()
