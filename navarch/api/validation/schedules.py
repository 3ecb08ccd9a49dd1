"""Schedules of CronJobs: five fields or a macro, and what is wrong with one in the parser's words.

Source: robfig/cron's standard parser (fields, ranges, messages).
"""

from __future__ import annotations

import re
from typing import Final

_MACROS: Final = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: Lowest and highest value of each field, and names of values from the lowest on.
_FIELDS: Final[tuple[tuple[int, int, tuple[str, ...]], ...]] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_DURATION: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*|0")
_EVERY: Final = "@every "


class _Fault(Exception):
    """Why a part of a schedule is none."""


def schedule_fault(schedule: str) -> str:
    """What is wrong with a schedule; empty if nothing is."""
    if schedule.startswith("@"):
        return _macro_fault(schedule)
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"expected exactly {len(_FIELDS)} fields, found {len(fields)}: [{' '.join(fields)}]"
    try:
        for text, (low, high, names) in zip(fields, _FIELDS, strict=True):
            for part in (part for part in text.split(",") if part):
                _check_range(part, low, high, names)
    except _Fault as fault:
        return str(fault)
    return ""


def _macro_fault(schedule: str) -> str:
    if schedule in _MACROS:
        return ""
    if not schedule.startswith(_EVERY):
        return f"unrecognized descriptor: {schedule}"
    length = schedule.removeprefix(_EVERY)
    if _DURATION.fullmatch(length):
        return ""
    return f'failed to parse duration {schedule}: time: invalid duration "{length}"'


def _check_range(text: str, low: int, high: int, names: tuple[str, ...]) -> None:
    """`*`, `5`, `1-5`, each perhaps with `/step`."""
    span, *steps = text.split("/")
    first_text, *rest = span.split("-")
    if first_text in ("*", "?"):
        first, last = low, high
    else:
        first = _number(first_text, low, names)
        if len(rest) > 1:
            raise _Fault(f"too many hyphens: {text}")
        last = _number(rest[0], low, names) if rest else first
    if len(steps) > 1:
        raise _Fault(f"too many slashes: {text}")
    step = 1
    if steps:
        step = _number(steps[0], low, ())
        if not rest and first_text not in ("*", "?"):
            last = high
    if first < low:
        raise _Fault(f"beginning of range ({first}) below minimum ({low}): {text}")
    if last > high:
        raise _Fault(f"end of range ({last}) above maximum ({high}): {text}")
    if first > last:
        raise _Fault(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise _Fault(f"step of range should be a positive number: {text}")


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    if text.lower() in names:
        return low + names.index(text.lower())
    if not re.fullmatch(r"[+-]?\d+", text):
        raise _Fault(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if number < 0:
        raise _Fault(f"negative number ({number}) not allowed: {text}")
    return number
