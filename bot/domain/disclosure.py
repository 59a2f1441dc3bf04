"""Redacts Google's messages for members and for the operator's log.

They can name projects, accounts, addresses and links that need the key. For members, a sentence
with one of these is dropped, because a sentence with gaps is hard to read. The operator needs the
names, so in the log only keys and tokens are replaced.
"""

import re
from typing import Final

_REVEALING: Final = re.compile(
    r"""
    \b[a-z][a-z0-9+.-]*://\S                            # https://…, gs://…
  | (?<![\w/:])//[\w.-]+                                # //cloudresourcemanager.googleapis.com/…
  | \bwww\.\S
  | \b(?:[\w-]+\.)+[a-z]{2,}/\S                         # console.cloud.google.com/iam?…
  | [\w.+-]+@[\w-]+(?:\.[\w-]+)*                        # e-mail addresses, service accounts
  | AIza[\w-]{10,} | \bya29\.\S | \bAQ\.[\w-]{10,}      # API keys and access tokens
  | \b(?:api[_ ]?)?(?:key|token)=\S
  | \b(?:projects|folders|organizations|billingaccounts|operations|accounts)/[^\s'"`]
  | \bproject_(?:number|id)\b
  | \bprojects?[=:]\s*\S
  | \bproject\s+(?:(?:id|number|name)\s*)?[\#:=]?\s*(?:['"`]\S|(?=[\w-]*[\d-])[\w-])
  | \bbilling\s+account\s+(?=\S*\d)\S
    """,
    re.IGNORECASE | re.VERBOSE,
)

# A sentence that names a model or file is about the request, so it is kept without the name.
_MODEL_PATH: Final = re.compile(r"\b(?:projects/[^\s'\"`]*/)?models/([\w.-]*\w)", re.IGNORECASE)
# A file's id has twelve letters and digits; one in fifty has no digit.
_FILE_NAME: Final = re.compile(
    r"(?:\bthe )?\b(?:file )?\bfiles/[\w-]+|\bthe file (?:(?=\w*\d)\w+|[a-z]{12}\b)",
    re.IGNORECASE,
)

_SECRET: Final = re.compile(
    r"""
    AIza[\w-]{10,} | \bya29\.[\w.-]+ | \bAQ\.[\w-]{10,} | \beyJ[\w-]{10,}[\w.-]*
  | (?<=[?&])(?:key|access_token|token|[\w-]*signature|x-goog-credential)=[^\s&"'`]+
  | \b(?:bearer\s+|(?:api[_ ]?)?(?:key|token|secret|password)\s*[=:]\s*)[\w./+~-]{8,}=*
  | -----BEGIN[\s\S]*?(?:-----END[^-]*-----|\Z)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MAX_OPERATOR_MESSAGE_LENGTH: Final = 1000

_SENTENCE_BREAK: Final = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")


def redact_account_details(text: str, *, max_length: int) -> str | None:
    """Return the sentences of ``text`` without account details as one line; `None` if none is left.

    File names and model paths are removed. Longer texts are cut to ``max_length`` characters.
    """
    text = _MODEL_PATH.sub(r"\1", text)
    text = _FILE_NAME.sub("the file", text)
    sentences = (part for part in _SENTENCE_BREAK.split(text) if not _REVEALING.search(part))
    text = " ".join(" ".join(sentences).split())
    if len(text) > max_length:
        text = text[: max_length - 1].rstrip() + "…"
    return text or None


def redact_secrets(text: str) -> str:
    """Return ``text`` for the operator's log, without keys and tokens and of readable length."""
    text = _SECRET.sub("[secret]", text)
    if len(text) > _MAX_OPERATOR_MESSAGE_LENGTH:
        text = text[: _MAX_OPERATOR_MESSAGE_LENGTH - 1].rstrip() + "…"
    return text
