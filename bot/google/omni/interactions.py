"""The requests of the Interactions API that both routes use: create, poll, cancel and delete.

Everything after the creation only needs the interaction's id. Google cannot list interactions, so
an id that was lost cannot be found again (docs/decisions/0020).
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp

from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
)
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.webhook import SubmitLabels
from bot.domain.models import ModelCatalog, ModelSpec
from bot.domain.ports import Clock, OperationPending, PollResult
from bot.google.answers import GoogleAnswer, read_answer
from bot.google.api_errors import CredentialsRejected, classify_call_error, classify_submit_error
from bot.google.connection import GoogleConnection
from bot.google.inline_video import OMNI_DATA_KEY
from bot.google.omni.requests import read_labels
from bot.google.omni.results import (
    InteractionContext,
    is_interaction_id,
    read_interaction,
    read_not_started,
    read_poll_refusal,
)
from bot.google.operation_requests import OperationAnswer, OperationRequests
from bot.google.wording import classify_message, is_about_other_metric

_ID_PREFIX: Final = "v1_"
_MAX_REMEMBERED_RUNS: Final = 10_000
_QUOTA_CONFIRMATIONS: Final = 2
"""How often a 429 is confirmed, because a rate limit on polls refuses only some of them."""
_GONE_STATUSES: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


@dataclass(frozen=True, slots=True)
class PolledInteraction:
    """An interaction's record, or the error that Google sent instead."""

    record: Mapping[str, Any] | None = None
    error: GoogleAnswer | None = None
    inline_files: tuple[Path, ...] = ()

    @property
    def is_over_quota(self) -> bool:
        return (
            self.error is not None
            and self.error.is_from_google
            and self.error.status == HTTPStatus.TOO_MANY_REQUESTS
        )


class Interactions:
    """The interactions below ``path`` of one API.

    ``models`` are those of the route. ``keeps_interactions`` says that the route can continue a
    clip by its interaction's id.
    """

    def __init__(
        self,
        connection: GoogleConnection,
        *,
        path: str,
        data_dir: Path,
        models: ModelCatalog,
        clock: Clock,
        keeps_interactions: bool,
    ) -> None:
        self._connection = connection
        self._path = path
        self._clock = clock
        self._keeps_interactions = keeps_interactions
        self._models = {model.name_at_google: model for model in models.models}
        self._requests = OperationRequests(connection, data_dir, inline_keys=(OMNI_DATA_KEY,))
        self._has_run: dict[str, bool] = {}
        """By id: whether a poll has shown an interaction of this process running."""

    async def create(
        self,
        document: Mapping[str, Any],
        *,
        about_to_send: Callable[[], Awaitable[None]] | None,
    ) -> str:
        """Submit once and return the id. Raises the errors of `GoogleConnection.submit`."""
        interaction_id = await self._connection.submit(
            self._path, document, about_to_send=about_to_send, read_started=_read_created
        )
        self._remember_run(interaction_id, has_run=False)
        return interaction_id

    async def poll(self, interaction_id: str) -> PollResult:
        """Poll once. Raises `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound`."""
        answer = await self._ask(interaction_id)
        if answer.is_over_quota and self._has_run.get(interaction_id) is False:
            answer, is_confirmed = await self._confirm_quota(interaction_id, answer)
            if is_confirmed and answer.error is not None:
                self._has_run.pop(interaction_id, None)
                return read_not_started(answer.error)
        if answer.error is not None:
            failed = read_poll_refusal(answer.error)
            self._has_run.pop(interaction_id, None)
            return failed
        context = InteractionContext(
            operation=interaction_id,
            model=self._find_model((answer.record or {}).get("model")),
            now=self._clock.now(),
            has_run=self._has_run.get(interaction_id),
            keeps_interactions=self._keeps_interactions,
        )
        result = read_interaction(answer.record or {}, context)
        if isinstance(result, OperationPending):
            self._remember_run(interaction_id, has_run=True)
        else:
            self._has_run.pop(interaction_id, None)
        kept = {video.inline_path for video in getattr(result, "videos", ())}
        await _delete_files([path for path in answer.inline_files if path not in kept])
        return result

    async def _confirm_quota(
        self, interaction_id: str, answer: PolledInteraction
    ) -> tuple[PolledInteraction, bool]:
        """Find out whether a 429 is about the interaction or the poll (docs/decisions/0021).

        It is about the interaction if Google repeats it and answers polls for unknown ids in
        between. Return the last answer, and whether it is confirmed that nothing was started.
        """
        for _ in range(_QUOTA_CONFIRMATIONS):
            if answer.error is None or is_about_other_metric(answer.error.message):
                return answer, False
            control = await self._ask(f"{_ID_PREFIX}{secrets.token_urlsafe(24)}")
            if control.error is None or not _is_unknown_id(control.error):
                return answer, False
            answer = await self._ask(interaction_id)
            if not answer.is_over_quota:
                return answer, False
        return answer, True

    async def is_kept(self, interaction_id: str) -> bool:
        """Whether Google still has an interaction. Raises `GoogleUnavailable`, `AccessRefused`."""
        if not is_interaction_id(interaction_id):
            return False
        answer = await self._ask(interaction_id, purpose="source")
        await _delete_files(answer.inline_files)
        if answer.error is None:
            return True
        if _is_unknown_id(answer.error):
            return False
        error = classify_call_error(answer.error, "source")
        if isinstance(error, RemoteNotFound):
            return False
        raise error

    async def read_labels(self, interaction_id: str) -> SubmitLabels | None:
        """Return the labels of our submit, `None` if there are none.

        Raises `GoogleUnavailable`, `AccessRefused`, or `RemoteNotFound` if Google does not know it.
        """
        answer = await self._ask(interaction_id, purpose="labels")
        await _delete_files(answer.inline_files)
        if answer.error is None:
            return read_labels(answer.record or {})
        if _is_unknown_id(answer.error):
            raise RemoteNotFound("the interaction is unknown")
        raise classify_call_error(answer.error, "labels")

    async def cancel(self, interaction_id: str) -> None:
        """Ask Google to stop an interaction. It is no error if it has ended or is gone."""
        if not is_interaction_id(interaction_id):
            return
        answer = await self._request(
            "POST", f"{self._path}/{interaction_id}/cancel", label=f"{interaction_id} cancel"
        )
        await _delete_files(answer.inline_files)
        if answer.error is not None:
            _raise_unless_ended(answer.error, "cancel")

    async def delete(self, interaction_id: str) -> None:
        """Delete Google's record of an interaction. It is no error if it is gone."""
        if not is_interaction_id(interaction_id):
            return
        url = self._connection.build_url(f"{self._path}/{interaction_id}")
        headers = await self._connection.get_authorization_headers(url)
        try:
            async with self._connection.session.delete(
                url, headers=headers, allow_redirects=False
            ) as response:
                answer = await self._connection.read_error_answer(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GoogleUnavailable(f"delete: {type(error).__name__}") from error
        if answer.status in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
            if not answer.is_from_google:
                return
            answer = answer.with_stated_status()  # an error with the status of a success
        _raise_unless_ended(answer, "delete")

    async def move_inline_video(self, inline: Path, destination: Path) -> None:
        """Move a clip that came inside an answer. Raises `RemoteNotFound` if it is gone."""
        await self._requests.move_inline_video(inline, destination, self.poll)

    async def _ask(self, interaction_id: str, *, purpose: str = "") -> PolledInteraction:
        """Request an interaction once. Raises `RemoteNotFound` if the id is malformed."""
        if not is_interaction_id(interaction_id):
            raise RemoteNotFound("the operation is not an interaction's id")
        label = f"{interaction_id} {purpose}".strip()
        return await self._request(
            "GET", f"{self._path}/{interaction_id}?stream=false", label=label
        )

    async def _request(self, method: str, path: str, *, label: str) -> PolledInteraction:
        """Make a request that starts nothing.

        Raises `CredentialsRejected`, which a new token may fix, and `GoogleUnavailable`.
        """
        answer = await self._requests.request_answer(method, path, operation=label)
        result = _read_request_answer(answer)
        if result.error is not None:
            error = classify_call_error(result.error, "poll")
            if isinstance(error, CredentialsRejected):
                raise error
        return result

    def _find_model(self, name: Any) -> ModelSpec | None:
        return self._models.get(str(name or "").rpartition("/")[2])

    def _remember_run(self, interaction_id: str, *, has_run: bool) -> None:
        self._has_run[interaction_id] = has_run
        if len(self._has_run) > _MAX_REMEMBERED_RUNS:
            del self._has_run[next(iter(self._has_run))]


def _read_created(status: int, raw: bytes, retry_after: str | None) -> str:
    """Return the interaction's id in the answer to a submit.

    An id means that the interaction has started, even if an error comes with it. An error in a 200
    counts as its stated status. Raises the error that any other answer stands for.
    """
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    is_success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    interaction_id = document.get("id") if isinstance(document, dict) else None
    if isinstance(interaction_id, str) and (is_success or interaction_id.startswith(_ID_PREFIX)):
        if is_interaction_id(interaction_id):
            return interaction_id
        if interaction_id:
            raise SubmitUncertain("submit answered with a malformed id")
    answer = read_answer(status, raw, retry_after, is_omni=True)
    if is_success and not answer.is_from_google:
        raise SubmitUncertain(f"submit answered {status} without an id")
    raise classify_submit_error(answer.with_stated_status() if is_success else answer)


def _read_request_answer(answer: OperationAnswer) -> PolledInteraction:
    """Return the record in an answer, or the error, which Google also sends with status 200.

    Only records have a ``status``.
    """
    if answer.refusal is not None:
        return PolledInteraction(error=answer.refusal)
    document = answer.document
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        raise AnswerNotFromGoogle("poll answered without an interaction")
    if document.get("status"):
        return PolledInteraction(document, inline_files=answer.inline_files)
    error = read_answer(HTTPStatus.OK, document, is_omni=True)
    if not error.is_from_google or (error.stated_status is None and error.omni_code is None):
        raise AnswerNotFromGoogle("poll answered without an interaction's status")
    if error.stated_status is None:  # a sentence instead of a code refuses the request
        error = read_answer(HTTPStatus.BAD_REQUEST, document, is_omni=True)
    return PolledInteraction(error=error.with_stated_status(), inline_files=answer.inline_files)


def _is_unknown_id(error: GoogleAnswer) -> bool:
    """Whether Google says that it does not know an id."""
    if not error.is_from_google or isinstance(classify_call_error(error, "id"), AccessRefused):
        return False
    return error.status in _GONE_STATUSES or (
        error.status == HTTPStatus.BAD_REQUEST
        and classify_message(error.message) is Outcome.SOURCE_EXPIRED
    )


def _raise_unless_ended(error: GoogleAnswer, label: str) -> None:
    """Raise the error for an answer, unless it means that there is nothing left to do."""
    known = classify_call_error(error, label)
    is_refused = error.is_from_google and error.status in (
        *_GONE_STATUSES,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
    )
    if isinstance(known, AccessRefused) or not is_refused:
        raise known


async def _delete_files(paths: tuple[Path, ...] | list[Path]) -> None:
    for path in paths:
        await asyncio.to_thread(path.unlink, missing_ok=True)
