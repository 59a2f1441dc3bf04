"""Judges how the application is set up in Discord's developer portal.

The fields are those of https://docs.discord.com/developers/resources/application
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import discord
from yarl import URL

from bot.cli.doctor.findings import CheckStatus, Finding
from bot.config.settings import Settings
from bot.discord.client import build_intents
from bot.discord.invite import INVITE_PERMISSIONS, build_invite_link
from bot.domain.legal_pages import build_legal_addresses
from bot.domain.places import PlacePolicy

Application = Mapping[str, Any]

_PRIVILEGED_INTENTS: Final[Mapping[str, tuple[str, int]]] = {
    "presences": ("Presence Intent", 1 << 12 | 1 << 13),
    "members": ("Server Members Intent", 1 << 14 | 1 << 15),
    "message_content": ("Message Content Intent", 1 << 18 | 1 << 19),
}
"""The portal's name of each privileged intent, and the flags of applications that have it."""
_GUILD_INSTALL: Final = "0"
_USER_INSTALL: Final = "1"


def judge_application(application: Application, settings: Settings) -> Sequence[Finding]:
    """Return what the portal should say otherwise for these settings."""
    return [
        _judge_adding(application, settings.place_policy),
        judge_intents(application, build_intents()),
        _judge_user_install(application, settings.place_policy),
        _judge_invite_link(application),
        *_judge_legal_pages(application, settings),
    ]


def _judge_adding(application: Application, policy: PlacePolicy) -> Finding:
    check = "application"
    if application.get("bot_require_code_grant"):
        message = "it requires a code grant, so nobody can add it by its link"
        cure = "switch off Requires OAuth2 Code Grant in the developer portal (Bot)"
        return Finding(check, CheckStatus.FAILED, message, cure)
    if _GUILD_INSTALL not in _read_contexts(application):
        message = "it cannot be added to servers"
        cure = "switch on Guild Install in the developer portal (Installation)"
        return Finding(check, CheckStatus.FAILED, message, cure)
    if not application.get("bot_public", True):
        return Finding(check, CheckStatus.OK, "private: only its owner can add it to servers")
    if policy.allowed_servers is None:
        return Finding(
            check, CheckStatus.OK, "public: anyone can add it, and the bot's budgets limit the cost"
        )
    message = f"public; servers that may use it: {len(policy.allowed_servers)}"
    return Finding(check, CheckStatus.OK, message)


def judge_intents(application: Application, intents: discord.Intents) -> Finding:
    """Compare the privileged intents that the bot asks for with those that are switched on."""
    flags = application.get("flags") or 0
    missing, unused = [], []
    for name, (title, mask) in _PRIVILEGED_INTENTS.items():
        is_wanted, is_granted = getattr(intents, name), bool(flags & mask)
        if is_wanted and not is_granted:
            missing.append(title)
        elif is_granted and not is_wanted:
            unused.append(title)
    if missing:
        message = f"the bot needs {', '.join(missing)}"
        return Finding(
            "intents", CheckStatus.FAILED, message, "switch them on in the developer portal (Bot)"
        )
    if unused:
        message = f"the bot does not use {', '.join(unused)}"
        cure = "switch them off in the developer portal (Bot): Discord asks why you need them"
        return Finding("intents", CheckStatus.WARNING, message, cure)
    return Finding("intents", CheckStatus.OK, "no privileged intent is needed, and none is on")


def _judge_user_install(application: Application, policy: PlacePolicy) -> Finding:
    check, is_offered = "user install", _USER_INSTALL in _read_contexts(application)
    if is_offered and not policy.may_use_user_install:
        message = "people can install the bot for themselves, but it then refuses them"
        cure = "switch off User Install in the developer portal (Installation)"
        return Finding(check, CheckStatus.WARNING, message, cure)
    if policy.may_use_user_install and not is_offered:
        message = "people may install the bot for themselves, but Discord does not offer it"
        cure = (
            "switch on User Install in the portal (Installation), or set ALLOW_USER_INSTALL=false"
        )
        return Finding(check, CheckStatus.WARNING, message, cure)
    return Finding(check, CheckStatus.OK, "offered" if is_offered else "off")


def _read_contexts(application: Application) -> Mapping[str, Any]:
    """Return the ways to install the application; without them it is an old one, for servers."""
    contexts = application.get("integration_types_config")
    return contexts if isinstance(contexts, dict) else {_GUILD_INSTALL: {}}


def _judge_invite_link(application: Application) -> Finding:
    """Show our link, and compare Discord's own *Add App* button with it."""
    check, link = "invite link", build_invite_link(int(application["id"]))
    offered = _read_offered_install(application)
    if offered is None:
        return Finding(check, CheckStatus.OK, link)
    granted, offered_scopes = offered
    missing = [
        name.replace("_", " ").title()
        for name, is_needed in INVITE_PERMISSIONS
        if is_needed and not (granted.administrator or getattr(granted, name))
    ]
    scopes = {"bot", "applications.commands"} - offered_scopes
    if not missing and not scopes:
        return Finding(check, CheckStatus.OK, link)
    wanted = ", ".join([*sorted(scopes), *missing])
    message = f"Discord's button Add App leaves out {wanted}; this link has everything: {link}"
    cure = "add them in the developer portal (Installation)"
    return Finding(check, CheckStatus.WARNING, message, cure)


def _read_offered_install(application: Application) -> tuple[discord.Permissions, set[str]] | None:
    """Return the permissions and scopes of the button; `None` if it leads to a page or nowhere."""
    if custom_link := application.get("custom_install_url"):
        query = URL(custom_link).query
        scopes, bits = query.get("scope", "").split(), query.get("permissions", "")
    else:
        context = _read_contexts(application).get(_GUILD_INSTALL) or {}
        settings = context.get("oauth2_install_params") or application.get("install_params") or {}
        scopes, bits = settings.get("scopes", ()), str(settings.get("permissions", ""))
    return (discord.Permissions(int(bits)), set(scopes)) if bits.isdecimal() else None


def _judge_legal_pages(application: Application, settings: Settings) -> Sequence[Finding]:
    """Check that people find the pages that the bot serves for Discord."""
    addresses = build_legal_addresses(settings.public_url)
    if addresses is None:
        return []
    findings = []
    for field, title, address in (
        ("terms_of_service_url", "Terms of Service URL", addresses.terms),
        ("privacy_policy_url", "Privacy Policy URL", addresses.privacy),
    ):
        entered = application.get(field)
        if entered == address:
            findings.append(Finding(title, CheckStatus.OK, address))
            continue
        message = f"leads to {entered}" if entered else "is not set"
        cure = f"enter {address} in the developer portal (General Information)"
        findings.append(Finding(title, CheckStatus.WARNING, message, cure))
    return findings
