"""Asks about several models, each for itself: one answer that fails says nothing of the others."""

from collections.abc import Awaitable, Callable, Sequence

from bot.domain.errors import AccessRefused, GoogleBusy, VideoError
from bot.domain.ports import Reachability


async def each_asked(
    models: Sequence[str], ask: Callable[[str], Awaitable[Reachability]]
) -> list[Reachability]:
    """Return what ``ask`` learns of each of ``models``, without those that Google was too busy for.

    A refusal is about the model where Google has answered for another, and about the account
    where it has not: then it is raised. Raises `AccessRefused` or `GoogleBusy`, the first that
    came, when nothing was learnt of any model.
    """
    found: dict[str, Reachability] = {}
    refused: dict[str, AccessRefused] = {}
    busy: GoogleBusy | None = None
    for model in models:
        try:
            found[model] = await ask(model)
        except AccessRefused as error:
            refused[model] = error
        except GoogleBusy as error:
            busy = busy or error
    first: VideoError | None = next(iter(refused.values()), busy)
    if not found and first is not None:
        raise first
    for model, refusal in refused.items():
        found[model] = Reachability(model, reachable=False, reason=refusal.detail)
    return [found[model] for model in models if model in found]
