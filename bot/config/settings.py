"""Every setting, documented where it is declared, read once at start from environment and `.env`.

Nothing else in the program reads the environment. Only `bot.app` and `bot.cli` see a `Settings`;
they pass plain values on. A blank setting means its default.
"""

from dataclasses import fields
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.config.renamed_settings import SettingsError, read_renamed_settings
from bot.domain.billing.limits import PacingLimits, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros, to_micros
from bot.domain.jobs.request import OperatorRegion

__all__ = ["Settings", "SettingsError", "read_settings"]

_UNLIMITED_WORD: Final = "none"


_LIMIT_NAMES: Final = tuple(field.name for field in fields(UsageLimits))


def _parse_unlimited(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() == _UNLIMITED_WORD else value


def _build_url_validator(*schemes: str) -> AfterValidator:
    def check_url(url: str) -> str:
        scheme, separator, rest = url.partition("://")
        if scheme not in schemes or not separator or not rest:
            raise PydanticCustomError(
                "url",
                "must be a URL that begins with {schemes}",
                {"schemes": " or ".join(f"{name}://" for name in schemes)},
            )
        return url.rstrip("/")

    return AfterValidator(check_url)


def _clean_secret(value: object) -> object:
    """Strip pasted whitespace, and refuse what an HTTP header cannot carry."""
    if not isinstance(value, str):
        return value
    secret = value.strip()
    if not secret.isprintable() or " " in secret:
        raise PydanticCustomError("secret", "must be one word, without spaces or line breaks")
    return secret


def _ignore_case_of(names: tuple[str, ...]) -> BeforeValidator:
    by_folded = {name.casefold(): name for name in names}
    return BeforeValidator(
        lambda value: (
            by_folded.get(value.strip().casefold(), value) if isinstance(value, str) else value
        )
    )


Secret = Annotated[SecretStr, BeforeValidator(_clean_secret)]
HttpUrl = Annotated[str, _build_url_validator("https", "http")]
GatewayUrl = Annotated[str, _build_url_validator("wss", "ws")]


def _split_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _parse_networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise PydanticCustomError(
            "networks", "must be networks separated by commas, e.g. 10.0.0.0/8,::1"
        ) from None


Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_parse_networks)
]
OptionalCount = Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(_parse_unlimited)]
OptionalDollars = Annotated[
    Annotated[Decimal, Field(ge=0, max_digits=12)] | None, BeforeValidator(_parse_unlimited)
]


class Settings(BaseSettings):
    """The settings of one process. Raises `pydantic.ValidationError`; see `read_settings`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
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
        old_names = InitSettingsSource(settings_cls, init_kwargs=renamed)
        return init_settings, env_settings, dotenv_settings, old_names

    # Discord
    discord_token: Secret = Field(
        description="The bot's token, from Discord's developer portal: your application, Bot,"
        " Token."
    )
    discord_api_url: HttpUrl | None = Field(
        None,
        description="A REST server to use instead of Discord's, e.g. http://127.0.0.1:8080/api/v10.",
    )
    discord_gateway_url: GatewayUrl | None = Field(
        None,
        description="A gateway to use instead of Discord's, e.g. ws://127.0.0.1:8080/gateway.",
    )
    shard_count: int | None = Field(
        None, ge=1, description="Total number of shards. Unset: as Discord recommends."
    )
    shard_ids: Annotated[tuple[int, ...] | None, NoDecode, BeforeValidator(_split_list)] = Field(
        None, description="Shards to run in this process, e.g. 0,1. Needs SHARD_COUNT."
    )

    # Google
    gemini_api_key: Secret | None = Field(
        None, description="An API key for the Gemini Developer API (https://aistudio.google.com)."
    )
    gemini_api_url: HttpUrl | None = Field(
        None, description="A server to use instead of the Gemini API."
    )
    google_cloud_project: str | None = Field(
        None, description="A Google Cloud project for Veo on Vertex AI, with default credentials."
    )
    google_cloud_location: str = Field("us-central1", description="The Vertex AI region.")
    google_application_credentials: FilePath | None = Field(
        None, description="A credentials file for Vertex AI. Unset: Google's default locations."
    )
    google_output_uri: str | None = Field(
        None,
        pattern=r"^gs://[^/\s]+(/\S*)?$",
        description="A writable gs:// prefix where Vertex AI stores its videos. With it, a video"
        " whose submission was never confirmed can be found again.",
    )
    google_region: Annotated[OperatorRegion, _ignore_case_of(tuple(OperatorRegion))] = Field(
        OperatorRegion.ELSEWHERE,
        description="Where the operator's Google account is registered: eu, uk, ch, mena or"
        " elsewhere. Veo's rules about people in videos depend on it.",
    )
    vertex_api_url: HttpUrl | None = Field(
        None, description="A server to use instead of Vertex AI."
    )
    models_file: Path | None = Field(
        None, description="A TOML file that adds models to the catalogue or overrides them."
    )
    paid_calls: Literal["allow", "forbid"] = Field(
        "allow",
        description="forbid: send no request that costs money to Google's own servers.",
    )

    # Where things are kept
    data_dir: Path = Field(
        Path("var"), description="Directory for clips, input images and the SQLite database."
    )
    database_url: SecretStr | None = Field(
        None,
        description="sqlite+aiosqlite:///PATH, or postgresql+asyncpg://USER:PASSWORD@HOST/NAME."
        " Unset: SQLite in clapper.db under DATA_DIR.",
    )
    keep_clips_days: Annotated[
        Annotated[int, Field(ge=1)] | None, BeforeValidator(_parse_unlimited)
    ] = Field(
        90,
        description="Days to keep a clip's original and its input images. Clips in the showcase"
        " are kept longer. none = forever.",
    )
    keep_clips_gb: Annotated[
        Annotated[float, Field(gt=0)] | None, BeforeValidator(_parse_unlimited)
    ] = Field(
        50.0,
        description="Disk space for originals, in gigabytes. When it is full, the oldest that are"
        " not in the showcase are deleted. none = no limit.",
    )
    keep_left_servers_days: int = Field(
        30,
        ge=0,
        description="Days to keep a server's data after the bot was removed from it. If the bot"
        " returns in that time, nothing is lost.",
    )
    link_lifetime_days: float = Field(
        7.0,
        gt=0,
        description="Lifetime of signed download links, in days. Links need PUBLIC_URL.",
    )
    link_keys: SecretStr | None = Field(
        None,
        description="Keys that sign download links, separated by commas, newest last. Needed when"
        " several machines serve one PUBLIC_URL. Unset: generated, and kept under DATA_DIR.",
    )

    # The web server
    public_url: HttpUrl | None = Field(
        None, description="The web server's public address, if it has one."
    )
    web_host: str = Field("127.0.0.1", description="Address the web server listens on.")
    web_port: int = Field(8080, ge=0, le=65535, description="Port the web server listens on.")
    trusted_proxies: Networks = Field(
        "",
        validate_default=True,
        description="Networks of reverse proxies whose X-Forwarded-For header is trusted, e.g."
        " 127.0.0.1,10.0.0.0/8.",
    )
    metrics_allowed_networks: Networks = Field(
        "127.0.0.0/8,::1",
        validate_default=True,
        description="Networks that may read /metrics and /readyz. All others get 404.",
    )
    web_requests_per_minute: int = Field(
        300, ge=1, description="Web requests per minute per client."
    )

    # Logs
    log_format: Literal["console", "json"] = Field(
        "console", description="console for people, json for machines."
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        _ignore_case_of(("DEBUG", "INFO", "WARNING", "ERROR")),
    ] = Field("INFO", description="Lowest level to log: DEBUG, INFO, WARNING or ERROR.")

    # Jobs
    poll_interval_s: float = Field(
        10.0,
        gt=0,
        description="Seconds between two polls of a running video, varied a little at random.",
    )
    job_time_limit_s: float = Field(
        900.0,
        gt=0,
        description="Seconds after which a running video is polled once more and then given up. If"
        " Google finishes it within two days, it is still delivered and charged.",
    )
    lease_s: float = Field(
        30.0,
        ge=1,
        description="Seconds without a sign of life after which another process takes over a"
        " process's jobs.",
    )
    charge_member_for_unconfirmed_submits: bool = Field(
        False,
        description="Whether a member pays for a job when it is unknown whether Google received"
        " it. The server's and the bot's budgets count it either way.",
    )
    paused: bool = Field(
        False,
        description="true: start paused. New requests are refused and running jobs finish. To"
        " pause a running bot: clapper pause.",
    )

    # Limits of a member without limits of their own, of a server, and of the whole bot.
    default_member_clips_per_day: OptionalCount = Field(
        10, description="Clips per member in 24 hours."
    )
    default_member_seconds_per_day: OptionalCount = Field(
        80, description="Seconds of video per member in 24 hours."
    )
    default_member_usd_per_day: OptionalDollars = Field(
        Decimal(4), description="USD per member in 24 hours."
    )
    default_member_usd_per_month: OptionalDollars = Field(
        Decimal(20), description="USD per member in 30 days."
    )
    default_member_jobs_at_once: OptionalCount = Field(
        2, description="Unfinished jobs per member at a time."
    )
    default_server_clips_per_day: OptionalCount = Field(
        100, description="Clips per server in 24 hours."
    )
    default_server_seconds_per_day: OptionalCount = Field(
        800, description="Seconds of video per server in 24 hours."
    )
    default_server_usd_per_day: OptionalDollars = Field(
        Decimal(20), description="USD per server in 24 hours."
    )
    default_server_usd_per_month: OptionalDollars = Field(
        Decimal(100), description="USD per server in 30 days."
    )
    default_server_jobs_at_once: OptionalCount = Field(
        10, description="Unfinished jobs per server at a time."
    )
    confirm_above_usd: OptionalDollars = Field(
        Decimal(2),
        description="Price in USD from which a request asks for confirmation, unless the server"
        " set its own with /server confirm.",
    )
    bot_clips_per_day: OptionalCount = Field(500, description="Clips of the whole bot in 24 hours.")
    bot_seconds_per_day: OptionalCount = Field(
        4000, description="Seconds of video of the whole bot in 24 hours."
    )
    bot_usd_per_day: OptionalDollars = Field(
        Decimal(50), description="USD of the whole bot in 24 hours."
    )
    bot_usd_per_month: OptionalDollars = Field(
        Decimal(300), description="USD of the whole bot in 30 days."
    )
    bot_jobs_at_once: OptionalCount = Field(
        200,
        description="Unfinished jobs of the whole bot at a time, queued ones included. Further"
        " requests are refused.",
    )
    max_concurrent_jobs: OptionalCount = Field(
        20, description="Jobs running at Google at a time. Further jobs wait in the queue."
    )
    model_requests_per_minute: OptionalCount = Field(
        None,
        description="Submissions per minute for each model, to stay within the Google project's"
        " quota.",
    )
    model_requests_per_day: OptionalCount = Field(
        None,
        description="Submissions per day for each model, to stay within the Google project's"
        " quota.",
    )

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

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(
            ("sqlite+aiosqlite://", "postgresql+asyncpg://")
        ):
            raise PydanticCustomError(
                "database", "must begin with sqlite+aiosqlite:// or postgresql+asyncpg://"
            )
        return url

    @model_validator(mode="after")
    def _check_routes(self) -> Self:
        if self.gemini_api_key is None and self.google_cloud_project is None:
            raise PydanticCustomError(
                "route",
                "GEMINI_API_KEY or GOOGLE_CLOUD_PROJECT must be set: without one of them"
                " Veo cannot be reached (see .env.example)",
            )
        if self.shard_ids is not None and self.shard_count is None:
            raise PydanticCustomError("shards", "SHARD_COUNT must be set when SHARD_IDS is")
        if any(not 0 <= shard < (self.shard_count or 0) for shard in self.shard_ids or ()):
            raise PydanticCustomError("shards", "SHARD_IDS must be between 0 and SHARD_COUNT - 1")
        return self

    @property
    def resolved_database_url(self) -> str:
        """The database's URL, the default included. It may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir / 'clapper.db'}"

    @property
    def policy(self) -> SpendingPolicy:
        """The operator's limits on money and pace."""
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
        keys = "" if self.link_keys is None else self.link_keys.get_secret_value()
        return tuple(key.strip() for key in keys.split(",") if key.strip())


def read_settings(**overrides: Any) -> Settings:
    """Read environment and `.env`, and warn on stderr about settings that go by an old name.

    Raises `SettingsError` with one line that names the setting and says what to do.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_format_setting_error(error.errors(include_input=False)[0])) from None


def _format_setting_error(error: ErrorDetails) -> str:
    if not error["loc"]:
        return error["msg"]
    field = str(error["loc"][0]).lower()
    name = field.upper()
    description = Settings.model_fields[field].description or ""
    if error["type"] == "missing":
        return f"{name} is missing: set it in the environment or in .env. {description}"
    message = error["msg"].removeprefix("Input ").removeprefix("String ")
    return f"{name} is malformed: it {message}. {description}"
