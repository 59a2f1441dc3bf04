"""An operator's catalogue: what it can change, and that a mistake is named with its row."""

import pytest

from bot.config.model_catalogue import CatalogueError, load_catalogue, parse_catalogue
from bot.domain.jobs.request import GenerationMode, GoogleRoute, Resolution

OWN = "veo-3.1-generate-preview"


def test_the_packages_own_models() -> None:
    catalogue = load_catalogue()
    assert [model.id for model in catalogue.restrict_to(GoogleRoute.GEMINI).models] == [
        "veo-3.1-generate-preview",
        "veo-3.1-fast-generate-preview",
        "veo-3.1-lite-generate-preview",
        "veo-3.0-generate-001",
        "veo-3.0-fast-generate-001",
        "veo-2.0-generate-001",
    ]
    assert [model.id for model in catalogue.restrict_to(GoogleRoute.VERTEX).models] == [
        "veo-3.1-generate-001",
        "veo-3.1-fast-generate-001",
        "veo-3.1-lite-generate-001",
    ]


def test_every_row_tells_its_sources() -> None:
    for model in load_catalogue().models:
        assert {"parameters", "people", "prices"} <= set(model.sources)
        if model.extension is not None:
            assert "extension" in model.sources
        assert model.retires is None or "retires" in model.sources


def test_a_row_changes_only_the_keys_that_it_gives() -> None:
    before, after = (
        load_catalogue().get(OWN),
        load_catalogue(f'[[model]]\nid = "{OWN}"\nname = "Ours"\n').get(OWN),
    )
    assert before is not None
    assert after is not None
    assert after.name == "Ours"
    assert after.prices == before.prices
    assert after.conditions == before.conditions


def test_a_row_changes_a_price() -> None:
    changed = load_catalogue(
        f'[[model]]\nid = "{OWN}"\nprices = {{720p="0.31",1080p="0.4",4k="0.6"}}\n'
    )
    model = changed.get(OWN)
    assert model is not None
    assert model.price_per_second(Resolution.P720) == 310_000


def test_a_row_takes_a_model_away() -> None:
    assert load_catalogue(f'[[model]]\nid = "{OWN}"\nenabled = false\n').get(OWN) is None


NEW = """
[[people.ours]]
regions = ["elsewhere"]
text = ["allow_adult"]

[[model]]
id = "veo-4"
route = "gemini"
family = "veo-4"
name = "Veo 4"
modes = ["text"]
aspect_ratios = ["16:9"]
resolutions = ["720p"]
lengths = [8]
default_seconds = 8
max_videos = 1
max_references = 0
max_prompt_tokens = 2048
seed = true
negative_prompt = false
audio = true
people = "ours"
prices = { 720p = "0.075" }
"""


def test_a_new_model() -> None:
    model = load_catalogue(NEW).get("veo-4")
    assert model is not None
    assert model.modes == {GenerationMode.TEXT}
    assert model.price_per_second(None) == 75_000
    assert load_catalogue(NEW).models[-1] is not load_catalogue().models[-1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('route = "gemini"', 'route = "omni"', "model veo-4: route: 'omni' is none of"),
        ('name = "Veo 4"', "", "model veo-4: name is missing"),
        ('name = "Veo 4"', "name = 4", "model veo-4: name must be a text"),
        ("seed = true", 'seed = "yes"', "model veo-4: seed must be true or false"),
        ("seed = true", "seed = true\nsead = true", "model veo-4: unknown key sead"),
        ("lengths = [8]", "lengths = [8.5]", "model veo-4: lengths must be a whole number"),
        ("lengths = [8]", "lengths = [true]", "model veo-4: lengths must be a whole number"),
        ("lengths = [8]", "lengths = 8", "model veo-4: lengths must be a list"),
        ("lengths = [8]", "lengths = [4]", "default_seconds is not one of lengths"),
        ('"0.075"', "0.075", "model veo-4: prices.720p must be dollars a second, as text"),
        ('"0.075"', '"-1"', "model veo-4: prices.720p must be dollars a second, as text"),
        ('"0.075"', '"NaN"', "model veo-4: prices.720p must be dollars a second, as text"),
        ('"0.075"', '"lots"', "model veo-4: prices.720p must be dollars a second, as text"),
        ('{ 720p = "0.075" }', "{}", "model veo-4: prices lacks 720p"),
        ('modes = ["text"]', "modes = []", "model veo-4: modes is empty"),
        ('aspect_ratios = ["16:9"]', "aspect_ratios = []", "aspect_ratios is empty"),
        ('modes = ["text"]', 'modes = ["text", "extension"]', "need each other"),
        ('modes = ["text"]', 'modes = ["references"]', "need each other"),
        ('people = "ours"', 'people = "theirs"', "model veo-4: people names no table: theirs"),
        ("seed = true", "seed = true\nretires = 2026", "retires must be a date"),
        ("seed = true", "seed = true\nretires = 2026-01-01T00:00:00", "retires must be a date"),
        (
            "seed = true",
            'seed = true\nconditions = [{ when = "1080p", seconds = 4 }]',
            "needs a length the model lacks",
        ),
        (
            "seed = true",
            'seed = true\nconditions = [{ when = "text", aspect_ratio = "9:16" }]',
            "needs an aspect ratio it lacks",
        ),
        (
            "seed = true",
            'seed = true\nconditions = [{ when = "text", resolution = "4k" }]',
            "needs a resolution it lacks",
        ),
        (
            "seed = true",
            'seed = true\nconditions = [{ when = "noon", seconds = 8 }]',
            "condition 1: when: 'noon' is none of",
        ),
        ("seed = true", "seed = true\nextension = { hops = 3 }", "extension: unknown key hops"),
        ('id = "veo-4"', "", "model 1: id is missing"),
        ('regions = ["elsewhere"]', 'regions = ["mars"]', "people.ours: regions: 'mars'"),
        ('text = ["allow_adult"]', 'dreams = ["allow_adult"]', "people.ours: unknown key dreams"),
        ("[[people.ours]]", "[people.ours]", "people.ours must be a list"),
        ("[[model]]", "[model]", "model must be a list"),
        ("[[model]]", "[[modell]]", "MODELS_FILE: unknown key modell"),
        ("[[model]]", "[[model", "MODELS_FILE: "),
    ],
)
def test_a_mistake_is_named(old: str, new: str, message: str) -> None:
    assert old in NEW
    with pytest.raises(CatalogueError) as refused:
        load_catalogue(NEW.replace(old, new))
    assert message in str(refused.value)


def test_nothing_at_all() -> None:
    assert parse_catalogue([]).models == ()
