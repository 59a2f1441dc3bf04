"""The manifests for Kubernetes and the Compose file fit Kubernetes, the image and the settings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from kubernetes_validate import ValidationError, validate

from bot.app.run import _EXIT_TIMEOUT_S
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


def test_containers_are_reached_from_this_machine_only(root: Path) -> None:
    for service in read_compose(root)["services"].values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_settings_in_the_compose_file_exist(root: Path) -> None:
    text = (root / "compose.yaml").read_text("utf-8")
    names = set(re.findall(r"^#   ([A-Z_0-9]+)=", text, re.MULTILINE))
    of_compose = {"COMPOSE_PROFILES", "POSTGRES_PASSWORD"}
    assert of_compose <= names
    assert {name.lower() for name in names - of_compose} <= Settings.model_fields.keys()
    store = read_compose(root)["services"]["minio"]
    assert "http://minio:9000" in text
    assert "/data/clapper " in store["command"][0], "the bucket of MEDIA_URL"
