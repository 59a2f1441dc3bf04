"""Verifies the Content Credentials (C2PA) of an MP4 file, written from the specification.

It shares no code with the library that the bot signs with, so that both would have to be wrong in
the same way. It knows only what clips need: one file, top-level exclusions, no redaction. It does
not look at time stamps or revocation.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

from tests.harness.cbor import read_cbor, write_cbor

_MANIFEST_UUID: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_CERTIFICATE_CHAIN: Final = 33
_ALGORITHM: Final = 1
_HASHES: Final[Mapping[int, hashes.HashAlgorithm]] = {
    -7: hashes.SHA256(),
    -35: hashes.SHA384(),
    -36: hashes.SHA512(),
    -37: hashes.SHA256(),
    -38: hashes.SHA384(),
    -39: hashes.SHA512(),
}
"""By the number of the signature's algorithm (RFC 9053): ES256 to ES512, PS256 to PS512."""


class ManifestInvalid(Exception):
    """The manifest is missing, damaged or not that of the file, or its signer is not trusted."""


@dataclass(frozen=True, slots=True)
class VerifiedManifest:
    """What a manifest says, after everything about it was verified."""

    signer: str
    actions: tuple[str, ...]
    source_types: frozenset[str]
    parent: "VerifiedManifest | None"


@dataclass(frozen=True, slots=True)
class _Box:
    """A box of a file or of JUMBF (ISO/IEC 19566-5); ``content`` is without the header."""

    kind: bytes
    start: int
    whole: bytes
    content: bytes


def verify_file(path: Path, roots: Sequence[Path]) -> VerifiedManifest:
    """Verify the active manifest of an MP4 file and those of its parents.

    ``roots`` are files with the trusted certificates. Raises `ManifestInvalid`.
    """
    boxes, manifests = _read_manifests(path)
    trusted = [x509.load_pem_x509_certificate(root.read_bytes()) for root in roots]
    active = list(manifests)[-1]
    return _verify_manifest(active, manifests, trusted, file_boxes=boxes)


def read_signature(path: Path) -> tuple[bytes, bytes]:
    """Return what the active manifest's signer has signed, and the signature."""
    _, manifests = _read_manifests(path)
    parts = _list_parts(list(manifests.values())[-1])
    protected, _, _, value = read_cbor(_read_content(parts["c2pa.signature"]))
    return _build_signed_bytes(protected, _find_claim(parts)), value


def _read_manifests(path: Path) -> tuple[list[_Box], dict[str, _Box]]:
    boxes = list(_list_boxes(path.read_bytes()))
    found = [box for box in boxes if _is_manifest_box(box)]
    if len(found) != 1:
        raise ManifestInvalid(f"{len(found)} boxes with manifests")
    # the box goes on with a version, its purpose, and the place of further hashes
    purpose, _, rest = found[0].content[20:].partition(b"\0")
    if purpose != b"manifest":
        raise ManifestInvalid(f"the purpose of the box is {purpose!r}")
    [store] = _list_boxes(rest[8:])
    return boxes, _list_parts(store)


def _verify_manifest(
    label: str,
    manifests: Mapping[str, _Box],
    trusted: Sequence[x509.Certificate],
    *,
    file_boxes: Sequence[_Box] | None = None,
) -> VerifiedManifest:
    parts = _list_parts(manifests[label])
    content = _find_claim(parts)
    claim = read_cbor(content)
    signer = _verify_signature(_read_content(parts["c2pa.signature"]), content, trusted)
    stored = _list_parts(parts["c2pa.assertions"])
    named = claim.get("created_assertions", claim.get("assertions", []))
    assertions: dict[str, Any] = {}
    for reference in [*named, *claim.get("gathered_assertions", [])]:
        name = reference["url"].rpartition("/")[2]
        _require_hash(stored[name], reference, name)
        assertions[name] = read_cbor(_read_content(stored[name]))
    if stored.keys() != assertions.keys():
        raise ManifestInvalid("an assertion is not in the claim")
    if file_boxes is not None:
        [binding] = [assertions[name] for name in assertions if name.startswith("c2pa.hash.bmff.")]
        _verify_file_hash(binding, file_boxes)
    parent = None
    for name, ingredient in assertions.items():
        if name.startswith("c2pa.ingredient") and ingredient["relationship"] == "parentOf":
            reference = ingredient.get("activeManifest") or ingredient.get("c2pa_manifest")
            if reference is not None:
                parent_label = reference["url"].rpartition("/")[2]
                _require_hash(manifests[parent_label], reference, parent_label)
                parent = _verify_manifest(parent_label, manifests, trusted)
    [actions] = [assertions[name]["actions"] for name in assertions if "c2pa.actions" in name]
    return VerifiedManifest(
        signer,
        tuple(action["action"] for action in actions),
        frozenset(str(action.get("digitalSourceType", "")) for action in actions) - {""},
        parent,
    )


def _verify_file_hash(binding: Mapping[str, Any], boxes: Sequence[_Box]) -> None:
    """Compare the hash of all boxes that are not excluded, each after its place in the file."""
    digest = hashlib.new(binding.get("alg", "sha256"))
    for box in boxes:
        if not any(_is_excluded(box, exclusion) for exclusion in binding["exclusions"]):
            digest.update(box.start.to_bytes(8, "big"))
            digest.update(box.whole)
    if digest.digest() != binding["hash"]:
        raise ManifestInvalid("the file has been changed")


def _is_excluded(box: _Box, exclusion: Mapping[str, Any]) -> bool:
    if exclusion["xpath"] != f"/{box.kind.decode('latin-1')}":
        return False
    if exclusion.get("subset") or exclusion.get("length") is not None:
        raise ManifestInvalid("such an exclusion is not known here")
    return all(
        box.whole[part["offset"] :].startswith(bytes(part["value"]))
        for part in exclusion.get("data") or []
    )


def _verify_signature(signature: bytes, claim: bytes, trusted: Sequence[x509.Certificate]) -> str:
    """Verify a COSE_Sign1 (RFC 9052) and its certificates; return the signer's organization."""
    protected, unprotected, _, value = read_cbor(signature)
    header = read_cbor(protected)
    chain = header.get(_CERTIFICATE_CHAIN) or unprotected.get("x5chain") or header.get("x5chain")
    encoded = chain if isinstance(chain, list) else [chain]
    certificates = [x509.load_der_x509_certificate(each) for each in encoded]
    signed = _build_signed_bytes(protected, claim)
    leaf = certificates[0]
    try:
        _verify_bytes(leaf.public_key(), header[_ALGORITHM], value, signed)
        last = certificates[-1]
        for certificate, issuer in pairwise(certificates):
            certificate.verify_directly_issued_by(issuer)
        if last not in trusted:
            last.verify_directly_issued_by(next(r for r in trusted if r.subject == last.issuer))
    except (InvalidSignature, StopIteration, ValueError) as error:
        raise ManifestInvalid(f"the signature is not valid ({type(error).__name__})") from error
    [organization] = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(organization.value)


def _build_signed_bytes(protected: bytes, claim: bytes) -> bytes:
    return write_cbor(["Signature1", protected, b"", claim])


def _find_claim(parts: Mapping[str, _Box]) -> bytes:
    return _read_content(parts.get("c2pa.claim.v2") or parts["c2pa.claim"])


def _verify_bytes(key: Any, algorithm: int, value: bytes, signed: bytes) -> None:
    """Raises `InvalidSignature`."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(value, signed)
        return
    hash_algorithm = _HASHES[algorithm]
    if isinstance(key, rsa.RSAPublicKey):
        salted = padding.PSS(padding.MGF1(hash_algorithm), padding.PSS.DIGEST_LENGTH)
        key.verify(value, signed, salted, hash_algorithm)
        return
    half = len(value) // 2
    pair = (int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
    key.verify(encode_dss_signature(*pair), signed, ec.ECDSA(hash_algorithm))


def _require_hash(box: _Box, reference: Mapping[str, Any], name: str) -> None:
    if hashlib.new(reference.get("alg", "sha256"), box.content).digest() != reference["hash"]:
        raise ManifestInvalid(f"{name} has been changed")


def _list_boxes(data: bytes) -> Iterator[_Box]:
    start = 0
    while start < len(data):
        size, head = int.from_bytes(data[start : start + 4], "big"), 8
        kind = data[start + 4 : start + 8]
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        size = size or len(data) - start
        if size < head or start + size > len(data):
            raise ManifestInvalid("a box is damaged")
        whole = data[start : start + size]
        yield _Box(kind, start, whole, whole[head:])
        start += size


def _is_manifest_box(box: _Box) -> bool:
    return box.kind == b"uuid" and box.content.startswith(_MANIFEST_UUID)


def _list_children(superbox: _Box) -> list[_Box]:
    _, *children = _list_boxes(superbox.content)
    return children


def _list_parts(superbox: _Box) -> dict[str, _Box]:
    """Return the boxes in a superbox by their labels, in their order."""
    return {_read_label(box): box for box in _list_children(superbox)}


def _read_label(superbox: _Box) -> str:
    """Return the label of a superbox, which is in its description after 16 bytes and a flag."""
    description = next(_list_boxes(superbox.content))
    return description.content[17:].partition(b"\0")[0].decode()


def _read_content(superbox: _Box) -> bytes:
    [content] = _list_children(superbox)
    return content.content
