import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.base import times


def test_instants() -> None:
    assert times.format_time(1704067200.9) == "2024-01-01T00:00:00Z"
    assert times.format_micro(1704067200.25) == "2024-01-01T00:00:00.250000Z"
    assert times.parse("2024-01-01T01:00:00+01:00") == 1704067200
    assert times.parse("2024-01-01T00:00:00.5Z") == 1704067200.5


@pytest.mark.parametrize("text", ["", "2024-01-01", "2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "x"])
def test_wrong_instants(text: str) -> None:
    with pytest.raises(ValueError):
        times.parse(text)


@given(st.integers(0, 4 * 10**9))
def test_instants_come_back(epoch: int) -> None:
    assert times.parse(times.format_time(epoch)) == epoch


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1.5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (190, "3m10s"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (51 * 3600, "2d3h"),
        (48 * 3600, "2d"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (731 * 86400, "2y1d"),
        (8 * 365 * 86400, "8y"),
    ],
)
def test_age(seconds: float, text: str) -> None:
    assert times.human_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds", "printed"),
    [
        ("1h2m3.5s", 3723.5, "1h2m3.5s"),
        ("300ms", 0.3, "300ms"),
        ("-5m", -300, "-5m0s"),
        ("0", 0, "0s"),
        ("1.5h", 5400, "1h30m0s"),
        ("20us", 0.00002, "20\u00b5s"),
        ("5ns", 5e-9, "5ns"),
    ],
)
def test_go_durations(text: str, seconds: float, printed: str) -> None:
    assert times.parse_duration(text) == pytest.approx(seconds)
    assert times.format_duration(times.parse_duration(text)) == printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("abc", 'time: invalid duration "abc"'),
        ("5", 'time: missing unit in duration "5"'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("1h-", 'time: unknown unit "h-" in duration "1h-"'),
    ],
)
def test_wrong_durations(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        times.parse_duration(text)
    assert str(caught.value) == message
