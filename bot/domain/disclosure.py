"""What of another company's words members may read: nothing about the operator's account.

Google's messages name projects, accounts, addresses and links that need the key. A sentence that
holds one is dropped whole: a hole in it reads like a riddle, and says that something was there.
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

# Kept, without the name: sentences that say something about the request itself.
_MODEL_PATH: Final = re.compile(r"\b(?:projects/[^\s'\"`]*/)?models/([\w.-]*\w)", re.IGNORECASE)
_FILE_NAME: Final = re.compile(
    r"(?:\bthe )?\b(?:file )?\bfiles/[\w-]+|\bthe file (?=\w*\d)\w+", re.IGNORECASE
)

_SENTENCE_BREAK: Final = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")


def redact_account_details(text: str, *, max_length: int) -> str | None:
    """Return the sentences of ``text`` that say nothing about an account; `None` without any.

    One line, at most ``most`` characters. Files lose their names and models their paths.
    """
    text = _MODEL_PATH.sub(r"\1", text)
    text = _FILE_NAME.sub("the file", text)
    kept = [each for each in _SENTENCE_BREAK.split(text) if each and not _REVEALING.search(each)]
    text = " ".join(" ".join(kept).split())
    if len(text) > max_length:
        text = text[: max_length - 1].rstrip() + "…"
    return text or None
