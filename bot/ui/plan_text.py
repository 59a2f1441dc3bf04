"""A plan and its price in one line, for questions, answers and offers."""

from bot.domain.jobs.request import GenerationMode, VideoPlan
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_money
from bot.ui.model_info import ModelInfoSource


def describe_plan(plan: VideoPlan, model_info: ModelInfoSource, locale: str | None) -> str:
    """Return what is sent and charged and, for an extension or edit, the clip it starts from."""
    made_from = None if plan.parent is None else f"#{plan.parent.clip_id}"
    mode = plan.mode if plan.preceding is None else GenerationMode.CONTINUATION
    videos_key = "ask.videos" if plan.takes is None else "ask.takes"
    return " · ".join(
        [
            *([translate(f"plan.{mode}", locale, clip=made_from)] if made_from else []),
            model_info.get_display_name(plan.model),
            format_charged_length(plan, locale),
            plan.aspect_ratio,
            *([plan.resolution] if plan.resolution else []),
            *([translate(videos_key, locale, count=plan.videos)] if plan.videos > 1 else []),
            f"**{format_money(plan.price, locale)}**",
        ]
    )


def format_charged_length(plan: VideoPlan, locale: str | None) -> str:
    """Return the charged seconds. Of what is made longer, only the added ones are charged."""
    seconds = translate("seconds", locale, count=plan.seconds)
    is_longer = plan.mode is GenerationMode.EXTENSION or plan.preceding is not None
    return f"+{seconds}" if is_longer else seconds


def explain_plan(plan: VideoPlan, locale: str | None) -> list[str]:
    """Return the sentence about what follows, if there is one.

    It says what an edit keeps, what a draft in full costs, or that a new shot begins.
    """
    if plan.preceding is not None:
        return [translate("plan.new_shot", locale)]
    if plan.takes is not None and plan.videos > 1:
        price = format_money(plan.takes.price, locale)
        return [translate("takes.explain", locale, price=price)]
    if plan.full_take is not None:
        key = "takes.rendered" if plan.source is not None else "takes.from_frame"
        return [translate(key, locale, clip=f"#{plan.full_take}")]
    if plan.source is None or plan.mode is not GenerationMode.EDIT:
        return []
    return [translate("plan.edit_keeps", locale, clip=f"#{plan.source.clip_id}")]
