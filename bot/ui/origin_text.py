"""What `/video check` answers: what is known first, then what the file claims, then what it means.

Names in a manifest come from strangers, so they are shown as plain text.
"""

from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.provenance import FileOrigin, ManifestClaim, ManifestVerdict
from bot.i18n.catalogs import translate
from bot.i18n.formatting import build_jump_link, format_timestamp, sanitize_text
from bot.ui.clip_card import describe_origin

_VERDICTS_ON_SIGNER: Final = (
    ManifestVerdict.TRUSTED,
    ManifestVerdict.UNKNOWN_SIGNER,
    ManifestVerdict.EXPIRED,
)


def describe_origin_check(locale: str | None) -> str:
    """Return how the command is used."""
    names = {name: translate(f"name.option.{name}", locale) for name in ("file", "clip")}
    return translate("check.how", locale, **names)


def format_origin(
    origin: FileOrigin, clip: Clip | None, model_name: str | None, locale: str | None
) -> str:
    """Return the whole answer; ``model_name`` is the one of ``clip``, which the file is."""
    lines = []
    if clip is not None:
        link = build_jump_link(clip)
        number = f"#{clip.id}" if link is None else f"[#{clip.id}]({link})"
        lines.append(
            translate(
                "check.ours",
                locale,
                clip=number,
                origin=describe_origin(model_name or clip.model, locale),
                when=format_timestamp(clip.created_at, "f"),
            )
        )
    signer = _name_signer(origin.claims[0], locale) if origin.claims else ""
    verdict = translate(f"check.{origin.verdict}", locale)
    if origin.verdict in _VERDICTS_ON_SIGNER:
        verdict = translate(f"check.{origin.verdict}", locale, signer=signer)
    lines.append(verdict)
    lines += [f"- {_format_claim(claim, locale)}" for claim in origin.claims]
    if origin.has_ai_label:
        lines.append(translate("check.label", locale))
    lines.append(f"-# {translate('check.limits', locale)}")
    return "\n".join(lines)


def _format_claim(claim: ManifestClaim, locale: str | None) -> str:
    says = [translate(f"check.says.{statement}", locale) for statement in claim.statements]
    text = translate(
        "check.claim",
        locale,
        signer=_name_signer(claim, locale),
        says=" · ".join(says) or translate("check.says.nothing", locale),
    )
    if not claim.is_intact:
        return f"{text} {translate('check.part_broken', locale)}"
    return text


def _name_signer(claim: ManifestClaim, locale: str | None) -> str:
    names = [sanitize_text(name) for name in (claim.signer, claim.program) if name]
    if not names:
        return translate("check.nobody", locale)
    signer, *program = names
    return f"{signer} ({program[0]})" if program else signer
