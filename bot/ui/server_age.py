"""A server's rule for age-restricted channels, as text."""

from bot.domain.guild import GuildRules
from bot.i18n.catalogs import translate


def describe_age_rule(
    rules: GuildRules, locale: str | None, *, adults_only: bool, has_channel: bool
) -> str:
    """Return where clips are made, and what to do if there is no such channel.

    ``adults_only`` is the operator's choice, which applies whatever the server chooses.
    ``has_channel`` says whether the server has an age-restricted channel for clips.
    """
    if adults_only:
        lines = [translate("server.age.operator", locale)]
    elif rules.age_restricted_only:
        lines = [translate("server.age.restricted", locale)]
    else:
        return translate("server.age.any", locale)
    if not has_channel:
        lines.append(translate("server.age.no_channel", locale))
    return "\n".join(lines)
