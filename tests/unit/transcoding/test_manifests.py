"""Re-encodes carry a manifest within the upload limit, and nothing about it loses a clip."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bot.domain.clips.provenance import ManifestVerdict, OriginStatement
from bot.domain.clips.upload_options import TranscodeTarget
from bot.domain.errors import ImageRefused
from bot.media import manifests
from bot.media.joining import ProcessVideoJoiner
from bot.media.manifests import FileSigner, ManifestReader, SigningFiles
from bot.media.transcode import ProcessTranscoder
from sandbox.google.provenance import open_clip_signer
from tests.harness.certificates import PrivateKey, SigningCertificate, make_certificate
from tests.harness.manifest_verifier import ManifestInvalid, read_signature, verify_file
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
    verified = verify_file(result, [signing.root])
    assert (verified.signer, verified.parent) == ("Studio Test", None)
    assert verified.actions == ("c2pa.opened", "c2pa.transcoded")
    assert [each.rpartition("/")[2] for each in verified.source_types] == [
        "trainedAlgorithmicMedia"
    ]
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


async def test_the_original_of_google_stays_in_the_chain(
    source: Path, signing: SigningCertificate, tmp_path: Path
) -> None:
    """As another program sees it, which was written from C2PA's specification."""
    google = open_clip_signer(tmp_path)
    folder = tmp_path / "signed"
    folder.mkdir()
    original = folder / "source.mp4"
    google.sign(source, original)
    roots = [signing.root, google.root_path]
    assert verify_file(original, roots).actions == ("c2pa.created",)
    result = await reencode(original, signing.chain, signing.key)
    verified = verify_file(result, roots)
    assert verified.signer == "Studio Test"
    assert verified.parent == verify_file(original, roots)
    with pytest.raises(ManifestInvalid):
        verify_file(result, [signing.root])
    origin = await ManifestReader().read_origin(result)
    assert [claim.is_intact for claim in origin.claims] == [True, True]


async def test_a_preview_says_that_it_is_a_part(source: Path, signing: SigningCertificate) -> None:
    target = TranscodeTarget(320, 180, 300_000, 0, max_bytes=400_000, seconds=1.0)
    result = await reencode(source, signing.chain, signing.key, target)
    [claim] = (await ManifestReader().read_origin(result)).claims
    assert OriginStatement.EDITED in claim.statements
    assert "c2pa.trimmed" in verify_file(result, [signing.root]).actions


async def test_a_joined_film_names_its_parts(source: Path, signing: SigningCertificate) -> None:
    other = write_video(source.with_name("other.mp4"), seconds=1)
    joiner = ProcessVideoJoiner(signer=FileSigner(SigningFiles(signing.chain, signing.key)))
    film = source.with_name("film.mp4")
    await joiner.join_videos([source, other], film)
    verified = verify_file(film, [signing.root])
    assert verified.actions == ("c2pa.opened", "c2pa.placed", "c2pa.edited")
    assert [each.rpartition("/")[2] for each in verified.source_types] == [
        "compositeWithTrainedAlgorithmicMedia"
    ]
    own = await ManifestReader(certificate=signing.chain).read_origin(film)
    assert own.verdict is ManifestVerdict.OWN
    [claim] = own.claims
    assert OriginStatement.AI in claim.statements


async def test_a_changed_byte_is_noticed(source: Path, signing: SigningCertificate) -> None:
    result = await reencode(source, signing.chain, signing.key)
    content = bytearray(result.read_bytes())
    content[-100] ^= 1
    result.write_bytes(content)
    with pytest.raises(ManifestInvalid):
        verify_file(result, [signing.root])
    assert (await ManifestReader().read_origin(result)).verdict is ManifestVerdict.BROKEN


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["ES384", "PS256", "Ed25519"],
)
async def test_keys_of_other_kinds_sign(source: Path, tmp_path: Path, key: PrivateKey) -> None:
    signing = make_certificate(tmp_path / "own", "Studio Test", key=key)
    original = source.rename(tmp_path / "original.mp4")
    draft = tmp_path / "draft.mp4"
    draft.write_bytes(original.read_bytes())
    signer = FileSigner(SigningFiles(signing.chain, signing.key))
    size = await signer.sign_reencode(draft, original=original, is_cut=False, max_bytes=10**7)
    assert size == draft.stat().st_size
    assert verify_file(draft, [signing.root]).signer == "Studio Test"


async def test_a_time_stamp_server_that_is_away_costs_only_the_time_stamp(
    source: Path, signing: SigningCertificate, tmp_path: Path
) -> None:
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=503)

    app, now = web.Application(), [100.0]
    app.router.add_route("*", "/stamps", refuse)
    async with TestServer(app) as server:
        files = SigningFiles(signing.chain, signing.key, str(server.make_url("/stamps")))
        signer = FileSigner(files, monotonic=lambda: now[0])
        for asks in (1, 1, 2):
            draft = tmp_path / "draft.mp4"
            draft.write_bytes(source.read_bytes())
            await signer.sign_reencode(draft, original=source, is_cut=False, max_bytes=10**7)
            assert verify_file(draft, [signing.root]).signer == "Studio Test"
            assert len(asked) == asks, "it is not asked again for some minutes"
            now[0] += 400


async def test_a_certificate_that_has_expired_since_does_not_look_like_a_forgery(
    source: Path, tmp_path: Path
) -> None:
    """The library signs with no such certificate, so the file is signed again here."""
    key = ec.generate_private_key(ec.SECP256R1())
    signing = make_certificate(tmp_path / "own", "Studio Test", key=key)
    draft = tmp_path / "draft.mp4"
    draft.write_bytes(source.read_bytes())
    signer = FileSigner(SigningFiles(signing.chain, signing.key))
    await signer.sign_reencode(draft, original=source, is_cut=False, max_bytes=10**7)
    leaf = read_leaf(signing)
    expired = leaf + b" "
    while len(expired) != len(leaf):  # signatures in certificates differ in length
        old = make_certificate(
            tmp_path / "old", "Studio Test", key=key, valid_for=timedelta(days=-1)
        )
        expired = read_leaf(old)
    _, signature = read_signature(draft)
    draft.write_bytes(draft.read_bytes().replace(leaf, expired))
    signed, _ = read_signature(draft)
    pair = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    raw = b"".join(number.to_bytes(32, "big") for number in pair)
    draft.write_bytes(draft.read_bytes().replace(signature, raw))
    origin = await ManifestReader(certificate=old.chain).read_origin(draft)
    assert origin.verdict is ManifestVerdict.EXPIRED
    assert origin.claims[0].signer == "Studio Test"


def read_leaf(signing: SigningCertificate) -> bytes:
    leaf = x509.load_pem_x509_certificate(signing.chain.read_bytes())
    return leaf.public_bytes(serialization.Encoding.DER)


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


def wrap(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def nest(kind: bytes, label: bytes, content: bytes) -> bytes:
    """Return a superbox of JUMBF."""
    uuid = kind + bytes.fromhex("00110010800000aa00389b71")
    return wrap(b"jumb", wrap(b"jumd", uuid + b"\x03" + label + b"\0") + content)


def build_claim(content: bytes) -> bytes:
    claim = nest(b"c2cl", b"c2pa.claim.v2", wrap(b"cbor", content))
    return nest(b"c2pa", b"c2pa", nest(b"c2ma", b"urn:c2pa:hostile", claim))


def build_deep_boxes() -> bytes:
    start = bytes.fromhex("7fffffff") + b"jumb" + wrap(b"jumd", bytes(16) + b"\x03c2pa\0")
    return start * 30_000


HOSTILE_MANIFESTS = {
    "boxes in boxes": build_deep_boxes(),
    "a list of a trillion": build_claim(bytes.fromhex("9b000000e8d4a51000")),
    "a text of a trillion bytes": build_claim(bytes.fromhex("7b000000e8d4a51000")),
    "lists in lists": build_claim(b"\x81" * 1_000_000),
    "random bytes": build_claim(Random(16).randbytes(100_000)),
}


@pytest.mark.parametrize("manifest", HOSTILE_MANIFESTS.values(), ids=HOSTILE_MANIFESTS.keys())
async def test_a_hostile_manifest_harms_nobody(tmp_path: Path, manifest: bytes) -> None:
    head = bytes.fromhex("d8fec3d61b0e483c92975828877ec48100000000") + b"manifest\0" + bytes(8)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(wrap(b"ftyp", b"isom\0\0\0\0isom") + wrap(b"uuid", head + manifest))
    answer: object
    try:
        origin = await ManifestReader().read_origin(clip)
        answer = (origin.verdict, origin.claims)
    except ImageRefused as error:
        answer = error.reason
    assert answer in ("origin_unreadable", (ManifestVerdict.BROKEN, ()))


async def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    notes = tmp_path / "notes.mp4"
    notes.write_bytes(b"nothing " * 1000)
    with pytest.raises(ImageRefused) as caught:
        await ManifestReader().read_origin(notes)
    assert caught.value.reason == "origin_not_media"
