"""Places that the bot is no member of, where a member has brought it along (a user install).

No message can be written there, only answers to an interaction, for the fifteen minutes that its
token lives. So the answer to whoever asked for a clip *is* the job's one message: it is there
before the request is accepted, its number is written with the job, and everything that follows,
the clip too, is an edit of it. An edit that is made twice is the same message: nothing can be
posted twice, whichever process dies when (docs/decisions/0010-visits.md).

The token is kept with the job, so that any process can finish it, but only sealed: with a key that
is made of the bot's own token, which stands in no database.
"""

import base64
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, cast

import discord
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.domain.errors import ChannelUnavailable
from bot.domain.jobs.job import UserInstallReply
from bot.i18n.catalogs import translate
from bot.ui.components import build_text_view

TOKEN_LIFETIME: Final = timedelta(minutes=15)
"""How long Discord takes an interaction's token."""
_EDIT_MARGIN: Final = timedelta(seconds=20)
"""An edit that is begun so late may arrive too late."""
_REPLY_KEY: Final = "visit"


class TokenCipher:
    """Encrypts interaction tokens at rest; only a process with the same ``secret`` opens them."""

    def __init__(self, secret: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"clapper interaction tokens")
        self._fernet = Fernet(base64.urlsafe_b64encode(key.derive(secret.encode())))

    def encrypt(self, token: str) -> str:
        """Return ``token`` as it may be written down."""
        return self._fernet.encrypt(token.encode()).decode()

    def decrypt(self, reply: UserInstallReply, now: datetime) -> str:
        """Return a visit's token.

        Raises `ChannelClosed` where its time is over, or it was sealed under another bot token.
        """
        if reply.token is None or now >= reply.editable_until:
            raise ChannelUnavailable("the interaction's time is over")
        try:
            return self._fernet.decrypt(reply.token.encode()).decode()
        except InvalidToken as fault:
            raise ChannelUnavailable("the interaction's token cannot be opened") from fault


class TokenHolder(Protocol):
    """What is needed of the client that an interaction came to."""

    token_cipher: TokenCipher


@dataclass(frozen=True, slots=True)
class InteractionWebhooks:
    """Reaches the answers of interactions by their sealed tokens."""

    client: discord.Client
    token_cipher: TokenCipher

    def get_webhook(self, reply: UserInstallReply, now: datetime) -> discord.Webhook:
        """Return what edits a visit's message. Raises `ChannelClosed`."""
        token = self.token_cipher.decrypt(reply, now)
        application = self.client.application_id
        assert application is not None, "logged in"
        return discord.Webhook.partial(application, token, client=self.client)


def is_user_install(interaction: discord.Interaction) -> bool:
    """Return whether the bot can only answer here, because it is no member of the place."""
    if interaction.guild_id is not None:
        return not interaction.is_guild_integration()
    return bool(interaction.context.private_channel)


def guild_of(interaction: discord.Interaction) -> int | None:
    """Return the server whose rules and limits hold: none in private, and none on a visit."""
    return None if is_user_install(interaction) else interaction.guild_id


def get_user_install_reply(interaction: discord.Interaction) -> UserInstallReply | None:
    """Return the message that was opened for the clip that ``interaction`` asks for."""
    return cast(UserInstallReply | None, interaction.extras.get(_REPLY_KEY))


async def acknowledge_request(interaction: discord.Interaction) -> None:
    """Answer a wish for a clip within Discord's three seconds, before anything is looked into.

    At home the person alone sees that something is being done. On a visit the answer is public:
    it will be the clip.
    """
    if not is_user_install(interaction):
        await interaction.response.defer(ephemeral=True, thinking=True)
        return
    made = await interaction.response.send_message(view=_build_opening_view(interaction))
    _remember_reply(interaction, made.message_id)


async def send_followup(interaction: discord.Interaction) -> None:
    """On a visit, open the clip's message beside the (private) one that a button was on."""
    if is_user_install(interaction):
        made = await interaction.followup.send(view=_build_opening_view(interaction), wait=True)
        _remember_reply(interaction, made.id)


async def delete_reply(interaction: discord.Interaction) -> None:
    """Remove the message that was opened for a clip that is not going to be made. Best effort."""
    visit = interaction.extras.pop(_REPLY_KEY, None)
    if visit is not None:
        with suppress(discord.HTTPException):
            await interaction.followup.delete_message(visit.message_id)


def hand_over_reply(interaction: discord.Interaction) -> None:
    """Leave the message to the job from now on, whatever else goes wrong."""
    interaction.extras.pop(_REPLY_KEY, None)


def _remember_reply(interaction: discord.Interaction, message_id: int | None) -> None:
    assert message_id is not None, "Discord names the message that it has made"
    seal = cast(TokenHolder, interaction.client).token_cipher
    interaction.extras[_REPLY_KEY] = UserInstallReply(
        message_id=message_id,
        editable_until=interaction.created_at + TOKEN_LIFETIME - _EDIT_MARGIN,
        token=seal.encrypt(interaction.token),
    )


def _build_opening_view(interaction: discord.Interaction) -> discord.ui.LayoutView:
    locale = (interaction.guild_locale or interaction.locale).value
    return build_text_view(translate("visit.opening", locale, member=interaction.user.mention))
