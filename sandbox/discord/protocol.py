"""The gateway's opcodes and close codes, and parsers for payloads of clients.

Every mistake of a client raises ``GatewayClosed`` with Discord's close code, so that each can be
tested without a socket.

https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway
"""

import enum
import json
from typing import Any, NoReturn

from aiohttp import WSCloseCode, WSMsgType

from sandbox.discord.events import ALL_INTENTS, PRIVILEGED_INTENTS, Intents
from sandbox.discord.sessions import GatewayShard

MAX_PAYLOAD_BYTES = 4096
"""https://docs.discord.com/developers/events/gateway#sending-events"""


class Opcode(enum.IntEnum):
    """Gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class CloseCode(enum.IntEnum):
    """Discord's close codes. After 4004 and 4010-4014 a client must not reconnect."""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQUENCE = 4007
    RATE_LIMITED = 4008
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    SHARDING_REQUIRED = 4011
    INVALID_API_VERSION = 4012
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


class GatewayClosed(Exception):
    """The server must close the connection with this code and reason."""

    def __init__(self, code: CloseCode | WSCloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def raise_decode_error(reason: str) -> NoReturn:
    """Raise GatewayClosed (4002) for an unreadable payload."""
    raise GatewayClosed(CloseCode.DECODE_ERROR, f"Error while decoding payload: {reason}.")


def decode_frame(kind: WSMsgType, content: Any) -> tuple[int, Any]:
    """Return the opcode and data of one frame. Raises GatewayClosed (4002).

    Discord reads JSON in binary frames, too; hikari sends it so.
    """
    data = content.encode() if kind is WSMsgType.TEXT else content
    if not isinstance(data, bytes) or len(data) > MAX_PAYLOAD_BYTES:
        raise_decode_error("at most 4096 bytes")
    try:
        message = json.loads(data)
    except ValueError:
        raise_decode_error("not JSON")
    opcode = message.get("op") if isinstance(message, dict) else None
    if not isinstance(opcode, int):
        raise_decode_error("no opcode")
    return opcode, message.get("d")


def read_object(data: Any) -> dict[str, Any]:
    """Return the data of an opcode that takes an object. Raises GatewayClosed (4002)."""
    if not isinstance(data, dict):
        raise_decode_error("d is an object")
    return data


def read_snowflake(value: Any) -> int:
    """Return an id, sent as text or number. Raises GatewayClosed (4002)."""
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).isdigit():
        raise_decode_error("not a snowflake")
    return int(value)


def read_shard(value: Any) -> GatewayShard:
    """``[shard_id, num_shards]``. Raises GatewayClosed (4010)."""
    match value:
        case [int(shard_id), int(count)] if 0 <= shard_id < count:
            return GatewayShard(shard_id, count)
    raise GatewayClosed(CloseCode.INVALID_SHARD, "Invalid shard.")


def read_intents(value: Any, granted: Intents) -> Intents:
    """Return the intents of an identify.

    Raises GatewayClosed: 4013 for unknown bits, 4014 for privileged intents that the application
    was not ``granted``.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or value < 0
        or value & ~int(ALL_INTENTS)
    ):
        raise GatewayClosed(CloseCode.INVALID_INTENTS, "Invalid intent(s).")
    intents = Intents(value)
    if intents & PRIVILEGED_INTENTS & ~granted:
        raise GatewayClosed(CloseCode.DISALLOWED_INTENTS, "Disallowed intent(s).")
    return intents
