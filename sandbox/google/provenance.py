"""Signs clips with a manifest of C2PA, as Google signs its own.

The certificates are made by the sandbox and trusted by nobody. They lie beside the clips, because
several sandboxes may share those. Programs that should trust them get `root_path`.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.certificates import begin_certificate, build_key_usage

_FOLDER: Final = "c2pa"
_LIFETIME: Final = timedelta(days=3650)
"""Clips of a shared folder are used for long, and nothing is signed again."""
_AI_SOURCE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_MANIFEST: Final = {
    "claim_generator_info": [{"name": "Google C2PA Core Generator Library", "version": "sandbox"}],
    "title": "video.mp4",
    "assertions": [
        {
            "label": "c2pa.actions.v2",
            "data": {
                "actions": [
                    {
                        "action": "c2pa.created",
                        "description": "Created by Google Generative AI.",
                        "digitalSourceType": _AI_SOURCE,
                    }
                ]
            },
        }
    ],
}


@dataclass(frozen=True, slots=True)
class ClipSigner:
    """A certificate chain and its key, in PEM. Processes that render get a copy."""

    chain: bytes
    key: bytes
    root_path: Path

    def sign(self, source: Path, destination: Path) -> None:
        """Write the clip ``source`` with a manifest."""
        import c2pa

        settings = {
            "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
            "builder": {"thumbnail": {"enabled": False}},
        }
        info = c2pa.C2paSignerInfo("es256", self.chain, self.key, None)
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(json.dumps(_MANIFEST), context) as builder,
            source.open("rb") as unsigned,
            destination.open("w+b") as signed,
        ):
            builder.sign(signer, "video/mp4", unsigned, signed)


def open_clip_signer(clip_directory: Path) -> ClipSigner:
    """Return the signer of a folder of clips, and make its certificates first. Blocks."""
    folder = clip_directory / _FOLDER
    if not folder.exists():
        draft = Path(tempfile.mkdtemp(prefix=f".{_FOLDER}-", dir=clip_directory))
        _write_certificates(draft)
        try:
            draft.rename(folder)
        except OSError:  # another sandbox was faster
            shutil.rmtree(draft)
    return ClipSigner(
        (folder / "chain.pem").read_bytes(),
        (folder / "key.pem").read_bytes(),
        folder / "root.pem",
    )


def _write_certificates(folder: Path) -> None:
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = _build_name("Clapper sandbox root")
    start = datetime.now(UTC) - timedelta(days=1)
    end = start + _LIFETIME
    root = (
        begin_certificate(root_name, root_name, root_key.public_key(), start=start, end=end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(build_key_usage(is_authority=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        begin_certificate(
            _build_name("Clapper sandbox, not Google"),
            root_name,
            key.public_key(),
            start=start,
            end=end,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(build_key_usage(is_authority=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
            critical=False,
        )
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "chain.pem").write_bytes(leaf.public_bytes(pem) + root.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _build_name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
