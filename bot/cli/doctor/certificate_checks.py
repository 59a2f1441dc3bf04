"""The certificate that signs re-encoded clips (C2PA). Without it, they are posted anyway."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.app.content_credentials import list_signing_files
from bot.cli.doctor.findings import CheckStatus, Finding
from bot.config.settings import Settings
from bot.media.manifests import SigningFiles, try_signing

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_CHECK: Final = "C2PA key"
_RENEWAL_TIME: Final = timedelta(days=30)
_CURE: Final = (
    "set C2PA_CERTIFICATE to the certificate chain and C2PA_KEY to its unencrypted key, both PEM"
    " (docs/operations.md, Content Credentials)"
)
_ORDER_CURE: Final = (
    "put your own certificate first, and after each certificate the one that issued it"
)
_STAMP_CURE: Final = (
    "set C2PA_TIMESTAMP_URL to a time-stamp server (RFC 3161) that can be reached, or unset it"
)
_PURPOSE_CURE: Final = (
    "get a certificate for signing C2PA manifests: with the key usage digitalSignature and the"
    " extended key usage emailProtection, documentSigning or C2PA's own"
    " (docs/operations.md, Content Credentials)"
)
_SIGNING_PURPOSES: Final = frozenset(
    {"1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1"}
)
"""E-mail protection, the signing of documents, and C2PA's own."""


async def check_certificate(settings: Settings, now: datetime) -> Sequence[Finding]:
    """Read the files, compare them, and sign a small picture in memory with them."""
    findings = await asyncio.to_thread(_check_trust_list, settings.c2pa_trust)
    files = list_signing_files(settings)
    if files is None:
        message = "not set: re-encoded clips carry no manifest"
        return [*findings, Finding(_CHECK, CheckStatus.OK, message)]
    finding = await asyncio.to_thread(_examine_files, files, now)
    if finding.status is not CheckStatus.FAILED:
        finding = await _try_files(files) or finding
    return [*findings, finding]


async def _try_files(files: SigningFiles) -> Finding | None:
    """Return what is wrong with a signature that is made with ``files``."""
    reason = await try_signing(files)
    if reason is None:
        return None
    if files.timestamp_url is not None:
        without_stamp = await try_signing(replace(files, timestamp_url=None))
        if without_stamp is None:
            message = f"signs without a time stamp, because the server gives none ({reason})"
            return Finding(_CHECK, CheckStatus.WARNING, message, _STAMP_CURE)
        reason = without_stamp
    problem = await asyncio.to_thread(_find_wrong_purpose, files.certificate)
    message = f"cannot sign ({problem or reason}): re-encoded clips are posted without a manifest"
    return Finding(_CHECK, CheckStatus.FAILED, message, _PURPOSE_CURE if problem else _CURE)


def _find_wrong_purpose(path: Path) -> str | None:
    """Return why a certificate may not sign manifests (C2PA, 14.5.1), if that can be seen."""
    from cryptography import x509

    extensions = x509.load_pem_x509_certificate(path.read_bytes()).extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return "the certificate is that of an authority"
    except x509.ExtensionNotFound:
        pass
    try:
        if not extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature:
            return "the certificate is not for digital signatures"
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "the certificate names no purpose"
    if not {purpose.dotted_string for purpose in purposes} & _SIGNING_PURPOSES:
        return "the certificate is for another purpose"
    return None


def _check_trust_list(path: Path | None) -> list[Finding]:
    if path is None:
        return []
    from cryptography import x509

    name = "C2PA trust list"
    cure = "set C2PA_TRUST to a file of certificates in PEM, or unset it"
    try:
        count = len(x509.load_pem_x509_certificates(path.read_bytes()))
    except OSError as error:
        message = f"C2PA_TRUST cannot be read ({error.strerror})"
        return [Finding(name, CheckStatus.FAILED, message, cure)]
    except ValueError:
        return [Finding(name, CheckStatus.FAILED, "C2PA_TRUST has no certificates", cure)]
    return [Finding(name, CheckStatus.OK, f"certificates: {count}")]


def _examine_files(files: SigningFiles, now: datetime) -> Finding:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    failed = CheckStatus.FAILED
    try:
        chain = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    except OSError as error:
        message = f"C2PA_CERTIFICATE cannot be read ({error.strerror})"
        return Finding(_CHECK, failed, message, _CURE)
    except ValueError:
        return Finding(_CHECK, failed, "C2PA_CERTIFICATE has no certificate", _CURE)
    try:
        key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
    except OSError as error:
        return Finding(_CHECK, failed, f"C2PA_KEY cannot be read ({error.strerror})", _CURE)
    except (ValueError, TypeError):
        return Finding(_CHECK, failed, "C2PA_KEY is no unencrypted private key", _CURE)
    certificate = chain[0]
    if key.public_key() != certificate.public_key():
        message = "C2PA_KEY does not belong to the first certificate of C2PA_CERTIFICATE"
        if any(key.public_key() == other.public_key() for other in chain):
            return Finding(_CHECK, failed, f"{message}, but to another one", _ORDER_CURE)
        return Finding(_CHECK, failed, message, _CURE)
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < start:
        message = f"the certificate is valid only from {start:%Y-%m-%d} on"
        return Finding(_CHECK, failed, message, "check the machine's clock, or wait")
    if now >= end:
        message = f"the certificate expired on {end:%Y-%m-%d}"
        return Finding(_CHECK, failed, message, f"renew it, then {_CURE}")
    if not _is_in_order(chain):
        message = "a certificate of C2PA_CERTIFICATE was not issued by the one after it"
        return Finding(_CHECK, CheckStatus.WARNING, message, _ORDER_CURE)
    if now >= end - _RENEWAL_TIME:
        message = f"the certificate expires on {end:%Y-%m-%d}"
        return Finding(_CHECK, CheckStatus.WARNING, message, "renew it before that day")
    return Finding(_CHECK, CheckStatus.OK, f"signs, and is valid until {end:%Y-%m-%d}")


def _is_in_order(chain: "Sequence[Certificate]") -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        for certificate, issuer in pairwise(chain):
            certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
