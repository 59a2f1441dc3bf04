"""What settings ask of each other. Each function raises `PydanticCustomError` with what to do."""

from collections.abc import Collection

from pydantic_core import PydanticCustomError


def require_route(*, has_key: bool, has_project: bool) -> None:
    if not has_key and not has_project:
        raise PydanticCustomError(
            "route",
            "GEMINI_API_KEY or GOOGLE_CLOUD_PROJECT must be set: the bot needs one of them to"
            " make videos (see .env.example).",
        )


def require_both_or_neither(**settings: object) -> None:
    """Take two settings by their names; an unset one is `None`."""
    first, second = (name.upper() for name in settings)
    if len({value is None for value in settings.values()}) > 1:
        raise PydanticCustomError(
            "pair",
            "{first} and {second} must both be set, or neither.",
            {"first": first, "second": second},
        )


def require_model_for_results(model: str | None) -> None:
    if model is None:
        raise PydanticCustomError(
            "moderation",
            "MODERATION_MODEL must be set if MODERATE_RESULTS is: it checks the clips.",
        )


def require_polls(*, poll_interval_s: float, job_time_limit_s: float) -> None:
    if poll_interval_s >= job_time_limit_s:
        raise PydanticCustomError(
            "polling",
            "POLL_INTERVAL_S must be less than JOB_TIME_LIMIT_S: otherwise no job is polled.",
        )


def require_known_shards(shard_ids: Collection[int] | None, *, shard_count: int | None) -> None:
    if shard_ids is None:
        return
    if shard_count is None:
        raise PydanticCustomError(
            "shards", "SHARD_COUNT must be set if SHARD_IDS is: the total number of shards."
        )
    if any(not 0 <= shard < shard_count for shard in shard_ids):
        raise PydanticCustomError(
            "shards", "SHARD_IDS must be below SHARD_COUNT: the first shard is 0."
        )


def require_reachable_webhooks(*, has_key: bool, public_url: str | None, from_google: bool) -> None:
    """Raise unless Google can reach the bot. A local stand-in for Google needs no https."""
    if not has_key:
        raise PydanticCustomError(
            "webhooks", "GEMINI_WEBHOOKS needs GEMINI_API_KEY: only Gemini Omni has them."
        )
    if public_url is None:
        raise PydanticCustomError(
            "webhooks",
            "GEMINI_WEBHOOKS needs PUBLIC_URL: the address under which Google reaches the bot.",
        )
    if from_google and not public_url.lower().startswith("https://"):
        raise PydanticCustomError(
            "webhooks", "GEMINI_WEBHOOKS needs a PUBLIC_URL with https: Google uses no other."
        )
