"""Times as Go reads and prints them, with Go's texts for what it cannot read.

Called by canon.py and diagnose.py for `metav1.Time` and `metav1.MicroTime`.

Worked example:
    >>> error("2024-13-01T00:00:00Z", micro=False)
    'parsing time "2024-13-01T00:00:00Z": month out of range'
    >>> canonical("2024-01-01T01:00:00+01:00", micro=False)
    '2024-01-01T00:00:00Z'

Source: Go's `time.Parse`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta
from typing import Final

import orjson

LAYOUT: Final = "2006-01-02T15:04:05Z07:00"
MICRO_LAYOUT: Final = "2006-01-02T15:04:05.000000Z07:00"

_CYCLE_START: Final = 2000

_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_FRACTION: Final = re.compile(r"[.,]\d+", re.ASCII)
_OFFSET: Final = re.compile(r"[+-](\d\d):(\d\d)", re.ASCII)
#: (layout element, digits, what a value out of range is called, least, most), separators between.
_PARTS: Final[tuple[tuple[str, int, str, int, int] | str, ...]] = (
    ("2006", 4, "", 0, 9999),
    "-",
    ("01", 2, "month", 1, 12),
    "-",
    ("02", 2, "", 0, 99),  # with month and year, once all is read
    "T",
    ("15", 2, "hour", 0, 23),
    ":",
    ("04", 2, "minute", 0, 59),
    ":",
    ("05", 2, "second", 0, 59),
)


def is_printed(text: str, *, micro: bool) -> bool:
    """Whether a text is surely a time, and just as it is printed: as nearly all are."""
    marks, size = ("--T::.", 27) if micro else ("--T::Z", 20)
    if len(text) != size or text[4:20:3] != marks or text[-1] != "Z" or not text.isascii():
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def error(text: str, *, micro: bool) -> str:
    """Why Go cannot read the text, empty if it can."""
    quoted = orjson.dumps(text).decode()
    cannot = f'parsing time {quoted} as "{MICRO_LAYOUT if micro else LAYOUT}": cannot parse '
    rest = text
    numbers: list[int] = []
    for part in _PARTS:
        if isinstance(part, str):
            if not rest.startswith(part):
                return cannot + f'{orjson.dumps(rest).decode()} as "{part}"'
            rest = rest[1:]
            continue
        element, width, name, least, most = part
        digits = rest[:width]
        if len(digits) < width or not _DIGITS.fullmatch(digits):
            return cannot + f'{orjson.dumps(rest).decode()} as "{element}"'
        if not least <= int(digits) <= most:
            return f"parsing time {quoted}: {name} out of range"
        numbers.append(int(digits))
        rest = rest[width:]
    fraction = _FRACTION.match(rest)
    if micro and (fraction is None or fraction.end() < 7):
        return cannot + f'{orjson.dumps(rest).decode()} as ".000000"'
    if fraction is not None:
        rest = rest[7:] if micro else rest[fraction.end() :]
    offset = _OFFSET.match(rest)
    if not rest.startswith("Z") and offset is None:
        return cannot + f'{orjson.dumps(rest).decode()} as "Z07:00"'
    if offset is not None and (int(offset[1]) > 24 or int(offset[2]) > 60):
        return f"parsing time {quoted}: time zone offset {'hour' if int(offset[1]) > 24 else 'minute'} out of range"
    if rest := rest[offset.end() if offset else 1 :]:
        return f"parsing time {quoted}: extra text: {orjson.dumps(rest).decode()}"
    year, month, day = numbers[:3]
    if not 1 <= day <= monthrange(year or 4, month)[1]:
        return f"parsing time {quoted}: day out of range"
    return ""


def canonical(text: str, *, micro: bool) -> str:
    """A text without error as it is printed: in UTC, cut to seconds or microseconds. Where UTC would
    leave the years that have four digits, the text stays."""
    if len(text) == (27 if micro else 20) and text[-1] == "Z":
        return text
    # The calendar repeats every 400 years, and Python's begins after Go's and ends with 9999.
    cycles, year = divmod(int(text[:4]) - _CYCLE_START, 400)
    start = datetime(_CYCLE_START + year, int(text[5:7]), int(text[8:10]))
    seconds = int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    if (offset := _OFFSET.search(text, 19)) is not None:
        sign = -1 if offset[0][0] == "+" else 1
        seconds += sign * (int(offset[1]) * 3600 + int(offset[2]) * 60)
    fraction = _FRACTION.match(text, 19)
    micros = int(fraction[0][1:7].ljust(6, "0")) if fraction else 0
    moment = start + timedelta(seconds=seconds, microseconds=micros)
    year = moment.year + 400 * cycles
    if not 0 <= year <= 9999:
        return f"{text[:19]}{f'.{micros:06d}' if micro else ''}{text[-6:]}"
    return f"{year:04d}{moment.isoformat(timespec='microseconds' if micro else 'seconds')[4:]}Z"
