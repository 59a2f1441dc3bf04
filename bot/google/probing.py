"""Asks about several models, each for itself: one answer that fails says nothing of the others."""

from collections.abc import Awaitable, Callable, Sequence

from bot.domain.errors import AccessRefused, GoogleUnavailable, VideoError
from bot.domain.ports import ModelReachability


async def check_each_model(
    models: Sequence[str], check_model: Callable[[str], Awaitable[ModelReachability]]
) -> list[ModelReachability]:
    """Return what ``ask`` learns of each of ``models``, without those that Google was too busy for.

    A refusal is about the model where Google has answered for another, and about the account
    where it has not: then it is raised. Raises `AccessRefused` or `GoogleBusy`, the first that
    came, when nothing was learnt of any model.
    """
    found: dict[str, ModelReachability] = {}
    refused: dict[str, AccessRefused] = {}
    busy: GoogleUnavailable | None = None
    for model in models:
        try:
            found[model] = await check_model(model)
        except AccessRefused as error:
            refused[model] = error
        except GoogleUnavailable as error:
            busy = busy or error
    first: VideoError | None = next(iter(refused.values()), busy)
    if not found and first is not None:
        raise first
    for model, refusal in refused.items():
        found[model] = ModelReachability(model, is_reachable=False, reason=refusal.detail)
    return [found[model] for model in models if model in found]
