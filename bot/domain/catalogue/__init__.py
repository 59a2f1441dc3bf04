"""The models that the program knows: data in `models.toml`, which an operator's file may extend.

Ids, prices, rules and shutdown dates of Google's models change several times a year; as data they
change without a release. `python -m bot.domain.catalogue` prints them as people read them.
"""

from bot.domain.catalogue.model import Catalogue, Condition, Extension, Model, PeopleRow
from bot.domain.catalogue.reading import CatalogueError, load, parse

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Condition",
    "Extension",
    "Model",
    "PeopleRow",
    "load",
    "parse",
]
