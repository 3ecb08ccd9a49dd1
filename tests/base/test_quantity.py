import pytest
from hypothesis import given
from hypothesis import strategies as st

from navarch.base import quantity
from navarch.base.quantity import QuantityError, parse


@pytest.mark.parametrize(
    ("text", "canonical", "value", "milli"),
    [
        ("100m", "100m", 1, 100),
        ("500Mi", "500Mi", 500 << 20, (500 << 20) * 1000),
        ("2", "2", 2, 2000),
        ("0", "0", 0, 0),
        ("0Mi", "0", 0, 0),
        ("0.5", "500m", 1, 500),
        (".5", "500m", 1, 500),
        ("5.", "5", 5, 5000),
        ("1.5Gi", "1536Mi", 1536 << 20, (1536 << 20) * 1000),
        ("1024Ki", "1Mi", 1 << 20, (1 << 20) * 1000),
        ("1000k", "1M", 10**6, 10**9),
        ("2000m", "2", 2, 2000),
        ("0.0001", "100u", 1, 1),
        ("0.1n", "1n", 1, 1),
        ("3.14Ki", "3215360m", 3216, 3215360),
        ("1e3", "1e3", 1000, 10**6),
        ("12E6", "12e6", 12 * 10**6, 12 * 10**9),
        ("1E", "1E", 10**18, 10**21),
        ("-1.5", "-1500m", -2, -1500),
        ("+5", "5", 5, 5000),
        ("99999999999999999999", "9223372036854775807", 2**63 - 1, (2**63 - 1) * 1000),
    ],
)
def test_known_texts(text: str, canonical: str, value: int, milli: int) -> None:
    parsed = parse(text)
    assert (str(parsed), parsed.value(), parsed.milli_value()) == (canonical, value, milli)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", quantity.WRONG_FORMAT),
        ("Bad_Value!", quantity.WRONG_FORMAT),
        ("1 ", quantity.WRONG_FORMAT),
        ("--1", quantity.WRONG_FORMAT),
        ("1..2", quantity.WRONG_NUMBER),
        ("1ki", quantity.WRONG_SUFFIX),
        ("5e", quantity.WRONG_SUFFIX),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_arithmetic_keeps_the_first_format() -> None:
    assert str(parse("1Gi").add(parse("512M"))) == "1548576Ki"
    assert str(parse("0").add(parse("512Mi"))) == "512Mi"
    assert str(parse("1").sub(parse("100m"))) == "900m"
    assert parse("1Ki").compare(parse("1k")) == 1
    assert parse("1000m").compare(parse("1")) == 0


@given(st.integers(-(10**15), 10**15), st.sampled_from(["n", "u", "m", "", "k", "M", "Ki", "Mi"]))
def test_canonical_text_is_stable_and_exact(number: int, suffix: str) -> None:
    parsed = parse(f"{number}{suffix}")
    again = parse(str(parsed))
    assert again.nano == parsed.nano
    assert str(again) == str(parsed)
