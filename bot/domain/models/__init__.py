"""The video models that the program knows, as facts: ids, prices, modes and rules.

The data is read by `bot.config.model_catalogue`. Imports `bot.domain.jobs` only.
"""

from bot.domain.models.spec import (
    ExtensionRules,
    ModelCatalogue,
    ModelCondition,
    ModelSpec,
    PeopleRow,
)

__all__ = ["ExtensionRules", "ModelCatalogue", "ModelCondition", "ModelSpec", "PeopleRow"]
