"""What is known about each video model: ids, prices, modes and rules."""

from bot.domain.models.spec import (
    ExtensionRules,
    ModelCatalogue,
    ModelCondition,
    ModelSpec,
    PeopleRow,
)

__all__ = ["ExtensionRules", "ModelCatalogue", "ModelCondition", "ModelSpec", "PeopleRow"]
