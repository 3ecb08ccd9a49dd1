"""Instants and durations in the forms that Kubernetes reads and prints. Pure: nothing here asks for the time.

Instants are seconds since the epoch, UTC, as floats. Durations are seconds.

Worked example:
    >>> format_time(1704067200.9), human_duration(190), parse_duration("1h2m3.5s")
    ('2024-01-01T00:00:00Z', '3m10s', 3723.5)

Source: apimachinery `meta/v1` Time and MicroTime, `util/duration`; Go's `time.Duration`.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)
#: After so many years the calendar repeats.
_CYCLE_S: Final = 146_097 * 86_400
_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)

_NANO: Final = 10**9
#: Go's units, in nanoseconds. The micro sign and the Greek letter are both accepted.
_UNITS: Final = {
    "ns": 1,
    "us": 1000,
    "\u00b5s": 1000,
    "\u03bcs": 1000,
    "ms": 10**6,
    "s": _NANO,
    "m": 60 * _NANO,
    "h": 3600 * _NANO,
}
_DURATION_PART: Final = re.compile(r"(\d*)(?:\.(\d*))?([^\d.]*)", re.ASCII)


def format_time(epoch: float) -> str:
    """RFC 3339 in UTC to the second, fractions cut: `metav1.Time` on the wire."""
    return _format_second(epoch // 1)


@lru_cache(maxsize=1024)
def _format_second(epoch: float) -> str:
    """One second is written many times: in each object, condition and owner entry of a busy cluster."""
    return (_EPOCH + timedelta(seconds=epoch)).isoformat(timespec="seconds") + "Z"


def format_micro(epoch: float) -> str:
    """RFC 3339 in UTC with six decimals: `metav1.MicroTime` on the wire."""
    micros = round(epoch * 10**6)
    return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds") + "Z"


@lru_cache(maxsize=4096)
def parse(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 text with any offset.

    Raises: ValueError.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}"')
    year, month, day, hour, minute, second = (int(g) for g in match.groups()[:6])
    cycle_s = 0
    if year == 0:  # before Python's first year
        year, cycle_s = 400, _CYCLE_S
    datetime(year, month, day, hour, minute, second)  # raises where the calendar has no such day
    seconds: float = timegm((year, month, day, hour, minute, second, 0, 0, 0)) - cycle_s
    if match[7]:
        seconds += int(match[7]) / 10 ** len(match[7])
    if match[8]:
        offset = int(match[9]) * 3600 + int(match[10]) * 60
        seconds -= offset if match[8] == "+" else -offset
    return seconds


def human_duration(seconds: float) -> str:
    """A duration with two to three significant figures, as in AGE: `5s`, `3m10s`, `26h`, `2d3h`."""
    if int(seconds) < -1:
        return "<invalid>"
    whole = max(int(seconds), 0)
    if whole < 60 * 2:
        return f"{whole}s"
    minutes = whole // 60
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 60 * 3:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _two(hours // 24, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{hours // 24}d"
    if hours < 24 * 365 * 8:
        return _two(hours // 24 // 365, "y", hours // 24 % 365, "d")
    return f"{hours // 24 // 365}y"


def _two(first: int, first_unit: str, second: int, second_unit: str) -> str:
    return f"{first}{first_unit}{second}{second_unit}" if second else f"{first}{first_unit}"


def age(created: str | None, now: float) -> str:
    """AGE of an object from its creationTimestamp."""
    return human_duration(now - parse(created)) if created else "<unknown>"


def parse_duration(text: str) -> float:
    """Seconds of a Go duration: `300ms`, `1h2m3.5s`, `-5m`, `0`.

    Raises: ValueError with Go's text.
    """
    return parse_duration_nanos(text) / _NANO


def parse_duration_nanos(text: str) -> int:
    """Nanoseconds of a Go duration, exactly.

    Raises: ValueError with Go's text.
    """
    sign, rest = (text[0], text[1:]) if text[:1] in ("-", "+") else ("", text)
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0
    while rest:
        match = _DURATION_PART.match(rest)
        if match is None or not (match[1] or match[2]):
            raise ValueError(f'time: invalid duration "{text}"')
        if not match[3]:
            raise ValueError(f'time: missing unit in duration "{text}"')
        unit = _UNITS.get(match[3])
        if unit is None:
            raise ValueError(f'time: unknown unit "{match[3]}" in duration "{text}"')
        total += int(match[1] or 0) * unit
        if match[2]:
            total += int(match[2]) * unit // 10 ** len(match[2])
        rest = rest[match.end() :]
    return -total if sign == "-" else total


def format_duration(seconds: float) -> str:
    """A duration as Go prints it: `1h0m0s`, `1m30s`, `1.5s`, `20ms`, `0s`."""
    nanos = round(seconds * _NANO)
    if nanos == 0:
        return "0s"
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    if nanos < 1000:
        return f"{sign}{nanos}ns"
    for unit, suffix in ((1000, "\u00b5s"), (10**6, "ms")):
        if nanos < unit * 1000:
            return f"{sign}{_fraction(nanos, unit)}{suffix}"
    minutes, rest = divmod(nanos, 60 * _NANO)
    text = f"{_fraction(rest, _NANO)}s"
    if minutes:
        text = f"{minutes % 60}m{text}"
    if minutes >= 60:
        text = f"{minutes // 60}h{text}"
    return sign + text


def _fraction(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).rjust(len(str(unit)) - 1, '0').rstrip('0')}"
