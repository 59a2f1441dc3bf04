"""Every setting, documented where it is declared, read once at start from environment and `.env`.

Nothing else in the program reads the environment. Only `bot.app` and `bot.cli` see a `Settings`;
they pass plain values on. A blank setting means its default.
"""

from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.config import setting_rules
from bot.config.renamed_settings import SettingsError, read_renamed_settings
from bot.config.setting_errors import describe_field, format_setting_error
from bot.config.setting_types import (
    NONE_IS_UNLIMITED,
    BoundedSeconds,
    ContentChoice,
    DatabaseUrl,
    ExistingFile,
    GatewayUrl,
    HttpUrl,
    Line,
    LinkKeys,
    LogLevel,
    MediaUrl,
    Networks,
    OptionalChannel,
    OptionalCount,
    OptionalDollars,
    OptionalModel,
    OptionalPositiveCount,
    OptionalServers,
    OutputUri,
    PositiveFloat,
    Secret,
    ShardCount,
    TokenDollars,
    WebhookSecret,
    WebhookUrl,
    ignore_case,
    read_text,
    split_list,
)
from bot.config.unknown_settings import warn_of_unknown_settings
from bot.domain.billing.limits import PacingLimits, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros, to_micros
from bot.domain.jobs.request import OperatorRegion
from bot.domain.moderation.content_check import (
    CheckPrices,
    ContentKind,
    ContentRules,
    ContentThreshold,
)
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
    """The bot's token, from Discord's developer portal (your application, Bot, Reset Token)."""
    discord_api_url: HttpUrl | None = None
    """A REST server to use instead of Discord's, e.g. http://127.0.0.1:8080/api/v10."""
    discord_gateway_url: GatewayUrl | None = None
    """A gateway to use instead of Discord's, e.g. ws://127.0.0.1:8080/gateway."""
    shard_count: ShardCount = None
    """Number of connections to Discord (shards) of all processes together (unset or auto: as many
    as Discord recommends)."""
    shard_ids: Annotated[tuple[int, ...] | None, NoDecode, read_text(split_list)] = None
    """Shards that this process runs, e.g. 0,1; this needs SHARD_COUNT (unset: all; with PostgreSQL,
    processes share them)."""

    # Who may use the bot
    allowed_servers: OptionalServers = None
    """IDs of the servers that may use the bot, separated by commas; it leaves all others (unset:
    every server that adds it may use it)."""
    allow_direct_messages: bool | None = None
    """Whether people may ask for clips in direct messages (unset: true, or false if ALLOWED_SERVERS
    is set)."""
    allow_user_install: bool | None = None
    """Whether people may install the bot for themselves and use it in places that have not added it
    (unset: true, or false if ALLOWED_SERVERS is set)."""

    adults_only: bool = False
    """Whether clips are made only in age-restricted channels, with commands that Discord offers
    only to adults (see "Adults only" in docs/operations.md)."""
    word_list_file: Path | None = None
    """A text file with the words and phrases, one on each line, that no request may contain (see
    "Word list" in docs/operations.md)."""

    # Checks of prompts and pictures by a text model
    moderation_model: OptionalModel = None
    """A Gemini text model that checks prompts and pictures before a clip is made, e.g.
    gemini-3.5-flash-lite (unset: none does; see "Check of prompts" in docs/operations.md)."""
    moderate_results: bool = False
    """Whether MODERATION_MODEL also checks three frames of each finished clip before anybody sees
    it (see "Check of results" in docs/operations.md)."""
    moderation_sexual: ContentChoice = ContentThreshold.REFUSE_CLEAR
    """Nudity and sexual acts: allow, refuse clear cases or refuse doubtful cases."""
    moderation_violence: ContentChoice = ContentThreshold.REFUSE_CLEAR
    """Gore, torture and cruelty: allow, refuse clear cases or refuse doubtful cases."""
    moderation_hate: ContentChoice = ContentThreshold.REFUSE_CLEAR
    """Contempt for groups of people: allow, refuse clear cases or refuse doubtful cases."""
    moderation_harassment: ContentChoice = ContentThreshold.REFUSE_CLEAR
    """Humiliating or threatening somebody: allow, refuse clear cases or refuse doubtful cases."""
    moderation_dangerous: ContentChoice = ContentThreshold.REFUSE_CLEAR
    """Self-harm, weapons, drugs and crime: allow, refuse clear cases or refuse doubtful cases."""
    moderation_real_people: ContentChoice = ContentThreshold.REFUSE_CLEAR
    """Well-known people: allow, refuse clear cases or refuse doubtful cases."""
    moderation_if_away: Literal["refuse", "accept"] = "refuse"
    """What to do with a request if MODERATION_MODEL gives no answer: refuse or accept; a finished
    clip is then withheld or posted."""
    moderation_input_usd: TokenDollars = Decimal("0.30")
    """US dollars that Google charges for a million input tokens of MODERATION_MODEL."""
    moderation_output_usd: TokenDollars = Decimal("2.50")
    """US dollars that Google charges for a million output tokens of MODERATION_MODEL."""

    # Google
    gemini_api_key: Secret | None = None
    """An API key from Google AI Studio (https://aistudio.google.com), for Gemini Omni."""
    gemini_api_url: HttpUrl | None = None
    """A server to use instead of the Gemini API."""
    gemini_webhooks: bool = False
    """Whether Google tells the bot when a clip of Gemini Omni is finished, so it is seen within
    a second; needs PUBLIC_URL with https (see "Webhooks for Omni" in docs/operations.md)."""
    google_cloud_project: str | None = None
    """ID of a Google Cloud project, for Veo on Vertex AI, and for Gemini Omni if you switch that
    on."""
    google_cloud_location: str = "us-central1"
    """The Vertex AI region for Veo; Gemini Omni always uses global."""
    google_application_credentials: ExistingFile | None = None
    """A credentials file for Vertex AI (unset: Google's default credentials)."""
    google_output_uri: OutputUri | None = None
    """A writable gs:// folder where Vertex AI stores its videos; there the bot finds a video whose
    request got no answer."""
    google_region: Annotated[OperatorRegion, ignore_case(OperatorRegion)] = OperatorRegion.ELSEWHERE
    """Where your Google account is registered: eu (the EEA), uk, ch, mena or elsewhere; this
    decides which people Veo may show and whether Gemini Omni may edit copies of clips."""
    omni_satisfies_adults: bool = False
    """Whether servers that allow only adults in videos may use Gemini Omni, which has no setting
    for people (see "People in videos" in docs/operations.md)."""
    vertex_api_url: HttpUrl | None = None
    """A server to use instead of Vertex AI."""
    models_file: Path | None = None
    """A TOML file that adds or changes models; "clapper models FILE" shows the result."""
    paid_calls: Literal["allow", "forbid"] = "allow"
    """Whether requests that cost money are sent to Google's own servers: allow or forbid."""

    # Where things are kept
    data_dir: Path = Path("var")
    """Folder for clips, input images and the SQLite database."""
    media_url: MediaUrl | None = None
    """Where clips and input images are kept instead of DATA_DIR: s3://BUCKET/FOLDER,
    gs://BUCKET/FOLDER or file:///FOLDER (see "Clips in a bucket" in docs/operations.md)."""
    media_redirects: bool | None = None
    """Whether download links lead to the bucket itself, by signed links that work for five minutes
    (unset: true, unless AWS_ENDPOINT_URL begins with http://)."""
    aws_access_key_id: Secret | None = None
    """The access key for MEDIA_URL with s3:// (unset: the machine's role)."""
    aws_secret_access_key: Secret | None = None
    """The secret of AWS_ACCESS_KEY_ID."""
    aws_region: str = "us-east-1"
    """The region of the bucket in MEDIA_URL."""
    aws_endpoint_url: HttpUrl | None = None
    """The S3 server of MEDIA_URL, such as MinIO or R2 (unset: Amazon's)."""
    database_url: DatabaseUrl | None = None
    """The database, sqlite+aiosqlite:///PATH or postgresql+asyncpg://USER:PASSWORD@HOST/NAME, with
    HOST:PORT,HOST:PORT for a primary and its standbys (unset: SQLite in clapper.db under
    DATA_DIR)."""
    keep_clips_days: Annotated[PositiveInt | None, NONE_IS_UNLIMITED] = 90
    """Days to keep original videos and input images; clips in the showcase are kept longer (none:
    forever)."""
    keep_clips_gb: Annotated[PositiveFloat | None, NONE_IS_UNLIMITED] = 50.0
    """Gigabytes of disk for original videos; when they are used up, the oldest that are not in the
    showcase are deleted (none: no limit)."""
    keep_left_servers_days: NonNegativeInt = 30
    """Days to keep a server's data after the bot was removed from it; nothing is lost if the bot
    returns in that time."""
    keep_ledger_days: Annotated[Annotated[int, Field(ge=366)] | None, NONE_IS_UNLIMITED] = 400
    """Days to keep each entry of the ledger, at least 366; older ones are replaced by their sum for
    each month, server, member and kind (none: forever)."""
    link_lifetime_days: PositiveFloat = 7.0
    """Days that a download link works; links need PUBLIC_URL."""
    link_keys: LinkKeys | None = None
    """Keys that sign download links, each of 16 characters or more, separated by commas, newest
    last; needed if several machines serve one PUBLIC_URL (unset: generated and kept in
    DATA_DIR)."""

    # The web server
    public_url: HttpUrl | None = None
    """The web server's public address, e.g. https://clips.example (unset: nothing links to the
    gallery, and large clips get no download link)."""
    web_host: str = "127.0.0.1"
    """Address that the web server listens on (0.0.0.0: all addresses of this machine)."""
    web_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port that the web server listens on (0: any that is free)."""
    trusted_proxies: Networks = Field("", validate_default=True)
    """Networks of your reverse proxies, separated by commas, e.g. 127.0.0.1,10.0.0.0/8; only their
    X-Forwarded-For header is trusted (unset: no one's)."""
    metrics_allowed_networks: Networks = Field("127.0.0.0/8,::1", validate_default=True)
    """Networks that may read /metrics and /readyz, separated by commas; all others get 404."""
    web_requests_per_minute: PositiveInt = 300
    """Requests per minute that the web server accepts from one visitor."""

    # Content Credentials (C2PA)
    c2pa_certificate: Path | None = None
    """A file with the certificate chain (PEM) that signs the clips that the bot re-encodes (unset:
    they carry no manifest; see "Content Credentials" in docs/operations.md)."""
    c2pa_key: Path | None = None
    """A file with the private key (PEM, not encrypted) of C2PA_CERTIFICATE."""
    c2pa_timestamp_url: HttpUrl | None = None
    """A time-stamp server (RFC 3161) that confirms when a clip was signed (unset: none is used)."""
    c2pa_trust: Path | None = None
    """A file with the certificates (PEM) of the signers that /video check trusts, such as C2PA's
    trust list (unset: it trusts only the bot's own)."""

    # Who runs the bot
    operator_name: Line | None = None
    """Your name or your organization's, for the terms and privacy pages (unset: they say that you
    have entered none)."""
    operator_contact: Line | None = None
    """Where people reach you about their data, such as an e-mail address or a web page (unset:
    those pages send them to their server's admins)."""

    # Who is told when something goes wrong
    alert_channel: OptionalChannel = None
    """ID of the channel where the bot tells you about what needs your attention, such as used-up
    credit (see "Alerts" in docs/operations.md)."""
    alert_url: WebhookUrl | None = None
    """A server of yours that gets the same alerts as signed webhooks, e.g.
    https://alerts.example/clapper."""
    alert_secret: WebhookSecret | None = None
    """The secret that signs what is sent to ALERT_URL, 24 to 64 bytes in base64 (unset: made from
    DISCORD_TOKEN; "clapper alert-test --show-secret" prints it)."""

    # Logs
    log_format: Literal["console", "json"] = "console"
    """Form of the log: console for people, json for machines."""
    log_level: LogLevel = "INFO"
    """Lowest level that is logged: DEBUG, INFO, WARNING or ERROR."""

    # Jobs
    poll_interval_s: BoundedSeconds = 10.0
    """Seconds between two polls of a running job until the bot knows how long such jobs take."""
    job_time_limit_s: BoundedSeconds = 900.0
    """Seconds after which a running job is given up (Gemini Omni: at least 1800); a video that
    Google finishes within two days is still delivered and charged."""
    lease_s: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = 30.0
    """Seconds without a sign of life after which another process takes over a process's jobs."""
    charge_member_for_unconfirmed_submits: bool = False
    """Whether members pay for a job when it is unclear whether Google received it; the server's and
    the bot's budgets count it in any case."""
    paused: bool = False
    """Whether the bot starts paused: it accepts no requests, and running jobs finish (to pause a
    running bot, use "clapper pause")."""

    # Limits of a member where the server sets none, of a server, and of the whole bot
    default_member_clips_per_day: OptionalCount = 10
    """Clips that a member may make in 24 hours, where the server sets no limit (none: no limit)."""
    default_member_seconds_per_day: OptionalCount = 80
    """Seconds of video that a member may make in 24 hours, where the server sets no limit (none: no
    limit)."""
    default_member_usd_per_day: OptionalDollars = Decimal(4)
    """US dollars that a member may spend in 24 hours, where the server sets no limit (none: no
    limit)."""
    default_member_usd_per_month: OptionalDollars = Decimal(20)
    """US dollars that a member may spend in 30 days, where the server sets no limit (none: no
    limit)."""
    default_member_jobs_at_once: OptionalCount = 2
    """Unfinished jobs that a member may have at a time, where the server sets no limit (none: no
    limit)."""
    default_server_clips_per_day: OptionalCount = 100
    """Clips that a server may make in 24 hours; its admins cannot allow more (none: no limit)."""
    default_server_seconds_per_day: OptionalCount = 800
    """Seconds of video that a server may make in 24 hours; its admins cannot allow more (none: no
    limit)."""
    default_server_usd_per_day: OptionalDollars = Decimal(20)
    """US dollars that a server may spend in 24 hours; its admins cannot allow more (none: no
    limit)."""
    default_server_usd_per_month: OptionalDollars = Decimal(100)
    """US dollars that a server may spend in 30 days; its admins cannot allow more (none: no
    limit)."""
    default_server_jobs_at_once: OptionalCount = 10
    """Unfinished jobs that a server may have at a time; its admins cannot allow more (none: no
    limit)."""
    confirm_above_usd: OptionalDollars = Decimal(2)
    """Price in US dollars from which the bot asks before it makes a clip, unless the server has its
    own with /server confirm (none: it never asks)."""
    reply_undo_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    """Seconds in which a request made by a reply can be undone, free, before it is sent to Google
    (0: it is sent at once)."""
    bot_clips_per_day: OptionalCount = 500
    """Clips that the whole bot may make in 24 hours (none: no limit)."""
    bot_seconds_per_day: OptionalCount = 4000
    """Seconds of video that the whole bot may make in 24 hours (none: no limit)."""
    bot_usd_per_day: OptionalDollars = Decimal(50)
    """US dollars that the whole bot may spend in 24 hours (none: no limit)."""
    bot_usd_per_month: OptionalDollars = Decimal(300)
    """US dollars that the whole bot may spend in 30 days (none: no limit)."""
    bot_jobs_at_once: OptionalPositiveCount = 200
    """Unfinished jobs that the whole bot may have at a time, queued ones included; more are refused
    (none: no limit)."""
    max_concurrent_jobs: OptionalPositiveCount = 20
    """Jobs that may run at Google at a time; more wait in the queue (none: no limit)."""
    model_requests_per_minute: OptionalPositiveCount = None
    """Requests sent to each model per minute, to stay within your Google project's quota (unset or
    none: no limit)."""
    model_requests_per_day: OptionalPositiveCount = None
    """Requests sent to each model per day, to stay within your Google project's quota (unset or
    none: no limit)."""

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
    def _check_combinations(self) -> Self:
        has_key = self.gemini_api_key is not None
        setting_rules.require_route(
            has_key=has_key, has_project=self.google_cloud_project is not None
        )
        if self.moderate_results:
            setting_rules.require_model_for_results(self.moderation_model)
        if self.gemini_webhooks:
            setting_rules.require_reachable_webhooks(
                has_key=has_key,
                public_url=self.public_url,
                from_google=self.gemini_api_url is None,
            )
        setting_rules.require_both_or_neither(
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=self.aws_secret_access_key,
        )
        setting_rules.require_both_or_neither(
            c2pa_certificate=self.c2pa_certificate, c2pa_key=self.c2pa_key
        )
        setting_rules.require_polls(
            poll_interval_s=self.poll_interval_s, job_time_limit_s=self.job_time_limit_s
        )
        setting_rules.require_known_shards(self.shard_ids, shard_count=self.shard_count)
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
    def content_rules(self) -> ContentRules:
        return ContentRules({kind: getattr(self, f"moderation_{kind}") for kind in ContentKind})

    @property
    def moderation_prices(self) -> CheckPrices:
        return CheckPrices(self.moderation_input_usd, self.moderation_output_usd)

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
        secrets = (
            self.discord_token,
            self.gemini_api_key,
            self.aws_secret_access_key,
            self.alert_url,  # services put their keys into its path
            self.alert_secret,
        )
        plain = [secret.get_secret_value() for secret in secrets if secret is not None]
        return (*plain, *self.signing_keys)

    @property
    def signing_keys(self) -> tuple[str, ...]:
        """The operator's keys for signing links, oldest first; empty if the bot makes its own."""
        return () if self.link_keys is None else split_list(self.link_keys.get_secret_value())


def read_settings(**overrides: Any) -> Settings:
    """Read environment and `.env`, and warn on stderr about old and misspelled names.

    Raises `SettingsError` with one line that names the setting and says what to do.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise SettingsError(format_setting_error(first, Settings)) from None
    except OSError as error:
        raise SettingsError(
            f".env cannot be read ({error.strerror}): make it readable for the bot's user, or start"
            " the bot in another folder."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(".env is malformed: it must be a text file in UTF-8.") from error


def describe_setting(name: str) -> str:
    return describe_field(Settings, name)
