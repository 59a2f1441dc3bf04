"""A plan and its price in one line, for questions, answers and offers."""

from bot.domain.jobs.request import GenerationMode, VideoPlan
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_money
from bot.ui.model_info import ModelInfoSource


def describe_plan(plan: VideoPlan, model_info: ModelInfoSource, locale: str | None) -> str:
    """Return what is sent and charged and, for an extension or edit, the clip it starts from."""
    made_from = None if plan.parent is None else f"#{plan.parent.clip_id}"
    mode = plan.mode if plan.preceding is None else GenerationMode.CONTINUATION
    return " · ".join(
        [
            *([translate(f"plan.{mode}", locale, clip=made_from)] if made_from else []),
            model_info.get_display_name(plan.model),
            format_charged_length(plan, locale),
            plan.aspect_ratio,
            *([plan.resolution] if plan.resolution else []),
            *([translate("ask.videos", locale, count=plan.videos)] if plan.videos > 1 else []),
            f"**{format_money(plan.price, locale)}**",
        ]
    )


def format_charged_length(plan: VideoPlan, locale: str | None) -> str:
    """Return the charged seconds. Of what is made longer, only the added ones are charged."""
    seconds = translate("seconds", locale, count=plan.seconds)
    is_longer = plan.mode is GenerationMode.EXTENSION or plan.preceding is not None
    return f"+{seconds}" if is_longer else seconds


def explain_plan(plan: VideoPlan, locale: str | None) -> list[str]:
    """Return the sentence about what an edit does to its clip, or how a new shot begins.

    Other plans have none.
    """
    if plan.preceding is not None:
        return [translate("plan.new_shot", locale)]
    if plan.source is None or plan.mode is not GenerationMode.EDIT:
        return []
    return [translate("plan.edit_keeps", locale, clip=f"#{plan.source.clip_id}")]
