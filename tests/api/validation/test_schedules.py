"""Schedules that are right, and what is said of the others."""

from __future__ import annotations

import pytest

from navarch.api.validation.schedules import schedule_fault


@pytest.mark.parametrize(
    "schedule", ["*/15 9-17 * * mon-fri", "0 0 1,15 JAN ?", "@daily", "@every 1h30m", "5/10 * * * 0"]
)
def test_right(schedule: str) -> None:
    assert schedule_fault(schedule) == ""


@pytest.mark.parametrize(
    ("schedule", "fault"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/1/2 * * * *", "too many slashes: */1/2"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@never", "unrecognized descriptor: @never"),
        ("@every day", 'failed to parse duration @every day: time: invalid duration "day"'),
    ],
)
def test_wrong(schedule: str, fault: str) -> None:
    assert schedule_fault(schedule) == fault
