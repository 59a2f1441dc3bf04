"""What the pages with the terms and on privacy say about one installation."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalFacts:
    """What the pages say about this installation. Times are in days; `None` is no limit."""

    operator_name: str | None
    operator_contact: str | None
    keep_files_days: int | None
    keep_files_gigabytes: float | None
    keep_charges_days: int | None
    keep_moderation_days: int
    keep_questions_days: int
    """The most for a request that waits for a moderator."""
    keep_left_servers_days: int
    pseudonym_days: int
    cookie_days: int
    adult_cookie_days: int
    adults_only: bool
    """Whether all visitors are asked whether they are adults, not only those of some servers."""
    download_link_days: float | None
    """`None` without download links."""
    uses_database_server: bool
    file_host: str | None
    """Who keeps the files; `None` for the operator's own machine."""
    google_services: Sequence[str]
    """The names of Google's services that get requests."""
    gateways: Sequence[str]
    """The hosts of other servers that get requests in Google's place."""
    check_service: str | None
    """The service of Google whose text model rates prompts and pictures before a clip is made."""
    check_gateway: str | None
    """The host of another server that does so in Google's place."""
    checks_results: bool
    """Whether it rates finished clips, too."""
    keep_checks_minutes: int
    signs_files: bool
    """Whether re-encoded clips are signed, with the operator's certificate."""
    time_stamp_host: str | None
    """The server that confirms when they were signed."""
    uses_omni: bool
    """Whether Google itself keeps requests to Gemini Omni."""
    keep_omni_days: int
    keep_google_files_days: int
    delete_at_google_days: int
    fills_google_bucket: bool
    """Whether Google writes the videos into a bucket of the operator's, where they stay."""
    gallery_address: str | None
    """`None` without a public one."""
