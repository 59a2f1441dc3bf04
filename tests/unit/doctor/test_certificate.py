"""The doctor names what is wrong with the certificate that signs re-encoded clips."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ObjectIdentifier, load_pem_x509_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID

from bot.cli.doctor.certificate_checks import check_certificate
from bot.cli.doctor.findings import CheckStatus, Finding
from bot.config.settings import SettingsError, read_settings
from tests.harness.certificates import SigningCertificate, make_certificate
from tests.harness.process import find_free_port

KEY_CHECK = "C2PA key"


async def examine(
    monkeypatch: pytest.MonkeyPatch, certificate: Path | None, key: Path | None, **others: str
) -> list[Finding]:
    monkeypatch.setenv("DISCORD_TOKEN", "a-token")
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    for name, path in (("C2PA_CERTIFICATE", certificate), ("C2PA_KEY", key)):
        if path is not None:
            monkeypatch.setenv(name, str(path))
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    return list(await check_certificate(read_settings(), datetime.now(UTC)))


@pytest.fixture
def signing(tmp_path: Path) -> SigningCertificate:
    return make_certificate(tmp_path / "own", "Studio Test")


async def test_nothing_needs_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    [finding] = await examine(monkeypatch, None, None)
    assert (finding.check, finding.status, finding.cure) == (KEY_CHECK, CheckStatus.OK, None)


async def test_a_certificate_that_works(
    monkeypatch: pytest.MonkeyPatch, signing: SigningCertificate
) -> None:
    trust, key = await examine(
        monkeypatch, signing.chain, signing.key, C2PA_TRUST=str(signing.root)
    )
    assert [trust.status, key.status] == [CheckStatus.OK, CheckStatus.OK]


async def test_one_without_the_other_is_a_malformed_setting(
    monkeypatch: pytest.MonkeyPatch, signing: SigningCertificate
) -> None:
    with pytest.raises(SettingsError, match="C2PA_KEY"):
        await examine(monkeypatch, signing.chain, None)


@pytest.mark.parametrize("broken", ["missing", "no certificate", "no key", "another key"])
async def test_files_that_cannot_sign(
    monkeypatch: pytest.MonkeyPatch, signing: SigningCertificate, tmp_path: Path, broken: str
) -> None:
    notes = tmp_path / "notes.pem"
    notes.write_text("nothing in here")
    certificate, key = {
        "missing": (tmp_path / "gone.pem", signing.key),
        "no certificate": (notes, signing.key),
        "no key": (signing.chain, notes),
        "another key": (signing.chain, make_certificate(tmp_path / "other", "Other").key),
    }[broken]
    [finding] = await examine(monkeypatch, certificate, key)
    assert finding.status is CheckStatus.FAILED
    assert "C2PA_" in finding.message
    assert finding.cure is not None


@pytest.mark.parametrize(
    ("valid_for", "status"),
    [(timedelta(days=-1), CheckStatus.FAILED), (timedelta(days=9), CheckStatus.WARNING)],
)
async def test_a_certificate_that_expires(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, valid_for: timedelta, status: CheckStatus
) -> None:
    signing = make_certificate(tmp_path / "old", "Studio Test", valid_for=valid_for)
    [finding] = await examine(monkeypatch, signing.chain, signing.key)
    assert finding.status is status
    assert "expire" in finding.message


async def test_a_certificate_that_may_not_sign_manifests(
    monkeypatch: pytest.MonkeyPatch, signing: SigningCertificate, tmp_path: Path
) -> None:
    """Only the library knows all of C2PA's rules for certificates, so it is tried."""
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(signing.root.read_bytes())
    [finding] = await examine(monkeypatch, leaf, signing.key)
    assert finding.status is CheckStatus.FAILED


@pytest.mark.parametrize("purposes", [(), (ExtendedKeyUsageOID.SERVER_AUTH,)])
async def test_a_certificate_for_another_purpose(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, purposes: tuple[ObjectIdentifier, ...]
) -> None:
    signing = make_certificate(tmp_path / "other", "Studio Test", purposes=purposes)
    [finding] = await examine(monkeypatch, signing.chain, signing.key)
    assert finding.status is CheckStatus.FAILED
    assert "purpose" in finding.message


@pytest.mark.parametrize("is_reversed", [True, False])
async def test_a_chain_in_the_wrong_order(
    monkeypatch: pytest.MonkeyPatch, signing: SigningCertificate, tmp_path: Path, is_reversed: bool
) -> None:
    leaf, root = load_pem_x509_certificates(signing.chain.read_bytes())
    other = make_certificate(tmp_path / "other", "Other").root.read_bytes()
    chain = tmp_path / "wrong.pem"
    own = leaf.public_bytes(Encoding.PEM)
    chain.write_bytes(root.public_bytes(Encoding.PEM) + own if is_reversed else own + other)
    [finding] = await examine(monkeypatch, chain, signing.key)
    assert finding.status is (CheckStatus.FAILED if is_reversed else CheckStatus.WARNING)
    assert finding.cure is not None
    assert "first" in finding.cure


async def test_a_time_stamp_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch, signing: SigningCertificate
) -> None:
    url = f"http://127.0.0.1:{find_free_port()}/"
    [finding] = await examine(monkeypatch, signing.chain, signing.key, C2PA_TIMESTAMP_URL=url)
    assert finding.status is CheckStatus.WARNING
    assert "time stamp" in finding.message


async def test_an_unusable_trust_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trust, _ = await examine(monkeypatch, None, None, C2PA_TRUST=str(tmp_path / "gone.pem"))
    assert (trust.check, trust.status) == ("C2PA trust list", CheckStatus.FAILED)
