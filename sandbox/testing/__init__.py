"""For tests of bots in Python: the plugin for pytest and a client of the control API.

The sandbox runs in a thread of its own and is only spoken to by HTTP, so that it answers whatever
the loop of the test and of its bot does.
"""

from sandbox.testing.calls import ControlCallRefused
from sandbox.testing.discord_sandbox import DiscordSandbox, run_sandbox_in_thread
from sandbox.testing.people import InteractionNotAnswered, PersonInteraction, SandboxPerson

__all__ = [
    "ControlCallRefused",
    "DiscordSandbox",
    "InteractionNotAnswered",
    "PersonInteraction",
    "SandboxPerson",
    "run_sandbox_in_thread",
]
