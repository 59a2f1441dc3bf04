"""The Interactions API with an API key: what clips and webhooks need alike to talk to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bot.domain.jobs.request import GoogleRoute
from bot.domain.models import ModelCatalog
from bot.domain.ports import Clock
from bot.google.connection import GoogleConnection
from bot.google.omni.interactions import Interactions

API_VERSION: Final = "v1beta"


def build_connection(
    api_key: str, *, base_url: str, allow_paid_calls: bool = False
) -> GoogleConnection:
    """Build the connection, which must be closed. It is opened by the first request."""
    header = {"x-goog-api-key": api_key.strip()}

    async def authorize() -> Mapping[str, str]:
        return header

    return GoogleConnection(base_url, authorize, allow_paid_calls=allow_paid_calls, is_omni=True)


def build_interactions(
    connection: GoogleConnection, *, data_dir: Path, catalog: ModelCatalog, clock: Clock
) -> Interactions:
    """Build the interactions of ``catalog``'s models that have this route."""
    return Interactions(
        connection,
        path=f"{API_VERSION}/interactions",
        data_dir=data_dir,
        models=catalog.restrict_to(GoogleRoute.OMNI),
        clock=clock,
        keeps_interactions=True,
    )
