"""What a file's Content Credentials (C2PA) say about its origin, and whether to rely on that.

Everything in a claim was written by whoever signed it. Only the verdict was checked.
"""

from dataclasses import dataclass
from enum import StrEnum


class ManifestVerdict(StrEnum):
    ABSENT = "absent"
    OWN = "own"
    """Intact, and signed with this bot's certificate."""
    TRUSTED = "trusted"
    """Intact, and signed by somebody on the operator's list of trusted signers."""
    UNKNOWN_SIGNER = "unknown_signer"
    EXPIRED = "expired"
    """Intact, but nobody confirmed that it was signed while the certificate was valid."""
    BROKEN = "broken"


class OriginStatement(StrEnum):
    """What a claim says about how its file was made."""

    AI = "ai"
    CAMERA = "camera"
    REENCODED = "reencoded"
    EDITED = "edited"


@dataclass(frozen=True, slots=True)
class ManifestClaim:
    """One signed claim: who signed it, with which program, and what it says."""

    signer: str
    program: str
    statements: tuple[OriginStatement, ...]
    is_intact: bool = True


@dataclass(frozen=True, slots=True)
class FileOrigin:
    """What is known about a file. ``claims`` are the file's own and its parents', newest first.

    ``has_ai_label`` says that unsigned metadata call it AI-made.
    """

    sha256: str
    verdict: ManifestVerdict
    claims: tuple[ManifestClaim, ...] = ()
    has_ai_label: bool = False
