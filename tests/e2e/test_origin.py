"""Clips say that they were made with AI, and `/video check` tells where a file comes from."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from PIL import Image

from tests.e2e.stage import (
    BotStage,
    Json,
    clip_number_of,
    open_stage,
    text_of,
    video_of,
)
from tests.e2e.test_finding_clips import run_command
from tests.harness.certificates import SigningCertificate, make_certificate
from tests.harness.manifest_verifier import ManifestInvalid, verify_file
from tests.harness.other_verifier import verify_with_other_library
from tests.harness.process import find_free_port
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB: Final = 2**20


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> SigningCertificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "Studio Test")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, certificate: SigningCertificate
) -> AsyncIterator[BotStage]:
    port = str(find_free_port())
    settings = {
        "C2PA_CERTIFICATE": str(certificate.chain),
        "C2PA_KEY": str(certificate.key),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB_PORT": port,
    }
    sandbox, bot = await open_stage(tmp_path_factory.mktemp("stage"), settings=settings)
    try:
        await bot.start()
        stage = BotStage(sandbox, bot)
        await sandbox.control.scale_ratelimits(None)
        await stage.load_world()
        yield stage
        assert "Traceback" not in bot.read_log()
    finally:
        await bot.close()
        await sandbox.close()


async def download_clip(stage: BotStage, message: Json, path: Path) -> Path:
    video = video_of(message)
    assert video is not None
    path.write_bytes(await stage.control.download(video["url"]))
    return path


async def check_file(stage: BotStage, user: str, room: str, path: Path) -> str:
    interaction = await stage.control.command(
        stage.people[user], room, "video check", {}, attachments={"file": path}
    )
    return await stage.wait_for_answer(interaction)


async def test_the_card_and_the_files_name_say_that_an_ai_made_it(stage: BotStage) -> None:
    room = await stage.open_channel()
    message = await stage.make_clip(room, "a red fox")
    origin = quote_text("card.origin", model="Veo 3.1 Fast")
    assert text_of(message).count(origin) == 1
    video = video_of(message)
    assert video is not None
    name = video["url"].partition("?")[0].rpartition("/")[2]
    assert name == f"clip-{clip_number_of(message)}-ai-veo-3.1-fast.mp4"


async def test_a_clip_is_recognized_only_by_who_may_see_it(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel()
    message = await stage.make_clip(room, "a green heron")
    clip = await download_clip(stage, message, tmp_path / "heron.mp4")
    number = clip_number_of(message)
    ours = quote_text("check.ours")
    text = await check_file(stage, "Cem", room, clip)
    assert ours in text
    assert f"[#{number}]" in text
    assert quote_text("card.origin", model="Veo 3.1 Fast") in text
    assert quote_text("check.limits") in text
    assert quote_text("check.unknown_signer") in text
    assert quote_text("check.says.ai") in text
    assert stage.sandbox.manifest_root is not None
    kept = verify_file(clip, [stage.sandbox.manifest_root])
    assert kept.actions == ("c2pa.created",), "Google's manifest is kept"

    private = await stage.open_channel()
    hidden = await stage.make_clip(private, "a secret")
    secret = await download_clip(stage, hidden, tmp_path / "secret.mp4")
    other = await stage.control.add_guild(
        "Elsewhere", owner="Dia", members=["Ada"], channels=["clips"]
    )
    elsewhere = other["channels"][0]["id"]
    assert ours in await check_file(stage, "Ada", elsewhere, secret)
    assert ours not in await check_file(stage, "Dia", elsewhere, secret)


async def test_a_clip_is_checked_by_its_number(stage: BotStage) -> None:
    room = await stage.open_channel()
    message = await stage.make_clip(room, "a blue whale")
    text = await run_command(stage, "Ada", room, "video check", clip=clip_number_of(message))
    assert quote_text("check.ours") in text


async def test_without_an_option_it_says_how_to_use_it(stage: BotStage) -> None:
    room = await stage.open_channel()
    text = await run_command(stage, "Ada", room, "video check")
    assert quote_text("check.how") in text


async def test_files_that_are_no_videos_or_pictures_are_refused(
    stage: BotStage, tmp_path: Path
) -> None:
    room = await stage.open_channel()
    picture, notes = tmp_path / "red.png", tmp_path / "notes.png"
    Image.new("RGB", (64, 64), "red").save(picture)
    notes.write_text("no picture at all")
    assert quote_text("check.absent") in await check_file(stage, "Ada", room, picture)
    assert quote_text("image.origin_not_media") in await check_file(stage, "Ada", room, notes)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reencoded(stage: BotStage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that was posted of a clip that Discord would not take as it was."""
    room = await stage.open_channel()
    await stage.control.google(seconds=0.2, min_bytes=24_000_000, look="plain")
    await stage.request_clip(room, "a large heron")
    message = await stage.wait_for_clip(room, timeout=240)
    assert quote_text("card.fitted", side=720) in text_of(message)
    clip = await download_clip(stage, message, tmp_path_factory.mktemp("clip") / "heron.mp4")
    assert clip.stat().st_size <= 20 * MIB
    return clip


def change_byte(clip: Path, copy: Path, position: int) -> Path:
    """Return a copy in which one byte is another."""
    content = bytearray(clip.read_bytes())
    content[position] ^= 1
    copy.write_bytes(content)
    return copy


async def test_a_reencode_carries_a_manifest_that_others_can_verify(
    stage: BotStage, certificate: SigningCertificate, reencoded: Path, tmp_path: Path
) -> None:
    room, roots = await stage.open_channel(), list_roots(stage, certificate)
    verified = verify_file(reencoded, roots)
    assert verified.signer == "Studio Test"
    assert verified.actions == ("c2pa.opened", "c2pa.transcoded")
    assert all(each.endswith("/trainedAlgorithmicMedia") for each in verified.source_types)
    assert verified.parent is not None, "Google's manifest is contained"
    assert verified.parent.actions == ("c2pa.created",)
    for root in roots:  # the chain of each of the two signers ends in its own root
        with pytest.raises(ManifestInvalid):
            verify_file(reencoded, [root])

    text = await check_file(stage, "Cem", room, reencoded)
    assert quote_text("check.own") in text
    assert quote_text("check.says.reencoded") in text
    changed = change_byte(reencoded, tmp_path / "changed.mp4", -1000)
    with pytest.raises(ManifestInvalid):
        verify_file(changed, roots)
    assert quote_text("check.broken") in await check_file(stage, "Cem", room, changed)


async def test_a_library_of_another_party_verifies_a_reencode(
    stage: BotStage, certificate: SigningCertificate, reencoded: Path, tmp_path: Path
) -> None:
    roots = list_roots(stage, certificate)
    verdict = verify_with_other_library(reencoded, roots)
    assert (verdict.state, verdict.hash_binding) == ("Trusted", "match")
    assert verdict.failures == set()
    assert "Studio Test" in verdict.signers
    assert len(verdict.signers) == 2, "Google's manifest is contained"

    stranger = make_certificate(tmp_path / "stranger", "Studio Test")
    unknown = verify_with_other_library(reencoded, [stranger.root])
    assert (unknown.state, unknown.hash_binding) == ("Valid", "match")
    assert unknown.failures == {"signingCredential.untrusted"}

    content = reencoded.read_bytes()
    in_claim = content.index(b"c2pa.transcoded")
    for name, position, failure in (
        ("video", -1000, "assertion.bmffHash.mismatch"),
        ("claim", in_claim, "assertion.hashedURI.mismatch"),
    ):
        changed = change_byte(reencoded, tmp_path / f"{name}.mp4", position)
        broken = verify_with_other_library(changed, roots)
        assert broken.state == "Invalid", name
        assert failure in broken.failures


def list_roots(stage: BotStage, certificate: SigningCertificate) -> list[Path]:
    assert stage.sandbox.manifest_root is not None
    return [certificate.root, stage.sandbox.manifest_root]
