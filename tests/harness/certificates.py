"""Certificates for Content Credentials (C2PA), made for a test: a root and who it certifies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.certificates import begin_certificate, build_key_usage

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """The files of a chain, its key, and its root, all in PEM."""

    chain: Path
    key: Path
    root: Path


def make_certificate(
    folder: Path,
    name: str,
    *,
    valid_for: timedelta = timedelta(days=100),
    key: PrivateKey | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.EMAIL_PROTECTION,),
) -> SigningCertificate:
    """Write a certificate, valid since five days ago.

    It may sign manifests unless ``purposes`` say otherwise. The ``key`` is P-256 by default.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root_key = ec.generate_private_key(ec.SECP256R1())
    key = key or ec.generate_private_key(ec.SECP256R1())
    root_name, start = _build_name("Test Root"), datetime.now(UTC) - timedelta(days=5)
    end = datetime.now(UTC) + valid_for
    root = (
        begin_certificate(
            root_name,
            root_name,
            root_key.public_key(),
            start=start,
            end=start + timedelta(days=900),
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(build_key_usage(is_authority=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    unsigned_leaf = (
        begin_certificate(_build_name(name), root_name, key.public_key(), start=start, end=end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(build_key_usage(is_authority=False), critical=True)
        .add_extension(issuer, critical=False)
    )
    if purposes:
        usage = x509.ExtendedKeyUsage(purposes)
        unsigned_leaf = unsigned_leaf.add_extension(usage, critical=False)
    leaf = unsigned_leaf.sign(root_key, hashes.SHA256())
    files = SigningCertificate(folder / "chain.pem", folder / "key.pem", folder / "root.pem")
    pem = serialization.Encoding.PEM
    files.chain.write_bytes(leaf.public_bytes(pem) + root.public_bytes(pem))
    files.root.write_bytes(root.public_bytes(pem))
    files.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _build_name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
