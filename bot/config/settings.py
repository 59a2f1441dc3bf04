"""Every setting, documented where it is declared, read once at start from environment and `.env`.

Nothing else in the program reads the environment, and nobody is handed a `Settings`: `bot.app.run`
takes it apart and gives each part the plain values it needs. A blank setting means its default.
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
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.domain.billing.limits import PacingLimits, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros, to_micros
from bot.domain.jobs.request import OperatorRegion

_UNLIMITED_WORD: Final = "none"


_LIMIT_NAMES: Final = tuple(each.name for each in fields(UsageLimits))


class SettingsError(Exception):
    """A setting is missing or malformed; the message is one line fit for a terminal, no value."""


def _parse_unlimited(given: object) -> object:
    return None if isinstance(given, str) and given.strip().lower() == _UNLIMITED_WORD else given


def _build_url_validator(*schemes: str) -> AfterValidator:
    def check_url(given: str) -> str:
        scheme, separator, rest = given.partition("://")
        if scheme not in schemes or not separator or not rest:
            raise PydanticCustomError(
                "url",
                "must be a URL that begins with {schemes}",
                {"schemes": " or ".join(f"{name}://" for name in schemes)},
            )
        return given.rstrip("/")

    return AfterValidator(check_url)


def _clean_secret(given: object) -> object:
    """Take a secret as it was pasted: no space around it, and nothing that no header can carry."""
    if not isinstance(given, str):
        return given
    given = given.strip()
    if not given.isprintable() or " " in given:
        raise PydanticCustomError("secret", "must be one word, without spaces or line breaks")
    return given


def _ignore_case_of(names: tuple[str, ...]) -> BeforeValidator:
    """Take a name however it is capitalised."""
    spelled = {name.casefold(): name for name in names}
    return BeforeValidator(
        lambda given: (
            spelled.get(given.strip().casefold(), given) if isinstance(given, str) else given
        )
    )


Secret = Annotated[SecretStr, BeforeValidator(_clean_secret)]
HttpUrl = Annotated[str, _build_url_validator("https", "http")]
GatewayUrl = Annotated[str, _build_url_validator("wss", "ws")]


def _parse_networks(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        parts = (part.strip() for part in given.split(","))
        return tuple(ip_network(part) for part in parts if part)
    except ValueError:
        raise PydanticCustomError(
            "networks", "must be networks with commas between, e.g. 10.0.0.0/8,::1"
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

    # Discord
    discord_token: Secret = Field(
        description="The bot's token: Discord's developer portal, your application, Bot, Token."
    )
    discord_api_url: HttpUrl | None = Field(
        None,
        description="Another REST server in Discord's place, e.g. http://127.0.0.1:8080/api/v10.",
    )
    discord_gateway_url: GatewayUrl | None = Field(
        None, description="Another gateway in Discord's place, e.g. ws://127.0.0.1:8080/gateway."
    )
    shard_count: int | None = Field(
        None, ge=1, description="How many shards the bot has in all. Unset: Discord recommends."
    )
    shard_ids: Annotated[tuple[int, ...] | None, NoDecode] = Field(
        None, description="Which shards this process serves, e.g. 0,1. Needs SHARD_COUNT."
    )

    # Google
    gemini_api_key: Secret | None = Field(
        None, description="An API key of the Gemini Developer API (https://aistudio.google.com)."
    )
    gemini_api_url: HttpUrl | None = Field(
        None, description="Another server in the Gemini API's place."
    )
    google_cloud_project: str | None = Field(
        None, description="A Google Cloud project for Veo on Vertex AI, with default credentials."
    )
    google_cloud_location: str = Field("us-central1", description="The region of Vertex AI.")
    google_application_credentials: FilePath | None = Field(
        None, description="A credentials file for Vertex AI. Unset: Google's usual places."
    )
    google_output_uri: str | None = Field(
        None,
        pattern=r"^gs://[^/\s]+(/\S*)?$",
        description="A gs:// prefix under which Vertex AI leaves its videos; it must be writable."
        " With it a submit whose answer was lost can be found again.",
    )
    google_region: Annotated[OperatorRegion, _ignore_case_of(tuple(OperatorRegion))] = Field(
        OperatorRegion.ELSEWHERE,
        description="Where the operator's Google account is, which decides what Veo allows about"
        " people: eu, uk, ch, mena or elsewhere.",
    )
    vertex_api_url: HttpUrl | None = Field(None, description="Another server in Vertex AI's place.")
    models_file: Path | None = Field(
        None, description="A TOML file that adds models to the catalogue or overrides them."
    )
    paid_calls: Literal["allow", "forbid"] = Field(
        "allow",
        description="forbid: no request that costs money is sent to Google's own hosts.",
    )

    # Where things are kept
    data_dir: Path = Field(
        Path("var"), description="Where clips, inputs and the SQLite database are kept."
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
        description="Days that the original of a clip is kept, and the images it was made from;"
        " what the showcase shows is kept longer. `none`: for ever.",
    )
    keep_clips_gb: Annotated[
        Annotated[float, Field(gt=0)] | None, BeforeValidator(_parse_unlimited)
    ] = Field(
        50.0,
        description="Gigabytes that originals may take in all; the oldest that are not in the"
        " showcase go first. `none`: any.",
    )
    guild_grace_days: int = Field(
        30,
        ge=0,
        description="Days that a server's data is kept after the bot has left it; coming back"
        " within them changes nothing.",
    )
    link_days: float = Field(
        7.0,
        gt=0,
        description="Days that a signed link to an original leads there. Needs PUBLIC_URL.",
    )
    link_keys: SecretStr | None = Field(
        None,
        description="Keys that sign links, the newest last, separated by commas: needed where"
        " several machines serve one PUBLIC_URL. Unset: made at start and kept under DATA_DIR.",
    )

    # The web server
    public_url: HttpUrl | None = Field(
        None, description="How people reach the bot's web server from outside, if they do."
    )
    web_host: str = Field("127.0.0.1", description="The address that the web server listens on.")
    web_port: int = Field(8080, ge=0, le=65535, description="The port that it listens on.")
    trusted_proxies: Networks = Field(
        "",
        validate_default=True,
        description="Networks of the proxies in front of the web server, whose X-Forwarded-For is"
        " believed, e.g. 127.0.0.1,10.0.0.0/8.",
    )
    metrics_clients: Networks = Field(
        "127.0.0.0/8,::1",
        validate_default=True,
        description="Networks that may read /metrics and /readyz; others find nothing there.",
    )
    web_requests_per_minute: int = Field(
        300, ge=1, description="Pages a minute that one visitor may ask the web server for."
    )

    # Logs
    log_format: Literal["console", "json"] = Field(
        "console", description="console for people, json for machines."
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        _ignore_case_of(("DEBUG", "INFO", "WARNING", "ERROR")),
    ] = Field(
        "INFO", description="The least important line to write: DEBUG, INFO, WARNING or ERROR."
    )

    # Jobs
    poll_interval_s: float = Field(
        10.0, gt=0, description="Seconds between two looks at a running video; jitter is added."
    )
    job_time_limit_s: float = Field(
        900.0,
        gt=0,
        description="Seconds after which a video is asked about once more and then called lost;"
        " made within two days after all, it is delivered and charged all the same.",
    )
    lease_s: float = Field(
        30.0,
        ge=1,
        description="Seconds after which a silent process's jobs are taken over by another.",
    )
    unknown_settlement: Literal["refund", "charge"] = Field(
        "refund", description="What a member pays for a job whose submit may not have arrived."
    )
    paused: bool = Field(
        False,
        description="The operator's switch from the start on: accept no new request, let running"
        " jobs finish. While the bot runs: python -m bot.switch.",
    )

    # Limits: what a member has where the server set nothing, a server's, and the whole bot's.
    # `none` lifts a limit.
    default_member_clips_per_day: OptionalCount = Field(10, description="Clips a member, 24 hours.")
    default_member_seconds_per_day: OptionalCount = Field(
        80, description="Seconds a member, 24 hours."
    )
    default_member_usd_per_day: OptionalDollars = Field(
        Decimal(4), description="USD a member, 24 hours."
    )
    default_member_usd_per_month: OptionalDollars = Field(
        Decimal(20), description="USD a member, 30 days."
    )
    default_member_jobs_at_once: OptionalCount = Field(2, description="Jobs of a member at once.")
    default_server_clips_per_day: OptionalCount = Field(
        100, description="Clips a server, 24 hours."
    )
    default_server_seconds_per_day: OptionalCount = Field(
        800, description="Seconds a server, 24 hours."
    )
    default_server_usd_per_day: OptionalDollars = Field(
        Decimal(20), description="USD a server, 24 hours."
    )
    default_server_usd_per_month: OptionalDollars = Field(
        Decimal(100), description="USD a server, 30 days."
    )
    default_server_jobs_at_once: OptionalCount = Field(10, description="Jobs of a server at once.")
    confirm_above_usd: OptionalDollars = Field(
        Decimal(2),
        description="USD from which on a request asks before it spends, where the server has not"
        " set a price of its own with /server confirm.",
    )
    bot_clips_per_day: OptionalCount = Field(500, description="Clips of the whole bot, 24 hours.")
    bot_seconds_per_day: OptionalCount = Field(
        4000, description="Seconds of the whole bot, 24 hours."
    )
    bot_usd_per_day: OptionalDollars = Field(
        Decimal(50), description="USD of the whole bot, 24 hours."
    )
    bot_usd_per_month: OptionalDollars = Field(
        Decimal(300), description="USD of the whole bot, 30 days."
    )
    bot_jobs_at_once: OptionalCount = Field(
        200, description="Jobs of the whole bot at once, waiting ones included; more are refused."
    )
    bot_in_flight: OptionalCount = Field(
        20, description="Videos that Google works on at once; further jobs wait in the queue."
    )
    model_requests_per_minute: OptionalCount = Field(
        None, description="Requests a minute and model, to stay under the Google project's quota."
    )
    model_requests_per_day: OptionalCount = Field(
        None, description="Requests a day and model, to stay under the Google project's quota."
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_blanks(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {
            name: value
            for name, value in given.items()
            if not (isinstance(value, str) and not value.strip())
        }

    @field_validator("shard_ids", mode="before")
    @classmethod
    def _split_shard_ids(cls, given: object) -> object:
        if isinstance(given, str):
            return [part.strip() for part in given.split(",") if part.strip()]
        return given

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not given.get_secret_value().startswith(
            ("sqlite+aiosqlite://", "postgresql+asyncpg://")
        ):
            raise PydanticCustomError(
                "database", "must begin with sqlite+aiosqlite:// or postgresql+asyncpg://"
            )
        return given

    @model_validator(mode="after")
    def _check_routes(self) -> Self:
        if self.gemini_api_key is None and self.google_cloud_project is None:
            raise PydanticCustomError(
                "route",
                "GEMINI_API_KEY or GOOGLE_CLOUD_PROJECT must be set: without one of them"
                " there is no way to Veo (see .env.example)",
            )
        if self.shard_ids is not None and self.shard_count is None:
            raise PydanticCustomError("shards", "SHARD_COUNT must be set when SHARD_IDS is")
        if any(not 0 <= each < (self.shard_count or 0) for each in self.shard_ids or ()):
            raise PydanticCustomError("shards", "SHARD_IDS must be below SHARD_COUNT, from 0 on")
        return self

    @property
    def resolved_database_url(self) -> str:
        """The database's URL, with the default filled in. It may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir / 'clapper.db'}"

    @property
    def policy(self) -> SpendingPolicy:
        """The operator's limits over money and pace."""
        return SpendingPolicy(
            member=self._collect_limits("default_member"),
            guild=self._collect_limits("default_server"),
            bot=self._collect_limits("bot"),
            pace=PacingLimits(
                in_flight=self.bot_in_flight,
                requests_per_minute=self.model_requests_per_minute,
                requests_per_day=self.model_requests_per_day,
            ),
            paused=self.paused,
        )

    @property
    def confirm_above(self) -> Micros | None:
        """The price from which on a request asks first, in micro-dollars."""
        return None if self.confirm_above_usd is None else to_micros(self.confirm_above_usd)

    def _collect_limits(self, prefix: str) -> UsageLimits:
        given = {name: getattr(self, f"{prefix}_{name}") for name in _LIMIT_NAMES}
        return UsageLimits(
            **{n: to_micros(v) if isinstance(v, Decimal) else v for n, v in given.items()}
        )

    @property
    def secret_values(self) -> tuple[str, ...]:
        """Every secret value, for the log's redaction."""
        found = (self.discord_token, self.gemini_api_key)
        plain = [secret.get_secret_value() for secret in found if secret is not None]
        return (*plain, *self.signing_keys)

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """The given keys that sign links, the oldest first; none where they are made here."""
        given = "" if self.link_keys is None else self.link_keys.get_secret_value()
        return tuple(key.strip() for key in given.split(",") if key.strip())


def read_settings(**overrides: Any) -> Settings:
    """Read environment and `.env`.

    Raises `SettingsError` with one line that names the setting and says what to do.
    """
    try:
        return Settings(**overrides)
    except ValidationError as fault:
        raise SettingsError(_format_setting_error(fault.errors(include_input=False)[0])) from None


def _format_setting_error(fault: ErrorDetails) -> str:
    if not fault["loc"]:
        return fault["msg"]
    field = str(fault["loc"][0]).lower()
    name = field.upper()
    about = Settings.model_fields[field].description or ""
    if fault["type"] == "missing":
        return f"{name} is missing: set it in the environment or in .env. {about}"
    message = fault["msg"].removeprefix("Input ").removeprefix("String ")
    return f"{name} is malformed: it {message}. {about}"
