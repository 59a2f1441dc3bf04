"""Reading an operator's catalog: what it can change, and errors that name row and key."""

import pytest

from bot.config.model_catalog import CatalogError, load_catalog, parse_catalog
from bot.domain.billing.money import Micros
from bot.domain.jobs.request import GenerationMode, GoogleRoute, PersonRule, Resolution
from bot.domain.models.spec import EditRules, TokenPrices

OWN = "veo-3.1-generate-preview"


def test_built_in_models() -> None:
    catalog = load_catalog()
    assert [model.id for model in catalog.restrict_to(GoogleRoute.GEMINI).models] == [
        "veo-3.1-generate-preview",
        "veo-3.1-fast-generate-preview",
        "veo-3.1-lite-generate-preview",
        "veo-3.0-generate-001",
        "veo-3.0-fast-generate-001",
        "veo-2.0-generate-001",
    ]
    assert [model.id for model in catalog.restrict_to(GoogleRoute.VERTEX).models] == [
        "veo-3.1-generate-001",
        "veo-3.1-fast-generate-001",
        "veo-3.1-lite-generate-001",
    ]
    assert [model.id for model in catalog.restrict_to(GoogleRoute.OMNI).models] == [
        "gemini-omni-1.2-flash",
        "gemini-omni-1.1-flash",
    ]
    assert {model.replaced_by for model in catalog.models} == {None, "gemini-omni-1.2-flash"}


def test_each_model_gives_its_sources() -> None:
    for model in load_catalog().models:
        assert {"parameters", "people", "prices"} <= set(model.sources)
        if model.extension is not None:
            assert "extension" in model.sources
        assert model.retires is None or "retires" in model.sources


def test_a_row_changes_only_the_keys_that_it_gives() -> None:
    before = load_catalog().get(OWN)
    after = load_catalog(f'[[model]]\nid = "{OWN}"\nname = "Ours"\n').get(OWN)
    assert before is not None
    assert after is not None
    assert after.name == "Ours"
    assert after.prices == before.prices
    assert after.conditions == before.conditions


def test_a_row_changes_a_price() -> None:
    changed = load_catalog(
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
    """The prefix in Google's lists is removed. [google-K22, google-F1]"""
    catalog = load_catalog(f'[[model]]\nid = "{written}"\nname = "Ours"\n')
    changed = catalog.get(OWN)
    assert changed is not None
    assert changed.name == "Ours"
    assert len(catalog.models) == len(load_catalog().models)


@pytest.mark.parametrize(
    "written", ["projects/mine/x", "models/a/b", "tunedModels/mine", "two words"]
)
def test_an_id_that_is_none_is_refused(written: str) -> None:
    """[google-K22]"""
    with pytest.raises(CatalogError, match="must be a model's id"):
        load_catalog(f'[[model]]\nid = "{written}"\nname = "Ours"\n')


def test_a_row_removes_a_model() -> None:
    assert load_catalog(f'[[model]]\nid = "{OWN}"\nenabled = false\n').get(OWN) is None


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
    model = load_catalog(NEW).get("veo-4")
    assert model is not None
    assert model.modes == {GenerationMode.TEXT}
    assert model.get_price_per_second(None) == 75_000
    assert load_catalog(NEW).models[-1] is not load_catalog().models[-1]


OMNI_FIELDS = """
request_price = "0.01"
token_prices = { input = "1.50", text = "9", video = "12" }
google_name = "models/omni-of-ours"
keep_interaction_seconds = 86400
replaced_by = "models/gemini-omni-1.2-flash"
conditions = [{ when = "text", max_seconds = 12 }]
edit = { max_input_seconds = 15, max_references = 6 }
[model.extension]
added_seconds = 7
added_lengths = [3, 7]
resolutions = ["720p"]
max_input_seconds = 30
max_result_seconds = 40
"""


def test_a_row_says_what_an_omni_model_can_do() -> None:
    text = NEW.replace('route = "gemini"', 'route = "omni"')
    text = text.replace('["text"]', '["text", "extension", "edit"]') + OMNI_FIELDS
    model = load_catalog(text).get("veo-4")
    assert model is not None
    assert model.compute_price(None, 8, 1) == 8 * 75_000 + 10_000
    assert model.token_prices == TokenPrices(
        Micros(1_500_000), Micros(9_000_000), Micros(12_000_000)
    )
    assert model.name_at_google == "omni-of-ours"
    assert model.replaced_by == "gemini-omni-1.2-flash"
    assert model.keep_interaction_seconds == 86_400
    assert model.conditions[0].max_seconds == 12
    assert model.edit == EditRules(15, 6)
    assert model.extension is not None
    assert model.extension.offered_lengths == (3, 7)
    assert model.extension.offered_resolutions == (Resolution.P720,)


def test_omni_in_a_cloud_project_is_the_operators_to_switch_on() -> None:
    cloud = "gemini-omni-1.2-flash-vertex"
    assert load_catalog().get(cloud) is None
    model = load_catalog(f'[[model]]\nid = "{cloud}"\nenabled = true\n').get(cloud)
    assert model is not None
    assert model.route is GoogleRoute.VERTEX_OMNI
    assert model.name_at_google == "gemini-omni-1.2-flash"


def test_only_omni_is_trusted_to_keep_a_rule_without_a_parameter() -> None:
    trusted = load_catalog().trust_omni(PersonRule.ADULTS)
    kept = {model.route.is_omni: model.guaranteed_person_rule for model in trusted.models}
    assert kept == {True: PersonRule.ADULTS, False: None}


EXTENSION = (
    'seed = true\nextension = { added_seconds = 7, sent_seconds = 8, resolution = "720p",'
    " max_input_seconds = 141, max_result_seconds = 148 }"
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('route = "gemini"', 'route = "veo"', "model veo-4: route should be 'gemini', 'vertex'"),
        ('name = "Veo 4"', "", "model veo-4: name is missing"),
        ('name = "Veo 4"', "name = 4", "model veo-4: name should be"),
        ("seed = true", 'seed = "yes"', "model veo-4: seed should be"),
        ("seed = true", "seed = true\nsead = true", "model veo-4: unknown key sead"),
        ("lengths = [8]", "lengths = [8.5]", "model veo-4: lengths.1 should be"),
        ("lengths = [8]", "lengths = [true]", "model veo-4: lengths.1 should be"),
        ("lengths = [8]", "lengths = 8", "model veo-4: lengths should be"),
        ("lengths = [8]", "lengths = [4]", "default_seconds is not one of lengths"),
        ('"0.075"', "0.075", "model veo-4: prices.720p must be dollars, as text"),
        ('"0.075"', '"-1"', "model veo-4: prices.720p must be dollars, as text"),
        ('"0.075"', '"NaN"', "model veo-4: prices.720p must be dollars, as text"),
        ('"0.075"', '"lots"', "model veo-4: prices.720p must be dollars, as text"),
        ('{ 720p = "0.075" }', "{}", "model veo-4: prices has no 720p"),
        ('modes = ["text"]', "modes = []", "model veo-4: modes must not be empty"),
        (
            'aspect_ratios = ["16:9"]',
            "aspect_ratios = []",
            "model veo-4: aspect_ratios must not be empty",
        ),
        ('modes = ["text"]', 'modes = ["text", "extension"]', "or neither"),
        ('modes = ["text"]', 'modes = ["references"]', "or neither"),
        (
            'people = "ours"',
            'people = "theirs"',
            "model veo-4: people: there is no table [[people.theirs]]",
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
            "seconds is not one of lengths",
        ),
        (
            "seed = true",
            'seed = true\nconditions = [{ when = "text", aspect_ratio = "9:16" }]',
            "aspect_ratio is not one of aspect_ratios",
        ),
        (
            "seed = true",
            'seed = true\nconditions = [{ when = "text", resolution = "4k" }]',
            "resolution is not one of resolutions",
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
        (
            "seed = true",
            EXTENSION.replace("= 8", "= 8, added_lengths = [3, 4]"),
            "extension.added_seconds is not one of added_lengths",
        ),
        (
            "seed = true",
            EXTENSION.replace("= 8", "= 8, added_lengths = [0, 7]"),
            "extension.added_lengths must be at least 1",
        ),
        (
            "seed = true",
            EXTENSION.replace("= 8", '= 8, resolutions = ["720p"]'),
            "set extension.resolution or extension.resolutions, not both",
        ),
        ("seed = true", EXTENSION.replace("720p", "4k"), "resolutions has no 4k"),
        ("seed = true", EXTENSION.replace("148", "7"), "leaves no room for an extension"),
        (
            'modes = ["text"]',
            'modes = ["text", "edit"]',
            'set the mode "edit" and the table edit, or neither',
        ),
        (
            "seed = true",
            "seed = true\nedit = { max_input_seconds = 10 }",
            'set the mode "edit" and the table edit, or neither',
        ),
        (
            "seed = true",
            "seed = true\nedit = { max_input_seconds = 0 }",
            "edit.max_input_seconds must be at least 1",
        ),
        (
            "seed = true",
            "seed = true\nedit = { max_input_seconds = 9, max_references = -1 }",
            "edit.max_references must be at least 0",
        ),
        ("seed = true", "seed = true\nedit = { seconds = 9 }", "unknown key edit.seconds"),
        (
            "seed = true",
            'seed = true\nconditions = [{ when = "edit", seconds = 8 }]',
            "a condition on edit has no effect: use the table edit",
        ),
        (
            "seed = true",
            'seed = true\nconditions = [{ when = "text", max_seconds = 7 }]',
            "the condition on text leaves no length",
        ),
        (
            "seed = true",
            "seed = true\nrequest_price = 0.01",
            "model veo-4: request_price must be dollars, as text",
        ),
        (
            "seed = true",
            'seed = true\ntoken_prices = { input = "1" }',
            "model veo-4: token_prices.text is missing",
        ),
        (
            "seed = true",
            'seed = true\ntoken_prices = { input = "1", text = 9, video = "12" }',
            "model veo-4: token_prices.text must be dollars, as text",
        ),
        ("seed = true", 'seed = true\ngoogle_name = "a b"', "google_name must be a model's id"),
        ("seed = true", 'seed = true\nreplaced_by = "a/b"', "replaced_by must be a model's id"),
        (
            "seed = true",
            "seed = true\nkeep_interaction_seconds = 0",
            "model veo-4: keep_interaction_seconds should be",
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
    with pytest.raises(CatalogError) as caught:
        load_catalog(NEW.replace(old, new))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_text_means_no_models() -> None:
    assert parse_catalog([]).models == ()
