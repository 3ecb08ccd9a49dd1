"""Cron schedules: five fields or a macro, and the next time after another. Pure.

Worked example:
    Schedule("*/15 9-17 * * mon-fri").next_after(instant, UTC)

Source: the format that batch/v1 CronJob documents (robfig/cron's standard parser).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTH_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS: Final = {month: i for i, month in enumerate(_MONTH_NAMES, start=1)}
_DAYS: Final = {d: i for i, d in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_NO_NAMES: Final[dict[str, int]] = {}
#: A date that does not come in five years does not come (30 February).
_HORIZON_DAYS: Final = 5 * 366


class Schedule:
    """A parsed schedule. Raises: ValueError if the text is none."""

    def __init__(self, text: str) -> None:
        fields = _MACROS.get(text.strip(), text).split()
        if len(fields) != 5:
            raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{text}]")
        self._minutes = sorted(_field(fields[0], 0, 59, _NO_NAMES))
        self._hours = sorted(_field(fields[1], 0, 23, _NO_NAMES))
        self._days = _field(fields[2], 1, 31, _NO_NAMES)
        self._months = _field(fields[3], 1, 12, _MONTHS)
        self._weekdays = {d % 7 for d in _field(fields[4], 0, 7, _DAYS)}
        self._any_day = fields[2][0] in "*?"
        self._any_weekday = fields[4][0] in "*?"

    def next_after(self, epoch: float, zone: tzinfo = UTC) -> float | None:
        """The first time later than `epoch`, both in seconds since the epoch; None if there is none."""
        local = datetime.fromtimestamp(epoch, zone)
        for offset in range(_HORIZON_DAYS):
            day = local.date() + timedelta(days=offset)
            if not self._on(day):
                continue
            for hour in self._hours:
                for minute in self._minutes:
                    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
                    if at > epoch:
                        return at
        return None

    def _on(self, day: date) -> bool:
        """Day of month and day of week are alternatives where both are restricted."""
        if day.month not in self._months:
            return False
        in_month, in_week = day.day in self._days, day.isoweekday() % 7 in self._weekdays
        if self._any_day or self._any_weekday:
            return in_month and in_week
        return in_month or in_week


def _field(text: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    out: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        first_text, dash, last_text = span.partition("-")
        if first_text in ("*", "?"):
            first, last = low, high if names is not _DAYS else 6
        else:
            first = _number(first_text, names)
            last = _number(last_text, names) if dash else (high if slash else first)
        step = int(step_text) if slash else 1
        if not low <= first <= last <= high or step < 1:
            raise ValueError(f"{part!r} is not within {low}-{high}")
        out.update(range(first, last + 1, step))
    return out


def _number(text: str, names: dict[str, int]) -> int:
    return names[text.lower()] if text.lower() in names else int(text)
