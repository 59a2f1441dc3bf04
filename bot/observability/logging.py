"""Configures logging: one line per event, without secrets or prompts.

Redaction runs last, after tracebacks are formatted, so that it also covers messages of libraries.
"""

import atexit
import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Final, Literal, TextIO

import aiohttp
import discord
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.observability.repetition import RepeatedLineFilter

LogFormat = Literal["console", "json"]

_REDACTED: Final = "[redacted]"
_PRIVATE_KEYS: Final = frozenset({"prompt", "negative_prompt", "content", "token", "api_key"})
_SECRET_PATTERNS: Final = (
    # a bot token
    (re.compile(r"\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}\b"), _REDACTED),
    (re.compile(r"\bAIza[\w-]{30,}"), _REDACTED),
    (re.compile(r"(?i)\b(bearer|bot)\s+[\w.~+/-]{16,}=*"), rf"\1 {_REDACTED}"),
    (re.compile(r"\bya29\.[\w.-]+"), _REDACTED),
    # URLs have interaction tokens in their path and signatures in their query
    (re.compile(r"(/(?:webhooks|interactions)/\d+/)[^/\s?'\"]+"), rf"\1{_REDACTED}"),
    # the bot's invite link is public and useless without its query
    (
        re.compile(
            r"(\b(?!https://discord\.com/oauth2/authorize\?)[a-z]+://[^\s?'\"<>]+)\?[^\s'\"<>]+"
        ),
        rf"\1?{_REDACTED}",
    ),
    (re.compile(r"(\b[a-z+]+://[^\s:/@]+):[^\s@/]+@"), rf"\1:{_REDACTED}@"),
    # a prompt inside the repr of a request or a payload
    (
        re.compile(r"((?:negative_)?prompt|content)(['\"]?\s*[=:]\s*)(['\"])(?:\\.|(?!\3).)*\3"),
        rf"\1\2\3{_REDACTED}\3",
    ),
)

_INFO_LOGGERS: Final = ("discord", "aiohttp", "asyncio", "google")
"""Libraries with useful INFO lines. Their DEBUG lines contain whole payloads."""
_WARNING_LOGGERS: Final = (
    # INFO lines of sqlalchemy are statements with their parameters, which include prompts
    "sqlalchemy",
    "aiosqlite",
    "alembic",
    "discord.client",
    "discord.gateway",
    "discord.http",
    "google_genai",
    "httpcore",
    "httpx",
    "PIL",
)

_NETWORK_ERRORS: Final = (
    OSError,
    aiohttp.ClientError,
    discord.GatewayNotFound,
    discord.ConnectionClosed,
)
"""Errors whose message says as much as their traceback."""


class LogRedactor:
    """A processor that removes tokens, keys, signatures, passwords and prompts.

    It also removes ``secrets``, the values of this process's secret settings.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # longest first, because a secret may contain another
        self._secrets = tuple(sorted({s for s in secrets if len(s) >= 6}, key=len, reverse=True))

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {
            key: _REDACTED if key in _PRIVATE_KEYS and value is not None else self.redact(value)
            for key, value in event.items()
        }

    def redact(self, value: Any) -> Any:
        """Return ``value`` without secrets. Objects of unknown types become text."""
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, _REDACTED)
            for pattern, replacement in _SECRET_PATTERNS:
                value = pattern.sub(replacement, value)
            return value
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, MutableMapping):
            return {
                key: _REDACTED if key in _PRIVATE_KEYS else self.redact(item)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.redact(item) for item in value]
        return self.redact(str(value))


def shorten_network_errors(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the traceback of a network error by one field. Libraries log one at each retry."""
    error = event.get("exc_info")
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, _NETWORK_ERRORS):
        event.pop("exc_info")
        event["error"] = f"{type(error).__name__}: {error}"
    return event


def configure_logging(
    *,
    log_format: LogFormat,
    level: str,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    repeated_lines: RepeatedLineFilter | None = None,
) -> None:
    """Send all log lines of this process and its libraries to ``stream`` (default: stderr).

    ``level`` is one of Python's level names. Libraries stay at INFO or above, some at WARNING.
    Repeated warnings and errors are counted (`bot.observability.repetition`).
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        shorten_network_errors,
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    repeated_lines = repeated_lines or RepeatedLineFilter()
    handler = logging.StreamHandler(stream)
    handler.addFilter(repeated_lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                LogRedactor(secrets),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for names, minimum in ((_INFO_LOGGERS, logging.INFO), (_WARNING_LOGGERS, logging.WARNING)):
        for name in names:
            logging.getLogger(name).setLevel(max(minimum, root.level))
    atexit.register(repeated_lines.write_summaries, is_end=True)
