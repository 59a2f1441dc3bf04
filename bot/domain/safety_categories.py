"""The meaning of the support codes of Google's safety filter.

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/video/responsible-ai-and-usage-guidelines
"""

import re
from enum import StrEnum
from typing import Final


class SafetyCategory(StrEnum):
    CHILD = "child"
    CELEBRITY = "celebrity"
    PEOPLE = "people"
    VIDEO_SAFETY = "video_safety"
    DANGEROUS = "dangerous"
    HATE = "hate"
    PERSONAL_DATA = "personal_data"
    PROHIBITED = "prohibited"
    SEXUAL = "sexual"
    TOXIC = "toxic"
    VIOLENCE = "violence"
    VULGAR = "vulgar"
    THIRD_PARTY = "third_party"
    OTHER = "other"


_CODES: Final = {
    SafetyCategory.CHILD: "58061214 17301594",
    SafetyCategory.CELEBRITY: "29310472 15236754",
    SafetyCategory.PEOPLE: "39322892",
    SafetyCategory.VIDEO_SAFETY: "64151117 42237218",
    SafetyCategory.DANGEROUS: "62263041",
    SafetyCategory.HATE: "57734940 22137204",
    SafetyCategory.PERSONAL_DATA: "92201652",
    SafetyCategory.PROHIBITED: "89371032 49114662 72817394",
    SafetyCategory.SEXUAL: "90789179 63429089 43188360",
    SafetyCategory.TOXIC: "78610348",
    SafetyCategory.VIOLENCE: "61493863 56562880",
    SafetyCategory.VULGAR: "32635315",
    SafetyCategory.THIRD_PARTY: "35561574 35561575",
    SafetyCategory.OTHER: "74803281 29578790 42876398",
}
_CATEGORY_OF_CODE: Final = {
    code: category for category, codes in _CODES.items() for code in codes.split()
}
_CODE_PATTERN: Final = re.compile(r"\b\d{8}\b")
_ONLY_CODES_PATTERN: Final = re.compile(r"(?:support codes?:?)?[\s\d,;.]*", re.IGNORECASE)


def find_safety_categories(detail: str) -> tuple[SafetyCategory, ...]:
    """Return the categories of the support codes in Google's reason, without repeats."""
    codes = _CODE_PATTERN.findall(detail)
    return tuple(
        dict.fromkeys(_CATEGORY_OF_CODE[code] for code in codes if code in _CATEGORY_OF_CODE)
    )


def has_only_codes(detail: str) -> bool:
    """Return whether Google's reason has nothing that people can read."""
    return _ONLY_CODES_PATTERN.fullmatch(detail) is not None
