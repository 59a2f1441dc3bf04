"""How settings change the catalog, and on which routes Google's announced shutdown dates count."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.app.startup import list_dated_routes, open_catalog
from bot.config.settings import Settings
from bot.domain.jobs.people_policy import UnsatisfiableRule, choose_person_generation
from bot.domain.jobs.request import GenerationMode, GoogleRoute, OperatorRegion, PersonRule

OMNI = "gemini-omni-1.2-flash"


@pytest.mark.parametrize(
    ("is_trusted", "rule", "is_followed"),
    [
        (False, PersonRule.EVERYONE, True),
        (False, PersonRule.ADULTS, False),
        (False, PersonRule.NOBODY, False),
        (True, PersonRule.ADULTS, True),
        (True, PersonRule.NOBODY, False),
    ],
)
@pytest.mark.parametrize("mode", [GenerationMode.TEXT, GenerationMode.EDIT])
def test_an_operator_may_trust_google_to_keep_adults_only(
    mode: GenerationMode, is_trusted: bool, rule: PersonRule, is_followed: bool
) -> None:
    model = open_catalog(None, omni_satisfies_adults=is_trusted).get(OMNI)
    assert model is not None
    value = choose_person_generation(model, mode, OperatorRegion.ELSEWHERE, rule)
    assert value is (None if is_followed else UnsatisfiableRule.UNSATISFIABLE)


def test_a_model_of_the_operators_file_is_trusted_too(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text('[[model]]\nid = "gemini-omni-1.2-flash-vertex"\nenabled = true\n')
    catalog = open_catalog(file, omni_satisfies_adults=True)
    promised = {
        model.route: model.guaranteed_person_rule
        for model in catalog.models
        if model.guaranteed_person_rule is not None
    }
    assert promised == {
        GoogleRoute.OMNI: PersonRule.ADULTS,
        GoogleRoute.VERTEX_OMNI: PersonRule.ADULTS,
    }


@pytest.mark.parametrize(
    ("url", "routes"),
    [(None, {GoogleRoute.GEMINI}), ("http://127.0.0.1:9/", set())],
)
def test_googles_dates_count_on_its_own_host(url: str | None, routes: set[GoogleRoute]) -> None:
    """A gateway may still run what Google has shut down."""
    values: dict[str, Any] = {
        "discord_token": SecretStr("x"),
        "gemini_api_key": SecretStr("k"),
        "gemini_api_url": url,
    }
    assert list_dated_routes(Settings.model_construct(**values)) == routes
