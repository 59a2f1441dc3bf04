"""An operator's catalogue: what it can change, and that a mistake is named with row and key."""

import pytest

from bot.config.model_catalogue import CatalogueError, load_catalogue, parse_catalogue
from bot.domain.jobs.request import GenerationMode, GoogleRoute, Resolution

OWN = "veo-3.1-generate-preview"


def test_built_in_models() -> None:
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


def test_each_model_gives_its_sources() -> None:
    for model in load_catalogue().models:
        assert {"parameters", "people", "prices"} <= set(model.sources)
        if model.extension is not None:
            assert "extension" in model.sources
        assert model.retires is None or "retires" in model.sources


def test_a_row_changes_only_the_keys_that_it_gives() -> None:
    before = load_catalogue().get(OWN)
    after = load_catalogue(f'[[model]]\nid = "{OWN}"\nname = "Ours"\n').get(OWN)
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
    assert model.get_price_per_second(Resolution.P720) == 310_000


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(f"models/{OWN}", id="google-K22-models"),
        pytest.param(f"publishers/google/models/{OWN}", id="google-K22-publishers"),
        pytest.param(f"  models/{OWN} ", id="google-K22-spaces"),
    ],
)
def test_an_id_is_read_as_google_lists_it(written: str) -> None:
    """The prefix of Google's lists is taken off. [google-K22, google-F1]"""
    catalogue = load_catalogue(f'[[model]]\nid = "{written}"\nname = "Ours"\n')
    changed = catalogue.get(OWN)
    assert changed is not None
    assert changed.name == "Ours"
    assert len(catalogue.models) == len(load_catalogue().models)


@pytest.mark.parametrize(
    "written", ["projects/mine/x", "models/a/b", "tunedModels/mine", "two words"]
)
def test_an_id_that_is_none_is_refused(written: str) -> None:
    """[google-K22]"""
    with pytest.raises(CatalogueError, match="must be a model's id"):
        load_catalogue(f'[[model]]\nid = "{written}"\nname = "Ours"\n')


def test_a_row_removes_a_model() -> None:
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


def test_a_row_adds_a_model() -> None:
    model = load_catalogue(NEW).get("veo-4")
    assert model is not None
    assert model.modes == {GenerationMode.TEXT}
    assert model.get_price_per_second(None) == 75_000
    assert load_catalogue(NEW).models[-1] is not load_catalogue().models[-1]


EXTENSION = (
    'seed = true\nextension = { added_seconds = 7, sent_seconds = 8, resolution = "720p",'
    " max_input_seconds = 141, max_result_seconds = 148 }"
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('route = "gemini"', 'route = "omni"', "model veo-4: route should be 'gemini' or 'vertex'"),
        ('name = "Veo 4"', "", "model veo-4: name is missing"),
        ('name = "Veo 4"', "name = 4", "model veo-4: name should be"),
        ("seed = true", 'seed = "yes"', "model veo-4: seed should be"),
        ("seed = true", "seed = true\nsead = true", "model veo-4: unknown key sead"),
        ("lengths = [8]", "lengths = [8.5]", "model veo-4: lengths.1 should be"),
        ("lengths = [8]", "lengths = [true]", "model veo-4: lengths.1 should be"),
        ("lengths = [8]", "lengths = 8", "model veo-4: lengths should be"),
        ("lengths = [8]", "lengths = [4]", "default_seconds is not one of lengths"),
        ('"0.075"', "0.075", "model veo-4: prices.720p must be dollars per second, as text"),
        ('"0.075"', '"-1"', "model veo-4: prices.720p must be dollars per second, as text"),
        ('"0.075"', '"NaN"', "model veo-4: prices.720p must be dollars per second, as text"),
        ('"0.075"', '"lots"', "model veo-4: prices.720p must be dollars per second, as text"),
        ('{ 720p = "0.075" }', "{}", "model veo-4: prices lacks 720p"),
        ('modes = ["text"]', "modes = []", "model veo-4: modes must not be empty"),
        (
            'aspect_ratios = ["16:9"]',
            "aspect_ratios = []",
            "model veo-4: aspect_ratios must not be empty",
        ),
        ('modes = ["text"]', 'modes = ["text", "extension"]', "need each other"),
        ('modes = ["text"]', 'modes = ["references"]', "need each other"),
        (
            'people = "ours"',
            'people = "theirs"',
            "model veo-4: people: there is no table people.theirs",
        ),
        (
            "seed = true",
            "seed = true\nretires = 2026",
            "model veo-4: retires should be a valid date",
        ),
        (
            "seed = true",
            "seed = true\nretires = 2026-01-01T00:00:00",
            "model veo-4: retires should be a valid date",
        ),
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
            "model veo-4: conditions.1.when should be",
        ),
        ('name = "Veo 4"', 'name = " "', "model veo-4: name must not be empty"),
        ("max_videos = 1", "max_videos = 0", "model veo-4: max_videos should be"),
        ("max_videos = 1", 'max_videos = "1"', "model veo-4: max_videos should be"),
        ("seed = true", "seed = true\nkeep_seconds = 0", "model veo-4: keep_seconds should be"),
        (
            "seed = true",
            EXTENSION.replace("= 7", "= 0"),
            "extension.added_seconds must be at least 1",
        ),
        ("seed = true", EXTENSION.replace("= 7", "= true"), "model veo-4: extension.added_seconds"),
        (
            "seed = true",
            "seed = true\nextension = { hops = 3 }",
            "model veo-4: unknown key extension.hops",
        ),
        ('id = "veo-4"', "", "model 1: id is missing"),
        (
            'regions = ["elsewhere"]',
            'regions = ["mars"]',
            "MODELS_FILE: people.ours.1.regions.1 should be",
        ),
        (
            'text = ["allow_adult"]',
            'dreams = ["allow_adult"]',
            "MODELS_FILE: unknown key people.ours.1.dreams",
        ),
        ("[[people.ours]]", "[people.ours]", "MODELS_FILE: people.ours should be"),
        ("[[model]]", "[model]", "MODELS_FILE: model should be"),
        ("[[model]]", "[[modell]]", "MODELS_FILE: unknown key modell"),
        ("[[model]]", "[[model", "MODELS_FILE: "),
    ],
)
def test_mistake_is_named_in_one_line(old: str, new: str, message: str) -> None:
    assert old in NEW
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(NEW.replace(old, new))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_text_means_no_models() -> None:
    assert parse_catalogue([]).models == ()
