"""Money as integer micro-dollars, because sums of prices must be exact."""

from decimal import ROUND_CEILING, Decimal
from typing import NewType

Micros = NewType("Micros", int)
"""Millionths of a US dollar."""

ZERO_MICROS = Micros(0)
_MICROS_PER_DOLLAR = 1_000_000


def to_micros(dollars: Decimal | str) -> Micros:
    """Return ``dollars`` in micro-dollars, rounded up so that no fraction goes uncounted."""
    exact = Decimal(dollars) * _MICROS_PER_DOLLAR
    return Micros(int(exact.to_integral_value(rounding=ROUND_CEILING)))


def format_usd(amount: Micros) -> str:
    """Return ``amount`` as a price: ``$0.40``, ``-$1.25``, ``$0.0125`` if cents are not exact."""
    sign = "-" if amount < 0 else ""
    value = Decimal(abs(amount)) / _MICROS_PER_DOLLAR
    cents = value.quantize(Decimal("0.01"))
    return f"{sign}${cents:,}" if cents == value else f"{sign}${value.normalize():f}"
