"""Every setting, documented where it is declared, read once at start from environment and `.env`.

Nothing else in the program reads the environment. Only `bot.app` and `bot.cli` see a `Settings`;
they pass plain values on. A blank setting means its default.
"""

from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    Field,
    FilePath,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.config.renamed_settings import SettingsError, read_renamed_settings
from bot.config.setting_errors import describe_field, format_setting_error
from bot.config.setting_types import (
    NONE_IS_UNLIMITED,
    BoundedSeconds,
    DatabaseUrl,
    GatewayUrl,
    HttpUrl,
    LinkKeys,
    LogLevel,
    Networks,
    OptionalCount,
    OptionalDollars,
    OptionalPositiveCount,
    OptionalServers,
    OutputUri,
    PositiveFloat,
    Secret,
    ignore_case,
    read_text,
    split_list,
)
from bot.config.unknown_settings import warn_of_unknown_settings
from bot.domain.billing.limits import PacingLimits, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros, to_micros
from bot.domain.jobs.request import OperatorRegion
from bot.domain.places import PlacePolicy

__all__ = ["Settings", "SettingsError", "describe_setting", "read_settings"]

_LIMIT_NAMES: Final = tuple(field.name for field in fields(UsageLimits))


class Settings(BaseSettings):
    """The settings of one process. Raises `pydantic.ValidationError`; see `read_settings`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read old names too; the environment wins over `.env`."""
        assert isinstance(env_settings, EnvSettingsSource)
        assert isinstance(dotenv_settings, EnvSettingsSource)
        renamed = read_renamed_settings({**dotenv_settings.env_vars, **env_settings.env_vars})
        warn_of_unknown_settings(
            file_names=dotenv_settings.env_vars,
            environment_names=env_settings.env_vars,
            known=frozenset(settings_cls.model_fields),
        )
        old_names = InitSettingsSource(settings_cls, init_kwargs=renamed)
        return init_settings, env_settings, dotenv_settings, old_names

    # Discord
    discord_token: Secret
    """The bot's token, from Discord's developer portal: your application, Bot, Token."""
    discord_api_url: HttpUrl | None = None
    """A REST server to use instead of Discord's, e.g. http://127.0.0.1:8080/api/v10."""
    discord_gateway_url: GatewayUrl | None = None
    """A gateway to use instead of Discord's, e.g. ws://127.0.0.1:8080/gateway."""
    shard_count: PositiveInt | None = None
    """Total number of shards. Unset: as Discord recommends."""
    shard_ids: Annotated[tuple[int, ...] | None, NoDecode, read_text(split_list)] = None
    """Shards to run in this process, e.g. 0,1. Needs SHARD_COUNT."""

    # Who may use the bot
    allowed_servers: OptionalServers = None
    """Ids of the servers that may use the bot, separated by commas. Others are left. Unset: every
    server that somebody adds the bot to."""
    allow_direct_messages: bool | None = None
    """Whether people may ask for clips in direct messages. Unset: true, or false if
    ALLOWED_SERVERS is set."""
    allow_user_install: bool | None = None
    """Whether people may install the bot for themselves and use it where it is no member. Unset:
    true, or false if ALLOWED_SERVERS is set."""

    # Google
    gemini_api_key: Secret | None = None
    """An API key from Google AI Studio (https://aistudio.google.com), for Gemini Omni."""
    gemini_api_url: HttpUrl | None = None
    """A server to use instead of the Gemini API."""
    google_cloud_project: str | None = None
    """A Google Cloud project for Veo on Vertex AI (and Gemini Omni, if switched on), with default
    credentials."""
    google_cloud_location: str = "us-central1"
    """The Vertex AI region for Veo. Gemini Omni is at global."""
    google_application_credentials: FilePath | None = None
    """A credentials file for Vertex AI. Unset: Google's default locations."""
    google_output_uri: OutputUri | None = None
    """A writable gs:// prefix where Vertex AI stores its videos. With it, a video whose submission
    was never confirmed can be found again."""
    google_region: Annotated[OperatorRegion, ignore_case(OperatorRegion)] = OperatorRegion.ELSEWHERE
    """Where the operator's Google account is registered: eu (the EEA), uk, ch, mena or elsewhere.
    Veo's rules about people in videos depend on it, and whether Gemini Omni takes copies of
    clips."""
    omni_satisfies_adults: bool = False
    """true: Google's own rules for Gemini Omni are enough for servers that allow only adults in
    videos. It has no parameter for people; see "People in videos" in docs/operations.md."""
    vertex_api_url: HttpUrl | None = None
    """A server to use instead of Vertex AI."""
    models_file: Path | None = None
    """A TOML file that adds models to the catalogue or overrides them."""
    paid_calls: Literal["allow", "forbid"] = "allow"
    """forbid: send no request that costs money to Google's own servers."""

    # Where things are kept
    data_dir: Path = Path("var")
    """Directory for clips, input images and the SQLite database."""
    database_url: DatabaseUrl | None = None
    """sqlite+aiosqlite:///PATH, or postgresql+asyncpg://USER:PASSWORD@HOST/NAME. Unset: SQLite in
    clapper.db under DATA_DIR."""
    keep_clips_days: Annotated[PositiveInt | None, NONE_IS_UNLIMITED] = 90
    """Days to keep a clip's original and its input images. Clips in the showcase are kept longer.
    none = forever."""
    keep_clips_gb: Annotated[PositiveFloat | None, NONE_IS_UNLIMITED] = 50.0
    """Disk space for originals, in gigabytes. When it is full, the oldest that are not in the
    showcase are deleted. none = no limit."""
    keep_left_servers_days: NonNegativeInt = 30
    """Days to keep a server's data after the bot was removed from it. If the bot returns in that
    time, nothing is lost."""
    link_lifetime_days: PositiveFloat = 7.0
    """Lifetime of signed download links, in days. Links need PUBLIC_URL."""
    link_keys: LinkKeys | None = None
    """Keys that sign download links, separated by commas, newest last, each of 16 characters or
    more. Needed when several machines serve one PUBLIC_URL. Unset: generated, and kept under
    DATA_DIR."""

    # The web server
    public_url: HttpUrl | None = None
    """The web server's public address, if it has one."""
    web_host: str = "127.0.0.1"
    """Address the web server listens on."""
    web_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port the web server listens on."""
    trusted_proxies: Networks = Field("", validate_default=True)
    """Networks of reverse proxies whose X-Forwarded-For header is trusted, e.g.
    127.0.0.1,10.0.0.0/8."""
    metrics_allowed_networks: Networks = Field("127.0.0.0/8,::1", validate_default=True)
    """Networks that may read /metrics and /readyz. All others get 404."""
    web_requests_per_minute: PositiveInt = 300
    """Web requests per minute per client."""

    # Logs
    log_format: Literal["console", "json"] = "console"
    """console for people, json for machines."""
    log_level: LogLevel = "INFO"
    """Lowest level to log: DEBUG, INFO, WARNING or ERROR."""

    # Jobs
    poll_interval_s: BoundedSeconds = 10.0
    """Seconds between two polls of a running video, varied a little at random."""
    job_time_limit_s: BoundedSeconds = 900.0
    """Seconds after which a running video is polled once more and then given up; Gemini Omni has
    at least 1800. If Google finishes it within two days, it is still delivered and charged."""
    lease_s: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = 30.0
    """Seconds without a sign of life after which another process takes over a process's jobs."""
    charge_member_for_unconfirmed_submits: bool = False
    """Whether a member pays for a job when it is unknown whether Google received it. The server's
    and the bot's budgets count it either way."""
    paused: bool = False
    """true: start paused. New requests are refused and running jobs finish. To pause a running
    bot: clapper pause."""

    # Limits of a member where the server sets none, of a server, and of the whole bot
    default_member_clips_per_day: OptionalCount = 10
    """Clips per member in 24 hours."""
    default_member_seconds_per_day: OptionalCount = 80
    """Seconds of video per member in 24 hours."""
    default_member_usd_per_day: OptionalDollars = Decimal(4)
    """USD per member in 24 hours."""
    default_member_usd_per_month: OptionalDollars = Decimal(20)
    """USD per member in 30 days."""
    default_member_jobs_at_once: OptionalCount = 2
    """Unfinished jobs per member at a time."""
    default_server_clips_per_day: OptionalCount = 100
    """Clips per server in 24 hours."""
    default_server_seconds_per_day: OptionalCount = 800
    """Seconds of video per server in 24 hours."""
    default_server_usd_per_day: OptionalDollars = Decimal(20)
    """USD per server in 24 hours."""
    default_server_usd_per_month: OptionalDollars = Decimal(100)
    """USD per server in 30 days."""
    default_server_jobs_at_once: OptionalCount = 10
    """Unfinished jobs per server at a time."""
    confirm_above_usd: OptionalDollars = Decimal(2)
    """Price in USD from which a request asks for confirmation, unless the server set its own with
    /server confirm."""
    reply_undo_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    """Seconds for which a request made by a reply can be undone, free, before it is sent to Google.
    0: it is sent at once."""
    bot_clips_per_day: OptionalCount = 500
    """Clips of the whole bot in 24 hours."""
    bot_seconds_per_day: OptionalCount = 4000
    """Seconds of video of the whole bot in 24 hours."""
    bot_usd_per_day: OptionalDollars = Decimal(50)
    """USD of the whole bot in 24 hours."""
    bot_usd_per_month: OptionalDollars = Decimal(300)
    """USD of the whole bot in 30 days."""
    bot_jobs_at_once: OptionalPositiveCount = 200
    """Unfinished jobs of the whole bot at a time, queued ones included. Further requests are
    refused."""
    max_concurrent_jobs: OptionalPositiveCount = 20
    """Jobs running at Google at a time. Further jobs wait in the queue."""
    model_requests_per_minute: OptionalPositiveCount = None
    """Submissions per minute for each model, to stay within the Google project's quota."""
    model_requests_per_day: OptionalPositiveCount = None
    """Submissions per day for each model, to stay within the Google project's quota."""

    @model_validator(mode="before")
    @classmethod
    def _drop_blanks(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            name: value
            for name, value in values.items()
            if not (isinstance(value, str) and not value.strip())
        }

    @model_validator(mode="after")
    def _check_routes(self) -> Self:
        if self.gemini_api_key is None and self.google_cloud_project is None:
            raise PydanticCustomError(
                "route",
                "GEMINI_API_KEY or GOOGLE_CLOUD_PROJECT must be set: without one of them"
                " Veo cannot be reached (see .env.example)",
            )
        if self.poll_interval_s >= self.job_time_limit_s:
            raise PydanticCustomError(
                "polling",
                "POLL_INTERVAL_S must be less than JOB_TIME_LIMIT_S: no video would be asked about",
            )
        if self.shard_ids is not None and self.shard_count is None:
            raise PydanticCustomError("shards", "SHARD_COUNT must be set when SHARD_IDS is")
        if any(not 0 <= shard < (self.shard_count or 0) for shard in self.shard_ids or ()):
            raise PydanticCustomError("shards", "SHARD_IDS must be below SHARD_COUNT, from 0 on")
        return self

    @property
    def resolved_database_url(self) -> str:
        """The database's URL, the default included. It may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir / 'clapper.db'}"

    @property
    def place_policy(self) -> PlacePolicy:
        """Where the bot may be used. A list of servers alone closes all other doors too."""
        is_open = self.allowed_servers is None
        direct, installed = self.allow_direct_messages, self.allow_user_install
        return PlacePolicy(
            allowed_servers=self.allowed_servers,
            may_use_direct_messages=is_open if direct is None else direct,
            may_use_user_install=is_open if installed is None else installed,
        )

    @property
    def policy(self) -> SpendingPolicy:
        return SpendingPolicy(
            member=self._collect_limits("default_member"),
            guild=self._collect_limits("default_server"),
            bot=self._collect_limits("bot"),
            pace=PacingLimits(
                in_flight=self.max_concurrent_jobs,
                requests_per_minute=self.model_requests_per_minute,
                requests_per_day=self.model_requests_per_day,
            ),
            paused=self.paused,
        )

    @property
    def confirm_above(self) -> Micros | None:
        """The price from which a request asks for confirmation, in micro-dollars."""
        return None if self.confirm_above_usd is None else to_micros(self.confirm_above_usd)

    def _collect_limits(self, prefix: str) -> UsageLimits:
        values = {name: getattr(self, f"{prefix}_{name}") for name in _LIMIT_NAMES}
        return UsageLimits(
            **{n: to_micros(v) if isinstance(v, Decimal) else v for n, v in values.items()}
        )

    @property
    def secret_values(self) -> tuple[str, ...]:
        """Every secret value, for the log's redaction."""
        secrets = (self.discord_token, self.gemini_api_key)
        plain = [secret.get_secret_value() for secret in secrets if secret is not None]
        return (*plain, *self.signing_keys)

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """The operator's keys for signing links, oldest first; empty if the bot makes its own."""
        return () if self.link_keys is None else split_list(self.link_keys.get_secret_value())


def read_settings(**overrides: Any) -> Settings:
    """Read environment and `.env`, and warn on stderr about old and misspelt names.

    Raises `SettingsError` with one line that names the setting and says what to do.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise SettingsError(format_setting_error(first, Settings)) from None


def describe_setting(name: str) -> str:
    return describe_field(Settings, name)
