"""The certificate that signs re-encoded clips (C2PA). Without it, they are posted anyway."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bot.app.content_credentials import list_signing_files
from bot.cli.doctor.findings import CheckStatus, Finding
from bot.config.settings import Settings
from bot.media.manifests import SigningFiles, try_signing

_CHECK: Final = "C2PA key"
_RENEWAL_TIME: Final = timedelta(days=30)
_CURE: Final = (
    "set C2PA_CERTIFICATE to the certificate chain and C2PA_KEY to its unencrypted key, both PEM"
    " (docs/operations.md, Content Credentials)"
)


async def check_certificate(settings: Settings, now: datetime) -> Sequence[Finding]:
    """Read the files, compare them, and sign a small picture in memory with them."""
    findings = await asyncio.to_thread(_check_trust_list, settings.c2pa_trust)
    files = list_signing_files(settings)
    if files is None:
        message = "not set: re-encoded clips carry no manifest"
        return [*findings, Finding(_CHECK, CheckStatus.OK, message)]
    finding = await asyncio.to_thread(_examine_files, files, now)
    if finding.status is not CheckStatus.FAILED:
        reason = await try_signing(files)
        if reason is not None:
            message = f"cannot sign ({reason}): re-encoded clips are posted without a manifest"
            finding = Finding(_CHECK, CheckStatus.FAILED, message, _CURE)
    return [*findings, finding]


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
        return Finding(_CHECK, failed, message, _CURE)
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < start:
        message = f"the certificate is valid only from {start:%Y-%m-%d} on"
        return Finding(_CHECK, failed, message, "check the machine's clock, or wait")
    if now >= end:
        message = f"the certificate expired on {end:%Y-%m-%d}"
        return Finding(_CHECK, failed, message, f"renew it, then {_CURE}")
    if now >= end - _RENEWAL_TIME:
        message = f"the certificate expires on {end:%Y-%m-%d}"
        return Finding(_CHECK, CheckStatus.WARNING, message, "renew it before that day")
    return Finding(_CHECK, CheckStatus.OK, f"signs, and is valid until {end:%Y-%m-%d}")
