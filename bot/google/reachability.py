"""Checks several models at Google, so that a failure for one does not affect the others."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final

import structlog

from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleUnavailable,
    RemoteNotFound,
)
from bot.domain.ports import ModelReachability

_UNLISTED_STATUSES: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})

_log: Final = structlog.get_logger(__name__)


async def check_each_model(
    models: Sequence[str], request_model: Callable[[str], Awaitable[None]]
) -> list[ModelReachability]:
    """Return which of ``models`` can be used, without those that Google did not answer for.

    ``request_model`` requests one model and raises `VideoError`. A model is unreachable only if
    Google itself says that it does not exist. A refusal of the account or by a proxy says nothing
    about the model. Raises the first `AccessRefused` or `GoogleUnavailable` if there was no answer
    for any model.
    """
    answers: list[ModelReachability] = []
    refused: AccessRefused | None = None
    refused_models: list[str] = []
    unavailable: GoogleUnavailable | None = None
    for model in models:
        try:
            await request_model(model)
            answers.append(ModelReachability(model, is_reachable=True))
        except RemoteNotFound as error:
            answers.append(ModelReachability(model, is_reachable=False, reason=error.detail))
        except AccessRefused as error:
            refused = refused or error
            refused_models.append(model)
        except GoogleUnavailable as error:
            if isinstance(error, AnswerNotFromGoogle) and error.status in _UNLISTED_STATUSES:
                # A gateway may forward submits but not list models.
                answers.append(ModelReachability(model, is_reachable=True))
                continue
            unavailable = unavailable or error
            _log.warning("model_check.unanswered", model=model, error=str(error))
    first_error = refused or unavailable
    if not answers and first_error is not None:
        raise first_error
    if refused is not None:  # if all were refused, the caller logs the raised error
        _log.error("model_check.access_refused", models=refused_models, error=str(refused))
    return answers
