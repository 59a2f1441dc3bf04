"""Calendar months in UTC, by which old ledger entries are added up."""

from datetime import UTC, datetime


def find_month(moment: datetime) -> datetime:
    """Return when the month of ``moment`` began."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
