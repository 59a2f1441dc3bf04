"""The facts of each video model: ids, prices, modes and rules."""

from bot.domain.models.spec import (
    EditRules,
    ExtensionRules,
    ModelCatalog,
    ModelCondition,
    ModelSpec,
    PeopleRow,
    TokenPrices,
)

__all__ = [
    "EditRules",
    "ExtensionRules",
    "ModelCatalog",
    "ModelCondition",
    "ModelSpec",
    "PeopleRow",
    "TokenPrices",
]
