"""Verifies Content Credentials (C2PA) with a library of another party, which has only readers.

It is neither written from our reading of the specification (`manifest_verifier`) nor related to the
library that the bot signs with.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class OtherVerdict:
    """What the library says; ``failures`` are the codes of the specification.

    ``signers`` are the names in the certificates of the manifest and those of its originals.
    """

    state: str
    hash_binding: str
    failures: frozenset[str]
    signers: frozenset[str]


def verify_with_other_library(path: Path, roots: Sequence[Path]) -> OtherVerdict:
    """Verify an MP4 file offline, trusting only the certificates in ``roots``.

    Skips the test where the library is not installed.
    """
    os.environ["ENCYPHER_C2PA_TELEMETRY"] = "off"  # nor does it ask
    library = pytest.importorskip("encypher_c2pa")
    report = library.verify(
        path,
        "video/mp4",
        trust_pem="".join(root.read_text() for root in roots) or None,
        no_default_trust=True,
        online=False,
    )
    manifests = report["manifest_report"]["manifests"].values()
    return OtherVerdict(
        state=report["validation_state"],
        hash_binding=report["hard_binding"],
        failures=frozenset(each["code"] for each in report["validation_results"]["failure"]),
        signers=frozenset(each["signature_info"]["common_name"] for each in manifests),
    )
