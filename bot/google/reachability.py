"""Asks Google about several models, so that a failure for one says nothing about the others."""

from collections.abc import Awaitable, Callable, Sequence

from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound, VideoError
from bot.domain.ports import ModelReachability


async def check_each_model(
    models: Sequence[str], request_model: Callable[[str], Awaitable[None]]
) -> list[ModelReachability]:
    """Return which of ``models`` can be used, without those that Google was too busy for.

    ``request_model`` asks for one model and raises what Google's refusal means. A refusal of access
    is about the model if Google answered for another one, else about the account: then it is
    raised. Raises the first `AccessRefused` or `GoogleUnavailable` if nothing was learnt.
    """
    answers: dict[str, ModelReachability] = {}
    refusals: dict[str, AccessRefused] = {}
    unavailable: GoogleUnavailable | None = None
    for model in models:
        try:
            await request_model(model)
            answers[model] = ModelReachability(model, is_reachable=True)
        except RemoteNotFound as error:
            # Without Google's own words it was a gateway that forwards requests but lists nothing.
            answers[model] = ModelReachability(
                model, is_reachable=error.detail is None, reason=error.detail
            )
        except AccessRefused as error:
            refusals[model] = error
        except GoogleUnavailable as error:
            unavailable = unavailable or error
    first_error: VideoError | None = next(iter(refusals.values()), unavailable)
    if not answers and first_error is not None:
        raise first_error
    for model, refusal in refusals.items():
        answers[model] = ModelReachability(model, is_reachable=False, reason=refusal.detail)
    return [answers[model] for model in models if model in answers]
