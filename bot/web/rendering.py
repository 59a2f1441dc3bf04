"""Renders the pages with Jinja2. Everything is escaped, and a missing value is an error."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES_FOLDER: Final = Path(__file__).parent / "templates"


class PageTemplates:
    """The compiled templates. The first page imports the library, which takes 2 MiB."""

    @cached_property
    def _environment(self) -> "Environment":
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        return Environment(
            loader=FileSystemLoader(_TEMPLATES_FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, name: str, **values: object) -> str:
        return self._environment.get_template(name).render(**values)
