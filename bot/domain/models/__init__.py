"""What is known about each video model: ids, prices, modes and rules.

`bot.config.model_catalogue` reads the facts from TOML. Imports other parts of the domain only.
"""

from bot.domain.models.spec import (
    ExtensionRules,
    ModelCatalogue,
    ModelCondition,
    ModelSpec,
    PeopleRow,
)

__all__ = ["ExtensionRules", "ModelCatalogue", "ModelCondition", "ModelSpec", "PeopleRow"]
