"""Discord's errors by code, so that injected faults only need a ``code``.

Codes and messages: https://docs.discord.com/developers/topics/opcodes-and-status-codes#json. The
HTTP statuses are not documented. These are the observed ones.
"""

from typing import Final

from sandbox.discord.errors import DiscordError

_MESSAGES_BY_STATUS: Final[dict[int, dict[int, str]]] = {
    400: {
        10014: "Unknown Emoji",
        20009: "Explicit content cannot be sent to the desired recipient(s)",
        30003: "Maximum number of pins reached for the channel (250)",
        30007: "Maximum number of webhooks reached (15)",
        30010: "Maximum number of reactions reached (20)",
        30033: "Maximum number of thread participants has been reached (1000)",
        40060: "Interaction has already been acknowledged.",
        40067: "A tag is required to create a forum post in this channel",
        40094: "Maximum number of follow-up messages reached",
        50006: "Cannot send an empty message",
        50008: "Cannot send messages in a non-text channel",
        50021: "Cannot execute action on a system message",
        50024: "Cannot execute action on this channel type",
        50034: "You can only bulk delete messages that are under 14 days old.",
        50035: "Invalid Form Body",
        50046: "Invalid file uploaded",
        50068: "Invalid message type",
        50083: "Thread is archived",
        50109: "The request body contains invalid JSON.",
        160002: "Cannot reply without permission to read message history",
        160004: "A thread has already been created for this message",
        160005: "Thread is locked",
        160006: "Maximum number of active threads reached",
        200000: "Message was blocked by automatic moderation",
        200001: "Title was blocked by automatic moderation",
        220001: "Webhooks posted to forum channels must have a thread_name or thread_id",
        240000: "Message blocked by harmful links filter",
    },
    401: {
        40001: "Unauthorized",
        50014: "Invalid authentication token provided",
        50027: "Invalid Webhook Token",
    },
    403: {
        20012: "You are not authorized to perform this action on this application",
        40002: "You need to verify your account in order to perform this action.",
        40007: "The user is banned from this guild",
        40333: "internal network error",
        50001: "Missing Access",
        50005: "Cannot edit a message authored by another user",
        50007: "Cannot send messages to this user",
        50013: "Missing Permissions",
        50278: "Cannot send messages to this user due to having no mutual guilds",
        90001: "Reaction was blocked",
    },
    404: {
        10003: "Unknown Channel",
        10004: "Unknown Guild",
        10007: "Unknown Member",
        10008: "Unknown Message",
        10013: "Unknown User",
        10015: "Unknown Webhook",
        10062: "Unknown interaction",
        10063: "Unknown application command",
    },
    413: {40005: "Request entity too large"},
    429: {
        20016: "This action cannot be performed due to slowmode rate limit",
        20022: "This message cannot be edited due to announcement rate limits",
        20028: "The write action you are performing on the channel has hit the write rate limit",
        30046: "Maximum number of edits to messages older than 1 hour reached. Try again later",
        40062: "Service resource is being rate limited.",
    },
    503: {
        40006: "This feature has been temporarily disabled server-side",
        130000: "API resource is currently overloaded. Try again a little later",
    },
}


_STATUS_BY_CODE: Final = {
    code: status for status, messages in _MESSAGES_BY_STATUS.items() for code in messages
}


def build_error(code: int) -> DiscordError:
    """Return the error with this code. Raises KeyError for a code that is not in the table."""
    status = _STATUS_BY_CODE[code]
    return DiscordError(status, code, _MESSAGES_BY_STATUS[status][code])
