"""The files for hosts fit these hosts, the image and the settings."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest
import yaml
from kubernetes_validate import ValidationError, validate

from bot.app.run import _EXIT_TIMEOUT_S
from bot.cli.main import SUBCOMMANDS
from bot.config.settings import Settings

Json = dict[str, Any]

VERSIONS: Final = ("1.27", "1.37")
"""The oldest version of Kubernetes that the manifests fit, and the newest known one."""


def read_manifests(root: Path) -> dict[tuple[str, str], Json]:
    """Return every object by its kind and name."""
    manifests: dict[tuple[str, str], Json] = {}
    for path in sorted((root / "deploy" / "kubernetes").glob("*.yaml")):
        for manifest in yaml.safe_load_all(path.read_text("utf-8")):
            manifests[manifest["kind"], manifest["metadata"]["name"]] = manifest
    return manifests


def list_deployments(root: Path) -> Iterator[tuple[Json, Json]]:
    """Yield each Deployment's pod and its only container."""
    for (kind, _), manifest in read_manifests(root).items():
        if kind == "Deployment":
            pod = manifest["spec"]["template"]["spec"]
            [container] = pod["containers"]
            yield pod, container


def read_compose(root: Path) -> Json:
    services: Json = yaml.safe_load((root / "compose.yaml").read_text("utf-8"))
    return services


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_fit_the_schemas_of_kubernetes(root: Path, version: str) -> None:
    manifests = read_manifests(root)
    assert {kind for kind, _ in manifests} == {
        "ConfigMap",
        "Deployment",
        "PodDisruptionBudget",
        "Secret",
        "Service",
    }
    for manifest in manifests.values():
        validate(manifest, version, strict=True)


def test_the_check_finds_a_misspelled_field(root: Path) -> None:
    manifest = read_manifests(root)["Service", "clapper-web"]
    manifest["spec"]["ports"][0]["targetport"] = "web"
    with pytest.raises(ValidationError, match="targetport"):
        validate(manifest, VERSIONS[-1], strict=True)


def test_settings_of_the_manifests_exist(root: Path) -> None:
    manifests = read_manifests(root)
    settings = manifests["ConfigMap", "clapper"]["data"]
    secrets = manifests["Secret", "clapper"]["stringData"]
    assert {name.lower() for name in (*settings, *secrets)} <= Settings.model_fields.keys()
    assert all(isinstance(value, str) for value in settings.values())
    Settings(**{name.lower(): value for name, value in settings.items()}, **example_secrets())


def example_secrets() -> Json:
    return {"discord_token": "token", "gemini_api_key": "key"}


def test_pods_fit_the_image(root: Path) -> None:
    dockerfile = (root / "Dockerfile").read_text("utf-8")
    manifests = read_manifests(root)
    port = int(manifests["ConfigMap", "clapper"]["data"]["WEB_PORT"])
    for pod, container in list_deployments(root):
        user = pod["securityContext"]["runAsUser"]
        assert f"USER {user}:{user}" in dockerfile
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts == {"/data", "/tmp"}
        assert container["ports"] == [{"name": "web", "containerPort": port}]
        assert pod["terminationGracePeriodSeconds"] > _EXIT_TIMEOUT_S
        sources = [next(iter(source.values()))["name"] for source in container["envFrom"]]
        assert sources == ["clapper", "clapper"]


def test_selectors_match_the_pods(root: Path) -> None:
    manifests = read_manifests(root)
    labels = {
        name: manifest["spec"]["template"]["metadata"]["labels"]
        for (kind, name), manifest in manifests.items()
        if kind == "Deployment"
    }
    for name, pod_labels in labels.items():
        assert manifests["Deployment", name]["spec"]["selector"]["matchLabels"] == pod_labels
    budget = manifests["PodDisruptionBudget", "clapper-bot"]["spec"]
    assert budget["selector"]["matchLabels"] == labels["clapper-bot"]
    assert manifests["Service", "clapper-web"]["spec"]["selector"] == labels["clapper-web"]


def test_the_fleet_has_two_bots_a_web_server_and_what_they_share(root: Path) -> None:
    services = read_compose(root)["services"]
    fleet = {
        name for name, service in services.items() if "fleet" in service.get("profiles", ["fleet"])
    }
    assert fleet == {"bot", "bot2", "web", "postgres", "minio"}
    assert "profiles" not in services["bot"], "it also runs without any profile"
    assert services["web"]["command"] == ["clapper", "web"]
    data = [services[name]["volumes"] for name in ("bot", "bot2", "web")]
    assert len({volume for [volume] in data}) == 3, "each has a heartbeat of its own"


def test_only_the_proxy_is_reached_from_elsewhere(root: Path) -> None:
    services = read_compose(root)["services"]
    assert services["caddy"]["profiles"] == ["proxy"]
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:") == (name != "caddy")


def test_settings_in_the_compose_file_exist(root: Path) -> None:
    text = (root / "compose.yaml").read_text("utf-8")
    names = set(re.findall(r"^#   ([A-Z_0-9]+)=", text, re.MULTILINE))
    of_compose = {"COMPOSE_PROFILES", "POSTGRES_PASSWORD", "DOMAIN"}
    assert of_compose <= names
    assert {name.lower() for name in names - of_compose} <= Settings.model_fields.keys()
    store = read_compose(root)["services"]["minio"]
    assert "http://minio:9000" in text
    assert "/data/clapper " in store["command"][0], "the bucket of MEDIA_URL"


def test_the_proxy_leads_to_the_bot_and_hides_what_is_for_operators(root: Path) -> None:
    services = read_compose(root)["services"]
    proxy, bot = services["caddy"]["environment"], services["bot"]["environment"]
    assert proxy["UPSTREAM"] == f"bot:{bot['WEB_PORT']}"
    caddyfile = (root / "deploy" / "caddy" / "Caddyfile").read_text("utf-8")
    assert re.findall(r"\{\$(\w+)", caddyfile) == ["DOMAIN", "UPSTREAM"]
    assert "path /metrics /readyz" in caddyfile


def test_the_unit_gives_the_bot_time_to_stop_and_does_not_restart_it_in_vain(root: Path) -> None:
    text = (root / "deploy" / "systemd" / "clapper.service").read_text("utf-8")
    unit = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    assert int(unit["TimeoutStopSec"]) > _EXIT_TIMEOUT_S
    assert unit["RestartPreventExitStatus"] == "2", "a setting is wrong"
    page = (root / "docs" / "hosting.md").read_text("utf-8")
    for path in (unit["WorkingDirectory"], unit["ExecStart"].removesuffix(" run")):
        assert path in page


def test_hosts_give_the_bot_what_it_needs(root: Path) -> None:
    fly = tomllib.loads((root / "deploy" / "fly" / "fly.toml").read_text("utf-8"))
    assert {name.lower() for name in fly["env"]} <= Settings.model_fields.keys()
    assert fly["http_service"]["internal_port"] == int(fly["env"]["WEB_PORT"])
    assert fly["http_service"]["auto_stop_machines"] == "off"
    assert int(fly["kill_timeout"].removesuffix("s")) > _EXIT_TIMEOUT_S
    railway = json.loads((root / "deploy" / "railway" / "railway.json").read_text("utf-8"))
    assert railway["deploy"]["numReplicas"] == 1
    checked = {railway["deploy"]["healthcheckPath"]}
    checked |= {check["path"] for check in fly["http_service"]["checks"]}
    assert checked == {"/healthz"}


def test_the_template_for_unraid_has_settings_and_the_volume(root: Path) -> None:
    template = ElementTree.parse(root / "deploy" / "unraid" / "clapper.xml").getroot()
    entries = template.findall("Config")
    settings = {each.get("Target", "") for each in entries if each.get("Type") == "Variable"}
    assert {name.lower() for name in settings} <= Settings.model_fields.keys()
    secrets = {each.get("Target") for each in entries if each.get("Mask") == "true"}
    assert secrets == {"DISCORD_TOKEN", "GEMINI_API_KEY"}
    [volume] = [each for each in entries if each.get("Type") == "Path"]
    assert volume.get("Target") == "/data"
    stop_timeout = re.search(r"--stop-timeout=(\d+)", template.findtext("ExtraParams", ""))
    assert stop_timeout is not None
    assert int(stop_timeout[1]) > _EXIT_TIMEOUT_S


def test_commands_of_the_hosting_page_exist(root: Path) -> None:
    page = (root / "docs" / "hosting.md").read_text("utf-8")
    used = set(re.findall(r"`(?:docker exec )?clapper ([a-z][\w-]+)", page))
    used |= set(re.findall(r'(?:bin/clapper|bot clapper|"clapper) ([a-z][\w-]+)', page))
    assert {"doctor", "status"} <= used <= SUBCOMMANDS.keys()
    settings = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])[`=]", page))
    assert {name.lower() for name in settings} - {"repository"} <= (
        Settings.model_fields.keys() | {"port", "owner", "compose_profiles"}
    )
