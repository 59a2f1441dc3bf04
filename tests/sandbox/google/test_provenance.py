"""The sandbox's clips carry a manifest as Google's do, also copies and extensions."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import c2pa
import pytest

from sandbox.google.clip_spec import RenderStyle
from sandbox.google.encoding import render_to_file
from sandbox.google.provenance import open_clip_signer
from sandbox.google.renderer import ClipRenderer
from tests.harness.sandbox import SandboxProcess
from tests.sandbox.google.conftest import LION

PLAIN = replace(LION, look=RenderStyle.PLAIN, seconds=1, width=320, height=180)


def read_manifests(path: Path, root: Path) -> dict[str, Any]:
    settings = {"trust": {"trust_anchors": root.read_text("ascii")}}
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Reader(str(path), context=context) as reader,
    ):
        store: dict[str, Any] = json.loads(reader.json())
        return store


async def test_rendered_copied_and_extended_clips_are_signed(tmp_path: Path) -> None:
    signer = open_clip_signer(tmp_path)
    renderer = ClipRenderer(tmp_path, signer=signer)
    try:
        first = await renderer.render_clip(replace(PLAIN, prompt="one"))
        second = await renderer.render_clip(replace(PLAIN, prompt="two", min_bytes=300_000))
        longer = await renderer.render_clip(
            replace(PLAIN, seconds=7, source=first.path, source_digest=first.sha256)
        )
    finally:
        await renderer.close()
    assert second.size >= 300_000
    assert longer.seconds == 8
    for clip in (first, second, longer):
        store = read_manifests(clip.path, signer.root_path)
        assert store["validation_state"] == "Trusted"
        manifest = store["manifests"][store["active_manifest"]]
        [action] = manifest["assertions"][-1]["data"]["actions"]
        assert action["action"] == "c2pa.created"
        assert action["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert first.sha256 != second.sha256


def test_sandboxes_that_share_clips_share_the_signer(tmp_path: Path) -> None:
    assert open_clip_signer(tmp_path) == open_clip_signer(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"c2pa"}


def test_a_clip_keeps_its_content_if_another_sandbox_makes_it_at_the_same_time(
    tmp_path: Path,
) -> None:
    """No two signatures are the same, so the later file would not be what the first measured."""
    signer, path = open_clip_signer(tmp_path), tmp_path / "clip.mp4"
    made = [render_to_file(PLAIN, path, tmp_path / f".{number}.mp4", signer) for number in range(2)]
    assert made[0] == made[1]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == made[0].sha256
    assert {file.name for file in tmp_path.iterdir()} == {"c2pa", "clip.mp4"}


@pytest.mark.parametrize("options", [(), ("--no-manifests",)])
async def test_the_ready_line_names_the_root(tmp_path: Path, options: tuple[str, ...]) -> None:
    async with SandboxProcess(tmp_path, options=options) as sandbox:
        assert (sandbox.manifest_root is None) is bool(options)
