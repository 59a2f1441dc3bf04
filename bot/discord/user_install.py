"""User installs: places where a member uses the bot but the bot itself is not a member.

There the bot can only reply to an interaction, for the 15 minutes while its token is valid. So the
reply to the request is the job's only message. It is sent before the request is accepted, its id is
stored with the job, and it is edited to show the status and the clip. Repeating an edit does no
harm, so nothing is posted twice (docs/decisions/0010-the-interaction-reply-is-the-job-message.md).

The token is stored with the job, so that any process can finish it. It is encrypted with a key
derived from the bot's own token, which is not in the database.
"""

import base64
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol, cast

import discord

from bot.domain.errors import ChannelUnavailable
from bot.domain.jobs.job import UserInstallReply
from bot.i18n.catalogs import translate
from bot.ui.components import build_text_view

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

TOKEN_LIFETIME: Final = timedelta(minutes=15)
"""How long Discord accepts an interaction's token."""
_EDIT_MARGIN: Final = timedelta(seconds=20)
"""An edit that starts this close to the end may arrive after the token has expired."""
_REPLY_KEY: Final = "user_install_reply"


class TokenCipher:
    """Encrypts interaction tokens. Only a process with the same ``secret`` can decrypt them.

    The first token imports the library, which takes 7 MiB: many bots never need it.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    @cached_property
    def _fernet(self) -> "Fernet":
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        key = HKDF(SHA256(), 32, salt=None, info=b"clapper interaction tokens")
        return Fernet(base64.urlsafe_b64encode(key.derive(self._secret.encode())))

    def encrypt(self, token: str) -> str:
        return self._fernet.encrypt(token.encode()).decode()

    def decrypt(self, reply: UserInstallReply, now: datetime) -> str:
        """Return a reply's token. Raises `ChannelUnavailable` if it can no longer be used."""
        if reply.token is None or now >= reply.editable_until:
            raise ChannelUnavailable("the interaction's token has expired")
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(reply.token.encode()).decode()
        except InvalidToken as error:
            raise ChannelUnavailable("the interaction's token cannot be decrypted") from error


class TokenHolder(Protocol):
    token_cipher: TokenCipher


@dataclass(frozen=True, slots=True)
class InteractionWebhooks:
    """Returns webhooks for replies to interactions, using their stored tokens."""

    client: discord.Client
    token_cipher: TokenCipher

    def get_webhook(self, reply: UserInstallReply, now: datetime) -> discord.Webhook:
        """Return the webhook that edits ``reply``. Raises `ChannelUnavailable`."""
        token = self.token_cipher.decrypt(reply, now)
        application = self.client.application_id
        assert application is not None, "logged in"
        return discord.Webhook.partial(application, token, client=self.client)


def is_user_install(interaction: discord.Interaction) -> bool:
    """Return whether the bot can only reply, because it is not a member of the place."""
    if interaction.guild_id is not None:
        return not interaction.is_guild_integration()
    return bool(interaction.context.private_channel)


def guild_of(interaction: discord.Interaction) -> int | None:
    """Return the server whose rules and limits apply; `None` in DMs and for user installs."""
    return None if is_user_install(interaction) else interaction.guild_id


def get_user_install_reply(interaction: discord.Interaction) -> UserInstallReply | None:
    """Return the public reply that was sent for the clip, if this is a user install."""
    return cast(UserInstallReply | None, interaction.extras.get(_REPLY_KEY))


async def acknowledge_request(interaction: discord.Interaction) -> None:
    """Acknowledge a request for a clip within Discord's three seconds.

    Normally only the member sees it. For a user install it is public, because the reply will be
    edited to show the clip.
    """
    if not is_user_install(interaction):
        await interaction.response.defer(ephemeral=True, thinking=True)
        return
    response = await interaction.response.send_message(view=_build_opening_view(interaction))
    message_id = response.message_id
    if message_id is None:  # Discord accepted the response, but its answer was lost
        message_id = (await interaction.original_response()).id
    _remember_reply(interaction, message_id)


async def send_followup(interaction: discord.Interaction) -> None:
    """For a user install, send the clip's public message after a button in a private one."""
    if is_user_install(interaction):
        message = await interaction.followup.send(view=_build_opening_view(interaction), wait=True)
        _remember_reply(interaction, message.id)


async def delete_reply(interaction: discord.Interaction) -> None:
    """Try to delete the public reply of a request that was not accepted."""
    reply = interaction.extras.pop(_REPLY_KEY, None)
    if reply is not None:
        with suppress(discord.HTTPException):
            await interaction.followup.delete_message(reply.message_id)


def hand_over_reply(interaction: discord.Interaction) -> None:
    """Give the reply to the job, so that `delete_reply` no longer deletes it."""
    interaction.extras.pop(_REPLY_KEY, None)


def _remember_reply(interaction: discord.Interaction, message_id: int) -> None:
    token_cipher = cast(TokenHolder, interaction.client).token_cipher
    interaction.extras[_REPLY_KEY] = UserInstallReply(
        message_id=message_id,
        editable_until=interaction.created_at + TOKEN_LIFETIME - _EDIT_MARGIN,
        token=token_cipher.encrypt(interaction.token),
    )


def _build_opening_view(interaction: discord.Interaction) -> discord.ui.LayoutView:
    locale = (interaction.guild_locale or interaction.locale).value
    return build_text_view(
        translate("user_install.opening", locale, member=interaction.user.mention)
    )
