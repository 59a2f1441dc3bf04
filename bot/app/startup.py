"""Opens what every other part needs: data directory, model catalog, database, routes to Google.

If a setting is valid but does not work, the operator gets a one-line error.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog
from yarl import URL

from bot.config.model_catalog import CatalogError, load_catalog
from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings
from bot.domain.backoff import Backoff
from bot.domain.errors import DatabaseUnavailable, DatabaseUnusable
from bot.domain.jobs.request import GoogleRoute, PersonRule
from bot.domain.models import ModelCatalog
from bot.domain.moderation.word_list import WordList, read_operator_list
from bot.domain.ports import Clock, InteractionWatcher, VideoModels
from bot.google.connection import LOOPBACK_HOSTS
from bot.google.credentials import DefaultCredentials
from bot.google.gemini import GEMINI_API_URL, GeminiModels
from bot.google.omni.models import OmniModels
from bot.google.omni.vertex import VertexOmniModels
from bot.google.vertex import VertexModels
from bot.observability.metrics import InstrumentedVideoModels, Instruments
from bot.store.engine.database import Database, DatabaseInUse, open_database
from bot.store.engine.migration_process import MigrationFailed, upgrade_schema_apart

_log: Final = structlog.get_logger(__name__)

_BAD_SETTING_STATUS: Final = 2
_PRIVATE_DIR_MODE: Final = 0o700
ROUTE_SETTINGS: Final[Mapping[GoogleRoute, str]] = {
    GoogleRoute.GEMINI: "GEMINI_API_KEY",
    GoogleRoute.OMNI: "GEMINI_API_KEY",
    GoogleRoute.VERTEX: "GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION and its credentials",
    GoogleRoute.VERTEX_OMNI: "GOOGLE_CLOUD_PROJECT, GOOGLE_OUTPUT_URI and its credentials",
}
"""The settings to check when Google refuses access on a route."""


class StartupError(Exception):
    """The program cannot start or go on. The message is one line for the terminal."""

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def make_data_dir(data_dir: Path) -> None:
    """Create the data directory, readable only for this user because it contains prompts.

    Raises `SettingsError` if it cannot be written to.
    """
    try:
        data_dir.mkdir(mode=_PRIVATE_DIR_MODE, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        raise SettingsError(
            f"DATA_DIR cannot be written to ({error.strerror}): make {data_dir} writable for the"
            " bot's user, or set another one."
        ) from error
    try:
        # earlier versions created it readable for everyone
        data_dir.chmod(_PRIVATE_DIR_MODE)
    except OSError as error:  # another user owns it, as with the volume of a container
        _log.info("data_dir.chmod_failed", error=type(error).__name__)


def open_catalog(
    extra_models_file: Path | None, *, omni_satisfies_adults: bool = False
) -> ModelCatalog:
    """Return our catalog with the operator's changes. Raises `SettingsError`.

    Omni has no parameter for *adults only*. With ``omni_satisfies_adults`` the operator trusts
    Google to follow that rule anyway.
    """
    try:
        catalog = load_catalog(
            None if extra_models_file is None else extra_models_file.read_text("utf-8")
        )
    except OSError as error:
        raise SettingsError(
            f"MODELS_FILE cannot be read ({error.strerror}): set it to a TOML file, or remove it."
        ) from error
    except (CatalogError, UnicodeDecodeError) as error:
        raise SettingsError(f"MODELS_FILE is malformed: {error}") from error
    return catalog.trust_omni(PersonRule.ADULTS) if omni_satisfies_adults else catalog


def open_word_list(file: Path | None) -> WordList:
    """Return the operator's word list, empty without a ``file``. Raises `SettingsError`."""
    if file is None:
        return WordList()
    try:
        return WordList(read_operator_list(file.read_text("utf-8")))
    except OSError as error:
        raise SettingsError(
            f"WORD_LIST_FILE cannot be read ({error.strerror}): set it to a text file, or remove"
            " it."
        ) from error
    except ValueError as error:
        raise SettingsError(f"WORD_LIST_FILE is malformed: {error}") from error


def list_dated_routes(settings: Settings) -> frozenset[GoogleRoute]:
    """Return the routes on which models end on the day that Google announced.

    Google's own host may still list them after that day. A gateway may still run them, so its
    answer counts instead.
    """
    return frozenset({GoogleRoute.GEMINI} if settings.gemini_api_url is None else ())


@asynccontextmanager
async def open_migrated_database(settings: Settings, clock: Clock) -> AsyncIterator[Database]:
    """Wait for the database and migrate it. Raises `SettingsError` and `StartupError`."""
    try:
        database = open_database(settings.resolved_database_url)
    except DatabaseInUse as error:
        raise StartupError(
            f"{error}: stop that one first, or use PostgreSQL to run several"
        ) from error
    except ValueError as error:
        raise SettingsError(f"DATABASE_URL is malformed: {error}") from error
    except OSError as error:
        raise SettingsError(
            f"DATABASE_URL cannot be opened ({error.strerror}): check the path and its permissions."
        ) from error
    try:
        backoff = Backoff(initial=1.0, maximum=30.0)
        while True:
            try:
                await upgrade_schema_apart(database)
            except DatabaseUnusable as error:
                raise StartupError(str(error), _BAD_SETTING_STATUS) from error
            except MigrationFailed as error:
                raise StartupError(f"{error}: the lines above say why.") from error
            except DatabaseUnavailable as error:
                pause = backoff.next_delay()
                _log.warning("database.unavailable", error=str(error), retry_in_s=round(pause, 1))
                await clock.sleep(pause)
            else:
                break
        yield database
    finally:
        await database.close()


def build_routes(
    settings: Settings,
    catalog: ModelCatalog,
    instruments: Instruments,
    clock: Clock,
    *,
    media_folder: Path,
    interaction_watcher: InteractionWatcher | None = None,
) -> dict[GoogleRoute, VideoModels]:
    """Build an adapter for each route that is configured.

    ``media_folder`` contains the files that a submit sends, and videos that arrive inside answers.
    ``interaction_watcher`` is told which Omni interactions Google still has.
    """
    routes: dict[GoogleRoute, VideoModels] = {}
    may_pay = settings.paid_calls == "allow"
    if settings.gemini_api_key is not None:
        api_key = settings.gemini_api_key.get_secret_value()
        api_url = settings.gemini_api_url or GEMINI_API_URL
        routes[GoogleRoute.GEMINI] = GeminiModels(
            api_key=api_key,
            data_dir=media_folder,
            catalog=catalog,
            clock=clock,
            base_url=api_url,
            paid_calls=may_pay,
        )
        routes[GoogleRoute.OMNI] = OmniModels(
            api_key=api_key,
            data_dir=media_folder,
            catalog=catalog,
            clock=clock,
            region=settings.google_region,
            base_url=api_url,
            paid_calls=may_pay,
            interaction_watcher=interaction_watcher,
        )
    if settings.google_cloud_project is not None:
        file = settings.google_application_credentials
        if file is not None:  # google-auth reads only the environment
            os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
        routes[GoogleRoute.VERTEX] = VertexModels(
            project=settings.google_cloud_project,
            location=settings.google_cloud_location,
            credentials=DefaultCredentials(),
            data_dir=media_folder,
            catalog=catalog,
            clock=clock,
            base_url=settings.vertex_api_url,
            output_uri=settings.google_output_uri,
            paid_calls=may_pay,
        )
        if catalog.restrict_to(GoogleRoute.VERTEX_OMNI).models:  # only if the operator adds one
            routes[GoogleRoute.VERTEX_OMNI] = VertexOmniModels(
                project=settings.google_cloud_project,
                credentials=DefaultCredentials(),
                data_dir=media_folder,
                catalog=catalog,
                clock=clock,
                region=settings.google_region,
                base_url=settings.vertex_api_url,
                output_uri=settings.google_output_uri,
                paid_calls=may_pay,
            )
    return {
        route: InstrumentedVideoModels(models, instruments, clock)
        for route, models in routes.items()
    }


def uses_only_local_endpoints(settings: Settings) -> bool:
    """Return whether every configured route leads to this machine, where nothing is billed."""
    urls = []
    if settings.gemini_api_key is not None:
        urls.append(settings.gemini_api_url)
    if settings.google_cloud_project is not None:
        urls.append(settings.vertex_api_url)
    return all(url is not None and URL(url).host in LOOPBACK_HOSTS for url in urls)
