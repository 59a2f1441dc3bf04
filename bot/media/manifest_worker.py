"""Reads and writes Content Credentials (C2PA) in a separate process. The bot never imports this.

Files of strangers can attack the library that parses them, and its memory and its time grow with
the file. A separate process can be killed, has limits, and ends with the bot; a crash loses
nothing, because what it signs has been re-encoded before. It has the operator's key, but only the
file's name is in its arguments. It sends nothing, except to a time-stamp server if one is set.

Run as `python -I manifest_worker.py ORDER`, where the order is JSON:
`{"task": "read", "source", "anchors", "certificate"}` prints what a file says about its origin,
`{"task": "sign", "source", "parents", "changes", "destination", "version", …}` writes the video
``source`` to ``destination`` with a manifest that names ``parents`` and what was done, and
`{"task": "try", …}` only tries to sign, each with `"certificate", "key", "timestamp_url"`. All have
the bot's id as `"parent_process"`. Prints one line of JSON: the facts, `{"size": bytes}`,
`{"refused": reason}` or `{"failed": reason}`.
"""

import contextlib
import ctypes
import hashlib
import io
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, Final

_MEMORY_LIMIT_BYTES: Final = 1024**3
_CPU_LIMIT_S: Final = 120
_PR_SET_PDEATHSIG: Final = 1
_CHUNK_BYTES: Final = 1 << 20
_MAX_TEXT_LENGTH: Final = 40
_MAX_READ_LENGTH: Final = 1000
_MAX_CLAIMS: Final = 4
"""So that all of it fits into one message."""
_AI_MARK: Final = b"trainedAlgorithmicMedia"
"""In IPTC's digital source types, which C2PA and plain metadata use, for AI-made media."""
_MANIFEST_MARK: Final = b"c2pa"
_AI_SOURCE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_COMPOSITE_SOURCE: Final = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)
_CAMERA_SOURCES: Final = ("digitalCapture", "computationalCapture")
_REENCODED_ACTIONS: Final = {"c2pa.transcoded", "c2pa.repackaged"}
_EDITED_ACTIONS: Final = {
    "c2pa.edited",
    "c2pa.color_adjustments",
    "c2pa.cropped",
    "c2pa.drawing",
    "c2pa.filtered",
    "c2pa.placed",
    "c2pa.removed",
    "c2pa.resized",
    "c2pa.trimmed",
}
_BRANDS: Final = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"qt  ": "video/quicktime",
}
_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
)
_UNTRUSTED: Final = "signingCredential.untrusted"
_EXPIRED: Final = "signingCredential.expired"
_VERDICTS: Final = {"Trusted": "trusted", "Valid": "unknown_signer"}
"""By the library's word for the state of a manifest."""
_ORIGINAL_ID: Final = "xmp:iid:original"


def apply_process_limits(parent: int) -> None:
    _die_with_parent(parent)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_LIMIT_S, _CPU_LIMIT_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _die_with_parent(parent: int) -> None:
    """Make this process end with the bot, even if the bot is killed.

    This works only on Linux (prctl(2), PR_SET_PDEATHSIG). Elsewhere the time limit ends it.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(1)


def read_origin(order: dict[str, Any]) -> dict[str, Any]:
    """Return the hash of a file, and what its manifest or its metadata says."""
    source = Path(order["source"])
    with source.open("rb") as file:
        kind = _detect_kind(file.read(64))
    if kind is None:
        return {"refused": "origin_not_media"}
    digest, has_ai_mark, has_manifest_mark = _scan_file(source)
    facts: dict[str, Any] = {"sha256": digest, "verdict": "absent", "claims": []}
    if has_manifest_mark:
        facts |= _read_manifests(source, kind, order)
    return facts | {"has_ai_label": has_ai_mark and facts["verdict"] == "absent"}


def _detect_kind(head: bytes) -> str | None:
    """Return the MIME type of a video or picture by its first bytes."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"AVI ": "video/avi"}.get(head[8:12])
    return next((kind for magic, kind in _SIGNATURES if head.startswith(magic)), None)


def _scan_file(source: Path) -> tuple[str, bool, bool]:
    """Return the SHA-256 of a file, and whether it has the marks of AI and of a manifest."""
    digest, tail = hashlib.sha256(), b""
    has_ai_mark = has_manifest_mark = False
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            window = tail + chunk
            has_ai_mark = has_ai_mark or _AI_MARK in window
            has_manifest_mark = has_manifest_mark or _MANIFEST_MARK in window
            tail = window[-len(_AI_MARK) :]
    return digest.hexdigest(), has_ai_mark, has_manifest_mark


def _read_manifests(source: Path, kind: str, order: dict[str, Any]) -> dict[str, Any]:
    import c2pa

    try:
        store = _read_store(source, kind, _read_optional(order.get("anchors")))
        state = store.get("validation_state")
        verdict = _VERDICTS.get(str(state), "broken")
        if verdict == "broken" and _EXPIRED in _list_failures(store) <= {_UNTRUSTED, _EXPIRED}:
            verdict = "expired"
        own = _read_optional(order.get("certificate"))
        if (
            verdict in _VERDICTS.values()
            and own
            and _read_serial_number(own) == _get_serial_number(store)
        ):
            # the number is unique only among the certificates of the one who issued ours
            state = _read_store(source, kind, own).get("validation_state")
            verdict = "own" if state == "Trusted" else verdict
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return {}
    except c2pa.C2paError:
        return {"verdict": "broken"}
    return {"verdict": verdict, "claims": _list_claims(store)}


def _read_store(source: Path, kind: str, anchors: str | None) -> dict[str, Any]:
    """Return the manifests of a file as the library describes them."""
    import c2pa

    settings = {} if anchors is None else {"trust": {"trust_anchors": anchors}}
    with (
        _build_context(settings) as context,
        source.open("rb") as file,
        c2pa.Reader(kind, file, context=context) as reader,
    ):
        store: dict[str, Any] = json.loads(reader.json())
        return store


def _read_optional(path: str | None) -> str | None:
    """Return the text of a file of the operator; nothing if it cannot be read."""
    try:
        return None if path is None else Path(path).read_text("ascii")
    except (OSError, ValueError):
        return None


def _build_context(settings: dict[str, Any]) -> Any:
    """Return a context of the library that asks no server and makes no thumbnails."""
    import c2pa

    return c2pa.Context.from_dict(
        {
            "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
            "builder": {"thumbnail": {"enabled": False}},
            **settings,
        }
    )


def _read_serial_number(certificate: str) -> str | None:
    from cryptography import x509

    try:
        return str(x509.load_pem_x509_certificate(certificate.encode()).serial_number)
    except ValueError:
        return None


def _get_serial_number(store: dict[str, Any]) -> str | None:
    active = store["manifests"].get(store.get("active_manifest"), {})
    number = active.get("signature_info", {}).get("cert_serial_number")
    return None if number is None else str(number)


def _list_claims(store: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the active claim and those of the files that it was made from, newest first."""
    claims: list[dict[str, Any]] = []
    label, is_intact = store.get("active_manifest"), True
    while label in store["manifests"] and len(claims) < _MAX_CLAIMS:
        manifest = store["manifests"][label]
        claims.append(_describe_claim(manifest) | {"is_intact": is_intact})
        ingredients = manifest.get("ingredients", [])
        parents = [each for each in ingredients if each.get("relationship") == "parentOf"]
        parent: dict[str, Any] = next(iter(parents or ingredients), {})
        is_intact = _list_failures(parent) <= {_UNTRUSTED, _EXPIRED}
        label = parent.get("active_manifest")
    return claims


def _list_failures(validated: dict[str, Any]) -> set[str]:
    """Return the codes of what does not verify in a file or in an ingredient."""
    results = validated.get("validation_results", {}).get("activeManifest", {})
    return {str(failure.get("code")) for failure in results.get("failure", [])}


def _describe_claim(manifest: dict[str, Any]) -> dict[str, Any]:
    signature = manifest.get("signature_info", {})
    programs = manifest.get("claim_generator_info") or [{}]
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    names = {str(action.get("action")) for action in actions}
    sources = " ".join(str(action.get("digitalSourceType", "")) for action in actions)
    says = {
        "ai": "rainedAlgorithmicMedia" in sources,  # also as a part of a composite
        "camera": any(source in sources for source in _CAMERA_SOURCES),
        "reencoded": bool(names & _REENCODED_ACTIONS),
        "edited": bool(names & _EDITED_ACTIONS),
    }
    return {
        "signer": _shorten(signature.get("issuer") or signature.get("common_name")),
        "program": _shorten(programs[0].get("name")),
        "statements": [statement for statement, is_said in says.items() if is_said],
    }


def _shorten(text: Any) -> str:
    """Return a stranger's text in one short line, without characters that change its direction."""
    line = " ".join(str(text or "")[:_MAX_READ_LENGTH].split())
    return "".join(sign for sign in line if sign.isprintable())[:_MAX_TEXT_LENGTH]


def sign_video(order: dict[str, Any]) -> dict[str, Any]:
    """Write an AI video that was re-encoded or joined, with a manifest that names its parents."""
    import c2pa

    ids = [f"{_ORIGINAL_ID}-{number}" for number in range(len(order["parents"]))]
    is_joined = len(ids) > 1
    source_type = _COMPOSITE_SOURCE if is_joined else _AI_SOURCE
    actions = [{"action": "c2pa.opened", "parameters": {"ingredientIds": ids[:1]}}]
    actions += [
        {"action": "c2pa.placed", "parameters": {"ingredientIds": [each]}} for each in ids[1:]
    ]
    actions += [
        {"action": f"c2pa.{change}", "digitalSourceType": source_type}
        for change in order["changes"]
    ]
    definition = _describe_manifest(order, actions)
    with contextlib.ExitStack() as stack:
        context = stack.enter_context(_build_context({}))
        signer = stack.enter_context(_build_signer(order))
        builder = stack.enter_context(c2pa.Builder(definition, context))
        for number, (path, ingredient_id) in enumerate(zip(order["parents"], ids, strict=True)):
            ingredient = {
                "title": f"part {number + 1}" if is_joined else "original",
                "format": "video/mp4",
                "relationship": "componentOf" if number else "parentOf",
                "instance_id": ingredient_id,
            }
            file = stack.enter_context(Path(path).open("rb"))
            builder.add_ingredient(ingredient, "video/mp4", file)
        source = stack.enter_context(Path(order["source"]).open("rb"))
        destination = stack.enter_context(Path(order["destination"]).open("w+b"))
        builder.sign(signer, "video/mp4", source, destination)
    return {"size": Path(order["destination"]).stat().st_size}


def try_signature(order: dict[str, Any]) -> dict[str, Any]:
    """Sign a small picture in memory, to see whether the certificate and the key work."""
    import c2pa
    from PIL import Image

    picture, signed = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (16, 16)).save(picture, "JPEG")
    picture.seek(0)
    created = {"action": "c2pa.created", "digitalSourceType": _AI_SOURCE}
    definition = _describe_manifest(order, [created])
    with (
        _build_context({}) as context,
        _build_signer(order) as signer,
        c2pa.Builder(definition, context) as builder,
    ):
        builder.sign(signer, "image/jpeg", picture, signed)
        with c2pa.Reader("image/jpeg", signed, context=context) as reader:
            state = json.loads(reader.json()).get("validation_state")
    if state not in ("Valid", "Trusted"):
        return {"failed": "what it signs does not verify"}
    return {"size": len(signed.getvalue())}


def _describe_manifest(order: dict[str, Any], actions: list[dict[str, Any]]) -> dict[str, Any]:
    program = {"name": "Clapper", "version": order["version"]}
    return {
        "claim_generator_info": [program],
        "title": "AI video",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def _build_signer(order: dict[str, Any]) -> Any:
    """Return the operator's signer. Raises `OSError` or `ValueError` for unusable files."""
    import c2pa
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    certificate = Path(order["certificate"]).read_bytes()
    key = serialization.load_pem_private_key(Path(order["key"]).read_bytes(), password=None)
    if x509.load_pem_x509_certificate(certificate).public_key() != key.public_key():
        raise ValueError("the key is not that of the certificate")
    encoded = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    info = c2pa.C2paSignerInfo(
        _choose_algorithm(key), certificate, encoded, order.get("timestamp_url")
    )
    return c2pa.Signer.from_info(info)


def _choose_algorithm(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        sizes = {256: "es256", 384: "es384", 521: "es512"}
        if key.curve.key_size in sizes:
            return sizes[key.curve.key_size]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    raise ValueError("C2PA allows no such key")


_TASKS: Final = {"read": read_origin, "sign": sign_video, "try": try_signature}


def main(arguments: list[str]) -> int:
    """Run one order and print the answer, never a stack trace."""
    order = json.loads(arguments[0])
    apply_process_limits(order["parent_process"])
    try:
        answer = _TASKS[order["task"]](order)
    except MemoryError:
        answer = {"failed": "out of memory"}
    except Exception as error:  # the library raises many kinds, and none may lose a clip
        answer = {"failed": f"{type(error).__name__}: {error}"[:300]}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
