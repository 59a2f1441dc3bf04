"""The pages with the terms and on privacy say what the program does, and nothing else."""

import re
from dataclasses import fields, replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from bot.app.clock import SystemClock
from bot.app.legal import build_legal_facts
from bot.app.media import build_file_retention
from bot.config.model_catalog import load_catalog
from bot.config.settings import Settings
from bot.domain.clips.remote_deletion import RemoteDeletion
from bot.domain.jobs.request import GoogleRoute
from bot.domain.legal_pages import build_legal_addresses
from bot.media.local_store import LocalMediaStore
from bot.web.legal import LegalSection, build_privacy, build_terms
from bot.web.legal_facts import LegalFacts
from bot.web.page_texts import LANGUAGES, PageTexts
from tests.web.conftest import client
from tests.web.local_site import LEGAL_FACTS, NOTHING, serve_locally

ENGLISH = PageTexts("en")
CATALOG = load_catalog()
OTHER_FACTS: dict[str, Any] = {
    "operator_name": None,
    "operator_contact": None,
    "keep_files_days": None,
    "keep_files_gigabytes": None,
    "keep_charges_days": None,
    "uses_database_server": True,
    "file_host": "Amazon S3",
    "google_services": ["Google Cloud Vertex AI"],
    "gateways": ["gateway.example"],
    "checks_results": True,
    "uses_omni": False,
    "fills_google_bucket": True,
    "gallery_address": None,
    "download_link_days": None,
    "adults_only": True,
    "check_service": None,
    "check_gateway": "judge.example",
    "signs_files": False,
    "time_stamp_host": "stamps.example",
}
"""Another value of each fact that is no plain number of days."""


def read_page(facts: LegalFacts, texts: PageTexts = ENGLISH) -> str:
    """Return all that both pages say."""
    sections = [*build_terms(texts, facts), *build_privacy(texts, facts)]
    return "\n".join(map(read_section, sections))


def read_section(section: LegalSection) -> str:
    rows = [f"{row.what}: {row.period}" for row in section.retentions]
    return "\n".join([section.heading, *rows, *section.sentences, *section.links])


@pytest.mark.parametrize("field", [field.name for field in fields(LegalFacts)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_fact_changes_what_the_pages_say(language: str, field: str) -> None:
    texts = PageTexts(language)
    other = OTHER_FACTS.get(field, 777)
    before = read_page(LEGAL_FACTS, texts)
    after = read_page(replace(LEGAL_FACTS, **{field: other}), texts)
    assert before != after
    if isinstance(other, int) and not isinstance(other, bool):
        assert "777" in after
        assert "777" not in before


def build_settings(**changes: Any) -> Settings:
    values = {"discord_token": "t", "gemini_api_key": "k", "_env_file": None, **changes}
    return Settings(**values)


def build_facts(**settings: Any) -> LegalFacts:
    return build_legal_facts(build_settings(**settings), CATALOG)


@pytest.mark.parametrize(
    ("settings", "field", "expected"),
    [
        ({"operator_name": " Ada \n"}, "operator_name", "Ada"),
        ({"operator_contact": "ada@example.org"}, "operator_contact", "ada@example.org"),
        ({"keep_clips_days": 12}, "keep_files_days", 12),
        ({"keep_clips_days": "none"}, "keep_files_days", None),
        ({"keep_clips_gb": "none"}, "keep_files_gigabytes", None),
        ({"keep_ledger_days": 500}, "keep_charges_days", 500),
        ({"keep_left_servers_days": 3}, "keep_left_servers_days", 3),
        ({"link_lifetime_days": 2.5}, "download_link_days", None),  # without PUBLIC_URL
        (
            {"link_lifetime_days": 2.5, "public_url": "https://clips.example"},
            "download_link_days",
            2.5,
        ),
        ({"public_url": "https://clips.example"}, "gallery_address", "https://clips.example"),
        ({}, "adults_only", False),
        ({"adults_only": True}, "adults_only", True),
        ({}, "uses_database_server", False),
        ({"database_url": "postgresql+asyncpg://host/name"}, "uses_database_server", True),
        ({}, "file_host", None),
        ({"media_url": "file:///clips"}, "file_host", None),
        ({"media_url": "s3://clips"}, "file_host", "Amazon S3"),
        ({"media_url": "gs://clips"}, "file_host", "Google Cloud Storage"),
        (
            {"media_url": "s3://clips", "aws_endpoint_url": "https://files.example:9000"},
            "file_host",
            "files.example",
        ),
        ({}, "google_services", ["Gemini API"]),
        ({"gemini_api_url": "https://gateway.example/x"}, "google_services", []),
        ({"gemini_api_url": "https://gateway.example/x"}, "gateways", ["gateway.example"]),
        ({"vertex_api_url": "https://unused.example"}, "gateways", []),
        (
            {"google_cloud_project": "clips"},
            "google_services",
            ["Gemini API", "Google Cloud Vertex AI"],
        ),
        ({}, "uses_omni", True),
        ({"gemini_api_key": None, "google_cloud_project": "clips"}, "uses_omni", False),
        ({}, "check_service", None),
        ({"moderation_model": "gemini-x"}, "check_service", "Gemini API"),
        (
            {
                "moderation_model": "gemini-x",
                "gemini_api_key": None,
                "google_cloud_project": "clips",
            },
            "check_service",
            "Google Cloud Vertex AI",
        ),
        (
            {"moderation_model": "gemini-x", "gemini_api_url": "https://gateway.example/x"},
            "check_service",
            None,
        ),
        (
            {"moderation_model": "gemini-x", "gemini_api_url": "https://gateway.example/x"},
            "check_gateway",
            "gateway.example",
        ),
        ({"gemini_api_url": "https://gateway.example/x"}, "check_gateway", None),
        ({}, "signs_files", False),
        ({"c2pa_certificate": "/c.pem", "c2pa_key": "/k.pem"}, "signs_files", True),
        ({"c2pa_timestamp_url": "https://stamps.example"}, "time_stamp_host", None),
        (
            {
                "c2pa_certificate": "/c.pem",
                "c2pa_key": "/k.pem",
                "c2pa_timestamp_url": "https://stamps.example/tsr",
            },
            "time_stamp_host",
            "stamps.example",
        ),
        ({"google_output_uri": "gs://b/f"}, "fills_google_bucket", False),  # without a project
        (
            {"google_cloud_project": "clips", "google_output_uri": "gs://b/f"},
            "fills_google_bucket",
            True,
        ),
    ],
)
def test_facts_follow_the_settings(settings: dict[str, Any], field: str, expected: Any) -> None:
    assert getattr(build_facts(**settings), field) == expected


def test_times_are_those_that_the_program_keeps(tmp_path: Path) -> None:
    """They are measured where the program uses them, so that neither can change alone."""
    settings = build_settings(keep_clips_days=12)
    facts = build_legal_facts(settings, CATALOG)
    clock = SystemClock()
    retention = build_file_retention(settings, NOTHING, LocalMediaStore(tmp_path), clock)
    assert retention.keep_for is not None
    assert facts.keep_files_days == retention.keep_for.days
    assert facts.keep_files_gigabytes == (retention.keep_bytes or 0) / 1_000_000_000
    now = clock.now()
    for hours, is_last in ((1, False), (24 * facts.delete_at_google_days, True)):
        requested_at = now - timedelta(hours=hours)
        deletion = RemoteDeletion(GoogleRoute.OMNI, "v1_x", requested_at, attempts=1)
        assert deletion.is_last_attempt(now) is is_last


async def test_the_cookie_lasts_as_long_as_the_page_says(tmp_path: Path) -> None:
    facts = build_facts()
    async with (
        serve_locally(tmp_path) as site,
        client(str(site.url)) as http,
        http.get("/language?to=fr", allow_redirects=False) as answer,
    ):
        lifetime_s = int(answer.cookies["language"]["max-age"])
    assert lifetime_s == facts.cookie_days * 24 * 3600


@pytest.mark.parametrize("path", ["/terms", "/privacy"])
async def test_pages_are_served_linked_and_found_in_each_language(
    tmp_path: Path, path: str
) -> None:
    async with (
        serve_locally(tmp_path, base_url="https://clips.example") as site,
        client(str(site.url)) as http,
    ):
        seen = set()
        for language in LANGUAGES:
            async with http.get(path, params={"lang": language}) as answer:
                assert answer.status == 200
                page = unescape(await answer.text())
            assert f'<html lang="{language}">' in page
            assert "Harbour Film Club" in page
            assert "clips@harbour.example" in page
            seen.add(page)
        assert len(seen) == len(LANGUAGES)
        async with http.get("/") as answer:
            assert f'href="{path}"' in await answer.text()
        async with http.get("/sitemap-pages.xml") as answer:
            assert f"<loc>https://clips.example{path}</loc>" in await answer.text()


@pytest.mark.parametrize(
    ("contact", "address"),
    [
        ("clips@harbour.example", "mailto:clips@harbour.example"),
        ("https://harbour.example/contact", "https://harbour.example/contact"),
    ],
)
async def test_the_operators_address_is_a_link(tmp_path: Path, contact: str, address: str) -> None:
    facts = replace(LEGAL_FACTS, operator_contact=contact)
    async with (
        serve_locally(tmp_path, legal_facts=facts) as site,
        client(str(site.url)) as http,
        http.get("/privacy") as answer,
    ):
        assert f'href="{address}"' in await answer.text()


async def test_names_of_the_operator_are_only_text(tmp_path: Path) -> None:
    facts = replace(LEGAL_FACTS, operator_name="<script>alert(1)</script>")
    async with (
        serve_locally(tmp_path, legal_facts=facts) as site,
        client(str(site.url)) as http,
        http.get("/privacy") as answer,
    ):
        assert not re.search(r"<script>alert", await answer.text())


def test_addresses_are_below_the_public_one() -> None:
    addresses = build_legal_addresses("https://clips.example/bot/")
    assert addresses is not None
    assert URL(addresses.terms) == URL("https://clips.example/bot/terms")
    assert URL(addresses.privacy) == URL("https://clips.example/bot/privacy")
    assert build_legal_addresses(None) is None
