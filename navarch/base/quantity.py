"""Resource quantities: `100m`, `1.5Gi`, `2e3`. Exact decimal arithmetic on integers.

A quantity is an integer count of 10^-9 units (the smallest amount that Kubernetes keeps) and a
format that decides its canonical text.

Worked example:
    >>> q = parse("1.5Gi")
    >>> q.value(), str(q), str(q.add(parse("512Mi")))
    (1610612736, '1536Mi', '2Gi')
    >>> parse("0.1").milli_value(), canonical("0.1")
    (100, '100m')

Source: apimachinery `api/resource` (suffixes, rounding up, canonical form, limits).
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

Format = Literal["BinarySI", "DecimalSI", "DecimalExponent"]

NANO: Final = 10**9
#: Larger amounts are capped to what an int64 holds.
_MAX_NANO: Final = (2**63 - 1) * NANO

#: Half of what Python turns into a number at once.
_MAX_DIGITS: Final = 2000
_MAX_EXPONENT_DIGITS: Final = 18

_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX: Final = tuple(reversed(_BINARY))

_PATTERN: Final = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?", re.ASCII)
_OUTER: Final = re.compile(r"[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*", re.ASCII)

WRONG_FORMAT: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
WRONG_NUMBER: Final = "unable to parse numeric part of quantity"
WRONG_SUFFIX: Final = "unable to parse quantity's suffix"


class QuantityError(ValueError):
    """The text is not a quantity; the message is Kubernetes' own."""


class Quantity(NamedTuple):
    """An amount, in 10^-9 units, and how to print it. Compare `nano`, not whole tuples."""

    nano: int
    format: Format = "DecimalSI"

    def value(self) -> int:
        """The amount as an integer, rounded away from zero."""
        return _divide_up(self.nano, NANO)

    def milli_value(self) -> int:
        """The amount in thousandths, rounded away from zero: CPU in millis."""
        return _divide_up(self.nano, 10**6)

    def add(self, other: Quantity) -> Quantity:
        """The sum, in this quantity's format; a zero takes the other's."""
        return Quantity(self.nano + other.nano, self.format if self.nano else other.format)

    def sub(self, other: Quantity) -> Quantity:
        return Quantity(self.nano - other.nano, self.format if self.nano else other.format)

    def compare(self, other: Quantity) -> int:
        return (self.nano > other.nano) - (self.nano < other.nano)

    def __str__(self) -> str:
        if self.format == "BinarySI" and (-1024 * NANO < self.nano < 1024 * NANO or self.nano % NANO):
            # Small or fractional amounts have no exact binary suffix.
            return _decimal_text(self.nano, exponent=False)
        if self.format == "BinarySI":
            return _binary_text(self.nano // NANO)
        return _decimal_text(self.nano, exponent=self.format == "DecimalExponent")


ZERO: Final = Quantity(0)


def parse(text: str) -> Quantity:
    """The quantity written in `text`.

    Raises: QuantityError with Kubernetes' text.
    """
    quantity = _cache.get(text)
    if quantity is None:
        quantity = _parse(text)
        if len(text) <= _CACHED_LENGTH:
            if len(_cache) >= _CACHE_MAX:
                _cache.clear()
            _cache[text] = quantity
    return quantity


def from_value(value: int, style: Format = "DecimalSI") -> Quantity:
    return Quantity(value * NANO, style)


def from_milli(millis: int, style: Format = "DecimalSI") -> Quantity:
    return Quantity(millis * 10**6, style)


def canonical(text: str) -> str:
    """The form in which the API server stores `text`."""
    return str(parse(text))


def value(text: str | int | float) -> int:
    """`parse(text).value()`, taking JSON numbers too."""
    return parse(str(text)).value()


def milli_value(text: str | int | float) -> int:
    """`parse(text).milli_value()`, taking JSON numbers too."""
    return parse(str(text)).milli_value()


#: A cluster uses few distinct texts; the bound keeps a hostile client from growing it.
_CACHE_MAX: Final = 4096
_CACHED_LENGTH: Final = 64
_cache: dict[str, Quantity] = {}


def _parse(text: str) -> Quantity:
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise QuantityError(_why(text))
    sign, whole, fraction, suffix = match[1], match[2], match[3] or "", match[4] or ""
    if not whole and not fraction:
        raise QuantityError(WRONG_FORMAT if match[3] is None else WRONG_NUMBER)
    whole, fraction = _bounded(whole.lstrip("0"), fraction)
    digits = int(whole + fraction or "0")
    style: Format = "DecimalSI"
    if suffix in _BINARY:
        style = "BinarySI"
        nano = _scaled(digits << _BINARY[suffix], 9 - len(fraction))
    elif suffix in _DECIMAL:
        nano = _scaled(digits, 9 - len(fraction) + _DECIMAL[suffix])
    else:
        style = "DecimalExponent"
        nano = _scaled(digits, 9 - len(fraction) + _exponent(suffix[1:]))
    nano = min(nano, _MAX_NANO)
    return Quantity(-nano if sign == "-" else nano, style)


def _bounded(whole: str, fraction: str) -> tuple[str, str]:
    """The digits that say something: what is beyond them is capped, or rounded up."""
    if len(fraction) > _MAX_DIGITS:
        fraction = fraction[:_MAX_DIGITS] + ("1" if fraction[_MAX_DIGITS:].strip("0") else "")
    return (whole if len(whole) <= _MAX_DIGITS else "9" * _MAX_DIGITS), fraction


def _exponent(text: str) -> int:
    if len(text.lstrip("+-0")) > _MAX_EXPONENT_DIGITS:
        raise QuantityError(WRONG_SUFFIX)
    return min(int(text), 1000)


def _why(text: str) -> str:
    if not text or not _OUTER.fullmatch(text):
        return WRONG_FORMAT
    return WRONG_NUMBER if text.count(".") > 1 else WRONG_SUFFIX


def _scaled(digits: int, exponent: int) -> int:
    """digits * 10^exponent as an integer, rounded up."""
    if exponent >= 0:
        return digits * int(10**exponent)
    if exponent < -1000:
        return 1 if digits else 0
    return -(-digits // int(10**-exponent))


def _divide_up(amount: int, unit: int) -> int:
    return -(-amount // unit) if amount >= 0 else amount // unit


def _decimal_text(nano: int, *, exponent: bool) -> str:
    """The largest power of a thousand that leaves an integer."""
    if nano == 0:
        return "0"
    power = -9
    while nano % 1000 == 0 and power < 18:
        nano //= 1000
        power += 3
    if exponent:
        return f"{nano}e{power}" if power else str(nano)
    return f"{nano}{_DECIMAL_SUFFIX[power]}"


def _binary_text(amount: int) -> str:
    for suffix in _BINARY_SUFFIX:
        if amount % (1 << _BINARY[suffix]) == 0:
            return f"{amount >> _BINARY[suffix]}{suffix}"
    return str(amount)
