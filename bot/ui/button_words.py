"""Words that mean one of the bot's buttons if a member writes them, in every language."""

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from bot.domain.jobs.reply_intent import fold_label
from bot.i18n.catalogs import has_message, translate
from bot.i18n.translations import list_languages
from bot.ui.custom_ids import ButtonAction

_OTHER_LABELS: Final = {
    "nearest": ButtonAction.ACCEPT,
    "reply": ButtonAction.EXTEND,
    "reply_edit": ButtonAction.EDIT,
}
_STAFF_BUTTONS: Final = ("report_", "review_")
"""How the actions of the staff's messages begin."""
_PLACEHOLDER: Final = re.compile(r"\{\w+\}")
_SYNONYM_KEYS: Final = {
    ButtonAction.REDO: "reply_words.again",
    **{
        action: f"reply_words.{action}"
        for action in (
            ButtonAction.EXTEND,
            ButtonAction.EDIT,
            ButtonAction.REWORD,
            ButtonAction.DETAILS,
            ButtonAction.DELETE,
            ButtonAction.CANCEL,
            ButtonAction.SHOWCASE,
        )
    },
}


@cache
def list_button_words() -> Mapping[str, str]:
    """Return the action of each label and synonym, keyed by `fold_label`.

    Labels come first; those of the staff come last, for "delete" is most often meant for a clip.
    """
    words: dict[str, str] = {}
    actions = sorted(ButtonAction, key=lambda action: action.startswith(_STAFF_BUTTONS))
    labels = {str(action): action for action in actions} | _OTHER_LABELS
    labels |= {f"{action}_one": action for action in actions}
    for language in list_languages():
        for label, action in labels.items():
            if has_message(f"button.{label}"):
                text = _PLACEHOLDER.sub("", translate(f"button.{label}", language))
                words.setdefault(fold_label(text), action)
    for language in list_languages():
        for action, key in _SYNONYM_KEYS.items():
            for synonym in translate(key, language).split(","):
                words.setdefault(fold_label(synonym), action)
    words.pop("", None)
    return MappingProxyType(words)
