"""Findings as lines of text, or as one JSON object."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bot.cli.doctor.findings import CheckStatus, Finding
from bot.observability.logging import LogRedactor

JSON_VERSION: Final = 1
"""Raised when a field is renamed or removed; new fields may come at any time."""
_STATUS_WIDTH: Final = max(len(status) for status in CheckStatus) + 2


def has_failed(findings: Iterable[Finding]) -> bool:
    return any(finding.status is CheckStatus.FAILED for finding in findings)


def redact_findings(findings: Iterable[Finding], secrets: Iterable[str]) -> list[Finding]:
    """Return the findings without ``secrets`` and without anything that looks like one.

    Libraries may repeat a key, a URL with a password or a signed URL in their errors.
    """
    redactor = LogRedactor(secrets)
    return [
        replace(
            finding,
            message=redactor.redact(finding.message),
            cure=redactor.redact(finding.cure),
            reason=redactor.redact(finding.reason),
        )
        for finding in findings
    ]


def format_text(findings: Iterable[Finding]) -> str:
    """Return one line for each finding: status, check, message, code, and what to do."""
    return "\n".join(map(_format_line, findings))


def format_json(findings: Sequence[Finding]) -> str:
    """Return one object; docs/operations.md describes its fields."""
    has_warning = any(finding.status is CheckStatus.WARNING for finding in findings)
    status = CheckStatus.WARNING if has_warning else CheckStatus.OK
    if has_failed(findings):
        status = CheckStatus.FAILED
    return json.dumps(
        {
            "version": JSON_VERSION,
            "status": status,
            "ok": status is not CheckStatus.FAILED,
            "checks": [
                {
                    "check": finding.check,
                    "status": finding.status,
                    "ok": finding.status is not CheckStatus.FAILED,
                    "message": finding.message,
                    "reason": finding.reason,
                    "cure": finding.cure,
                }
                for finding in findings
            ],
        }
    )


def _format_line(finding: Finding) -> str:
    reason = f" [{finding.reason}]" if finding.reason else ""
    cure = f" -> {finding.cure}" if finding.cure else ""
    line = f"{finding.status:<{_STATUS_WIDTH}}{finding.check}: {finding.message}{reason}{cure}"
    return " ".join(line.splitlines())
