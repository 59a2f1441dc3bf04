"""Re-encodes carry a manifest within the upload limit, and nothing about it loses a clip."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.clips.provenance import ManifestVerdict, OriginStatement
from bot.domain.clips.upload_options import TranscodeTarget
from bot.domain.errors import ImageRefused
from bot.media import manifests
from bot.media.manifests import FileSigner, ManifestReader, SigningFiles
from bot.media.transcode import ProcessTranscoder
from tests.harness.certificates import SigningCertificate, make_certificate
from tests.unit.transcoding.videos import write_video

TARGET = TranscodeTarget(320, 180, 300_000, 0, max_bytes=400_000)


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> SigningCertificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "Studio Test")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.mp4"
    write_video(path, seconds=2)
    return path


async def reencode(
    source: Path, certificate: Path, key: Path, target: TranscodeTarget = TARGET
) -> Path:
    transcoder = ProcessTranscoder(signer=FileSigner(SigningFiles(certificate, key)))
    result = source.with_name("result.mp4")
    size = await transcoder.reencode_video(source, result, target)
    assert size == result.stat().st_size <= target.max_bytes
    assert {path.name for path in source.parent.iterdir() if path.is_file()} == {
        "source.mp4",
        "result.mp4",
    }
    return result


async def test_a_reencode_names_its_original(source: Path, signing: SigningCertificate) -> None:
    result = await reencode(source, signing.chain, signing.key)
    own = await ManifestReader(certificate=signing.chain).read_origin(result)
    assert own.verdict is ManifestVerdict.OWN
    [claim] = own.claims
    assert (claim.signer, claim.program) == ("Studio Test", "Clapper")
    assert claim.statements == (OriginStatement.AI, OriginStatement.REENCODED)
    trusting = await ManifestReader(anchors=signing.root).read_origin(result)
    assert trusting.verdict is ManifestVerdict.TRUSTED
    stranger = await ManifestReader().read_origin(result)
    assert stranger.verdict is ManifestVerdict.UNKNOWN_SIGNER


async def test_another_certificate_with_our_serial_number_is_not_ours(
    source: Path, signing: SigningCertificate, tmp_path: Path
) -> None:
    result = await reencode(source, signing.chain, signing.key)
    other = make_certificate(tmp_path / "other", "Studio Test")
    origin = await ManifestReader(certificate=other.chain).read_origin(result)
    assert origin.verdict is ManifestVerdict.UNKNOWN_SIGNER


async def test_a_signed_original_stays_in_the_chain(
    source: Path, signing: SigningCertificate, tmp_path: Path
) -> None:
    first = await reencode(source, signing.chain, signing.key)
    folder = tmp_path / "second"
    folder.mkdir()
    parent = first.rename(folder / "source.mp4")
    result = await reencode(parent, signing.chain, signing.key)
    origin = await ManifestReader().read_origin(result)
    assert [claim.is_intact for claim in origin.claims] == [True, True]


async def test_a_preview_says_that_it_is_a_part(source: Path, signing: SigningCertificate) -> None:
    target = TranscodeTarget(320, 180, 300_000, 0, max_bytes=400_000, seconds=1.0)
    result = await reencode(source, signing.chain, signing.key, target)
    [claim] = (await ManifestReader().read_origin(result)).claims
    assert OriginStatement.EDITED in claim.statements


async def test_a_changed_byte_is_noticed(source: Path, signing: SigningCertificate) -> None:
    result = await reencode(source, signing.chain, signing.key)
    content = bytearray(result.read_bytes())
    content[-100] ^= 1
    result.write_bytes(content)
    assert (await ManifestReader().read_origin(result)).verdict is ManifestVerdict.BROKEN


@pytest.mark.parametrize("broken", ["expired", "missing", "another key"])
async def test_a_certificate_that_cannot_sign_loses_no_clip(
    source: Path, signing: SigningCertificate, tmp_path: Path, broken: str
) -> None:
    certificate, key = signing.chain, signing.key
    if broken == "expired":
        old = make_certificate(tmp_path / "old", "Old", valid_for=timedelta(days=-1))
        certificate, key = old.chain, old.key
    elif broken == "missing":
        key = tmp_path / "gone.pem"
    else:
        key = make_certificate(tmp_path / "other", "Other").key
    result = await reencode(source, certificate, key)
    assert (await ManifestReader().read_origin(result)).verdict is ManifestVerdict.ABSENT


async def test_a_library_that_crashes_loses_no_clip(
    source: Path, signing: SigningCertificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashing = tmp_path / "worker" / "crash.py"
    crashing.parent.mkdir()
    crashing.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(manifests, "_WORKER_PATH", crashing)
    result = await reencode(source, signing.chain, signing.key)
    monkeypatch.undo()
    assert (await ManifestReader().read_origin(result)).verdict is ManifestVerdict.ABSENT


async def test_without_room_the_clip_is_not_signed(
    source: Path, signing: SigningCertificate
) -> None:
    plain = source.with_name("plain.mp4")
    size = await ProcessTranscoder().reencode_video(source, plain, TARGET)
    plain.unlink()
    tight = TranscodeTarget(320, 180, 300_000, 0, max_bytes=size + 500)
    result = await reencode(source, signing.chain, signing.key, tight)
    assert (await ManifestReader().read_origin(result)).verdict is ManifestVerdict.ABSENT


async def test_an_unsigned_label_is_reported_as_such(source: Path) -> None:
    label = b"free<x>trainedAlgorithmicMedia</x>"
    size = (4 + len(label)).to_bytes(4, "big")
    source.write_bytes(source.read_bytes() + size + label)
    origin = await ManifestReader().read_origin(source)
    assert (origin.verdict, origin.has_ai_label) == (ManifestVerdict.ABSENT, True)


async def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    notes = tmp_path / "notes.mp4"
    notes.write_bytes(b"nothing " * 1000)
    with pytest.raises(ImageRefused) as caught:
        await ManifestReader().read_origin(notes)
    assert caught.value.reason == "origin_not_media"
