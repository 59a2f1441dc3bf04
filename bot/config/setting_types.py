"""The types of settings: how the text of the environment becomes a value, or a reason why not."""

import base64
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from bot.domain.moderation.content_check import ContentThreshold

MINIMUM_KEY_LENGTH: Final = 16
"""Characters of a key that signs links: a shorter one could be guessed."""
_MAXIMUM_LINE_LENGTH: Final = 200
_MEDIA_URL: Final = re.compile(
    r"(s3|gs)://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](/[^\s?#]+)?|file:///\S+"
)
_NOT_IN_URLS: Final = re.compile(r"""[\s<>"{}|\\^`]|%(?![0-9A-Fa-f]{2})""")
_MODEL_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{2,99}")
_SNOWFLAKE: Final = re.compile(r"[1-9]\d{16,19}")


def read_text(parse: Callable[[str], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def ignore_case(names: Iterable[str]) -> BeforeValidator:
    by_folded = {name.casefold(): name for name in names}
    return read_text(lambda text: by_folded.get(text.strip().casefold(), text))


def _parse_secret(text: str) -> str:
    """Strip pasted whitespace, and refuse what an HTTP header cannot carry."""
    secret = text.strip()
    if not secret.isprintable() or " " in secret:
        raise PydanticCustomError("secret", "must be one word, without spaces or line breaks")
    return secret


def _parse_line(text: str) -> str:
    """Refuse what a page could not show in one line."""
    line = text.strip()
    if not line.isprintable() or len(line) > _MAXIMUM_LINE_LENGTH:
        raise PydanticCustomError(
            "line",
            "must be one line of at most {length} characters",
            {"length": _MAXIMUM_LINE_LENGTH},
        )
    return line


def _require_scheme(*schemes: str, strip: str = "/") -> BeforeValidator:
    def check_url(url: str) -> str:
        scheme, separator, rest = url.partition("://")
        if scheme not in schemes or not separator or not rest:
            beginnings = " or ".join(f"{name}://" for name in schemes)
            raise PydanticCustomError(
                "url", "must be a URL that begins with {beginnings}", {"beginnings": beginnings}
            )
        return url.rstrip(strip)

    return read_text(check_url)


def _name_driver(url: str) -> str:
    """Return a database's URL as SQLAlchemy wants it, from what hosts and PostgreSQL write."""
    return re.sub("^(postgres|postgresql)://", "postgresql+asyncpg://", url)


def _require_host(url: str, *, allows_query: bool = False) -> str:
    """Refuse a URL that aiohttp or discord.py would refuse at the first request."""
    scheme = url.partition("://")[0]
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        is_complete = bool(host) and parts.port != 0
    except ValueError:  # the port, the brackets of an IPv6 address, or an empty part of the name
        is_complete = False
    if not is_complete or not url.isprintable() or _NOT_IN_URLS.search(url):
        raise PydanticCustomError(
            "host", "must look like {scheme}://HOST or {scheme}://HOST:PORT", {"scheme": scheme}
        )
    if scheme.startswith("http") and not allows_query and (parts.query or parts.fragment):
        raise PydanticCustomError("query", "must be a URL without ? and #, since paths are added")
    return url


def split_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _parse_networks(text: str) -> object:
    try:
        return tuple(map(ip_network, split_list(text)))
    except ValueError:
        raise PydanticCustomError(
            "networks", "must be networks separated by commas, e.g. 10.0.0.0/8,::1"
        ) from None


NONE_IS_UNLIMITED: Final = read_text(lambda text: None if text.strip().lower() == "none" else text)

Line = Annotated[str, read_text(_parse_line)]
Secret = Annotated[SecretStr, read_text(_parse_secret)]
HttpUrl = Annotated[str, read_text(_require_host), _require_scheme("https", "http")]
GatewayUrl = Annotated[str, read_text(_require_host), _require_scheme("wss", "ws")]
DatabaseUrl = Annotated[
    SecretStr,
    _require_scheme("sqlite+aiosqlite", "postgresql+asyncpg", strip=""),
    read_text(_name_driver),
]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    ignore_case(("DEBUG", "INFO", "WARNING", "ERROR")),
]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, read_text(_parse_networks)]
ShardCount = Annotated[
    PositiveInt | None,
    read_text(lambda text: None if text.strip().lower() == "auto" else text),
]
OptionalCount = Annotated[NonNegativeInt | None, NONE_IS_UNLIMITED]
OptionalPositiveCount = Annotated[PositiveInt | None, NONE_IS_UNLIMITED]
OptionalDollars = Annotated[
    Annotated[Decimal, Field(ge=0, max_digits=12)] | None, NONE_IS_UNLIMITED
]
TokenDollars = Annotated[Decimal, Field(ge=0, max_digits=12)]
ContentChoice = Annotated[ContentThreshold, ignore_case(ContentThreshold)]
BoundedSeconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _parse_servers(text: str) -> object:
    ids = split_list(text)
    if wrong := next((part for part in ids if not _SNOWFLAKE.fullmatch(part)), None):
        raise PydanticCustomError(
            "servers",
            "must be server IDs, separated by commas, and {part} is not one (in Discord: User"
            " Settings, Advanced, Developer Mode; then right-click the server, Copy Server ID)",
            {"part": wrong},
        )
    return frozenset(map(int, ids))


def _parse_channel(text: str) -> str:
    if not _SNOWFLAKE.fullmatch(text.strip()):
        raise PydanticCustomError(
            "channel",
            "must be a channel's ID (in Discord: User Settings, Advanced, Developer Mode; then"
            " right-click the channel, Copy Channel ID)",
        )
    return text.strip()


def _parse_model_id(text: str) -> str:
    model = text.strip().removeprefix("models/")
    if not _MODEL_ID.fullmatch(model):
        raise PydanticCustomError("model", "must be a model's ID, e.g. gemini-3.5-flash-lite")
    return model


def _parse_webhook_secret(text: str) -> str:
    """Require what the Standard Webhooks specification says of secrets."""
    secret = text.strip()
    try:
        length = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except ValueError:
        length = 0
    if not 24 <= length <= 64:
        raise PydanticCustomError(
            "webhook_secret", "must be 24 to 64 bytes in base64, e.g. from: openssl rand -base64 32"
        )
    return secret


def _parse_link_keys(text: str) -> str:
    keys = split_list(text)
    if any(len(key) < MINIMUM_KEY_LENGTH for key in keys):
        raise PydanticCustomError(
            "keys",
            "must have keys of {count} characters or more, e.g. from: openssl rand -hex 32",
            {"count": MINIMUM_KEY_LENGTH},
        )
    return text


def _parse_output_uri(text: str) -> str:
    if not re.fullmatch(r"gs://[^/\s]+(/\S*)?", text.strip()):
        raise PydanticCustomError("output_uri", "must look like gs://BUCKET/FOLDER")
    return text.strip()


def _parse_media_url(text: str) -> str:
    url = text.strip().rstrip("/")
    if not _MEDIA_URL.fullmatch(url):
        raise PydanticCustomError(
            "media_url", "must look like s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or file:///FOLDER"
        )
    return url


def _parse_file(text: str) -> Path:
    path = Path(text.strip())
    try:
        is_file = path.is_file()
    except PermissionError as error:
        message = "must be in a folder that the bot's user may enter"
        raise PydanticCustomError("file", message) from error
    except OSError:  # too long for a path, such as the pasted contents of the file
        is_file = False
    if not is_file:
        raise PydanticCustomError("file", "must be the path of a file that exists")
    return path


OptionalServers = Annotated[frozenset[int] | None, NoDecode, read_text(_parse_servers)]
OptionalChannel = Annotated[int | None, read_text(_parse_channel)]
OptionalModel = Annotated[str | None, read_text(_parse_model_id)]
WebhookUrl = Annotated[
    SecretStr,
    read_text(partial(_require_host, allows_query=True)),
    _require_scheme("https", "http", strip=""),
]
WebhookSecret = Annotated[SecretStr, read_text(_parse_webhook_secret)]
LinkKeys = Annotated[SecretStr, read_text(_parse_link_keys)]
ExistingFile = Annotated[Path, read_text(_parse_file)]
MediaUrl = Annotated[str, read_text(_parse_media_url)]
OutputUri = Annotated[str, read_text(_parse_output_uri)]
