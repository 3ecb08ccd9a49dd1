"""Go's words for broken JSON, times and base64. The expected texts were taken from Go itself."""
# ruff: noqa: E501

from __future__ import annotations

import pytest

from navarch.schema import gojson, gotime
from navarch.schema.diagnose import base64_error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "unexpected end of JSON input"),
        (b'{"a":1} x', "invalid character 'x' after top-level value"),
        (b"{a:1}", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b'{"a":}', "invalid character '}' looking for beginning of value"),
        (b'{"a":tru}', "invalid character '}' in literal true (expecting 'e')"),
        (b'{"a":nulx}', "invalid character 'x' in literal null (expecting 'l')"),
        (b'{"a":01}', "invalid character '1' after object key:value pair"),
        (b'{"a":-x}', "invalid character 'x' in numeric literal"),
        (b'{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
        (b'{"a":1.x}', "invalid character 'x' after decimal point in numeric literal"),
        (b'{"a":1ex}', "invalid character 'x' in exponent of numeric literal"),
        (b'{"a":1e+}', "invalid character '}' in exponent of numeric literal"),
        (b'{"a":"\n"}', "invalid character '\\n' in string literal"),
        (b'{"a":"\\x"}', "invalid character 'x' in string escape code"),
        (b'{"a":"\\u12g4"}', "invalid character 'g' in \\u hexadecimal character escape"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
        (b'{"a":"b', "unexpected end of JSON input"),
        (b'{"a":-}', "invalid character '}' in numeric literal"),
        (b'{"a":"\x01"}', "invalid character '\\x01' in string literal"),
        (b'{"a":+1}', "invalid character '+' looking for beginning of value"),
        (b'{"a":1]', "invalid character ']' after object key:value pair"),
        (b"NaN", "invalid character 'N' looking for beginning of value"),
        (b"1.5e", "invalid character ' ' in exponent of numeric literal"),
        (b'"\xc3\xa9', "unexpected end of JSON input"),
        (b"\xc3\xa9", "invalid character 'Ã' looking for beginning of value"),
        (b'{"a":fals', "invalid character ' ' in literal false (expecting 'e')"),
    ],
)
def test_json(text: bytes, message: str) -> None:
    assert gojson.syntax_error(text) == message


@pytest.mark.parametrize("text", [b"{}", b' [1, -0.5e+3, "a\\u00e9\\n", true, null, {"a": []}] ', b'"x"'])
def test_right_json(text: bytes) -> None:
    assert gojson.syntax_error(text) == ""


@pytest.mark.parametrize(
    ("text", "micro", "outcome"),
    [
        ("", False, 'parsing time "" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"'),
        ("", True, 'parsing time "" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "" as "2006"'),
        ("x", False, 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'),
        ("x", True, 'parsing time "x" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "x" as "2006"'),
        ("2024", False, 'parsing time "2024" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "-"'),
        ("2024", True, 'parsing time "2024" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "" as "-"'),
        ("2024-13-01T00:00:00Z", False, 'parsing time "2024-13-01T00:00:00Z": month out of range'),
        ("2024-13-01T00:00:00Z", True, 'parsing time "2024-13-01T00:00:00Z": month out of range'),
        ("2024-02-30T00:00:00Z", False, 'parsing time "2024-02-30T00:00:00Z": day out of range'),
        (
            "2024-02-30T00:00:00Z",
            True,
            'parsing time "2024-02-30T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
        ),
        ("2024-01-01", False, 'parsing time "2024-01-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'),
        ("2024-01-01", True, 'parsing time "2024-01-01" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "" as "T"'),
        (
            "2024-01-01T00:00:00",
            False,
            'parsing time "2024-01-01T00:00:00" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"',
        ),
        (
            "2024-01-01T00:00:00",
            True,
            'parsing time "2024-01-01T00:00:00" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "" as ".000000"',
        ),
        ("2024-01-01T00:00:00Zx", False, 'parsing time "2024-01-01T00:00:00Zx": extra text: "x"'),
        (
            "2024-01-01T00:00:00Zx",
            True,
            'parsing time "2024-01-01T00:00:00Zx" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Zx" as ".000000"',
        ),
        (
            "2024-01-01T00:00:00+1:00",
            False,
            'parsing time "2024-01-01T00:00:00+1:00" as "2006-01-02T15:04:05Z07:00": cannot parse "+1:00" as "Z07:00"',
        ),
        (
            "2024-01-01T00:00:00+1:00",
            True,
            'parsing time "2024-01-01T00:00:00+1:00" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "+1:00" as ".000000"',
        ),
        ("2024-01-01T00:00:00.5Z", False, "2024-01-01T00:00:00Z"),
        (
            "2024-01-01T00:00:00.5Z",
            True,
            'parsing time "2024-01-01T00:00:00.5Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse ".5Z" as ".000000"',
        ),
        (
            "2024-01-01t00:00:00z",
            False,
            'parsing time "2024-01-01t00:00:00z" as "2006-01-02T15:04:05Z07:00": cannot parse "t00:00:00z" as "T"',
        ),
        (
            "2024-01-01t00:00:00z",
            True,
            'parsing time "2024-01-01t00:00:00z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "t00:00:00z" as "T"',
        ),
        (
            "2024-1-01T00:00:00Z",
            False,
            'parsing time "2024-1-01T00:00:00Z" as "2006-01-02T15:04:05Z07:00": cannot parse "1-01T00:00:00Z" as "01"',
        ),
        (
            "2024-1-01T00:00:00Z",
            True,
            'parsing time "2024-1-01T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "1-01T00:00:00Z" as "01"',
        ),
        ("2024-01-00T00:00:00Z", False, 'parsing time "2024-01-00T00:00:00Z": day out of range'),
        (
            "2024-01-00T00:00:00Z",
            True,
            'parsing time "2024-01-00T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
        ),
        ("2024-01-32T00:00:00Z", False, 'parsing time "2024-01-32T00:00:00Z": day out of range'),
        (
            "2024-01-32T00:00:00Z",
            True,
            'parsing time "2024-01-32T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
        ),
        ("2024-01-01T00:60:00Z", False, 'parsing time "2024-01-01T00:60:00Z": minute out of range'),
        ("2024-01-01T00:60:00Z", True, 'parsing time "2024-01-01T00:60:00Z": minute out of range'),
        ("2024-01-01T00:00:60Z", False, 'parsing time "2024-01-01T00:00:60Z": second out of range'),
        ("2024-01-01T00:00:60Z", True, 'parsing time "2024-01-01T00:00:60Z": second out of range'),
        ("2024-01-01T00:00:00.123456Z", False, "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00.123456Z", True, "2024-01-01T00:00:00.123456Z"),
        ("2024-01-01T00:00:00.1234567Z", False, "2024-01-01T00:00:00Z"),
        (
            "2024-01-01T00:00:00.1234567Z",
            True,
            'parsing time "2024-01-01T00:00:00.1234567Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "7Z" as "Z07:00"',
        ),
        (
            "2024-01-01 00:00:00Z",
            False,
            'parsing time "2024-01-01 00:00:00Z" as "2006-01-02T15:04:05Z07:00": cannot parse " 00:00:00Z" as "T"',
        ),
        (
            "2024-01-01 00:00:00Z",
            True,
            'parsing time "2024-01-01 00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse " 00:00:00Z" as "T"',
        ),
        ("2024-01-01T00:00:00,5Z", False, "2024-01-01T00:00:00Z"),
        (
            "2024-01-01T00:00:00,5Z",
            True,
            'parsing time "2024-01-01T00:00:00,5Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse ",5Z" as ".000000"',
        ),
        ("0000-02-29T00:00:00Z", False, "0000-02-29T00:00:00Z"),
        (
            "0000-02-29T00:00:00Z",
            True,
            'parsing time "0000-02-29T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
        ),
        ('a"b', False, 'parsing time "a\\"b" as "2006-01-02T15:04:05Z07:00": cannot parse "a\\"b" as "2006"'),
        ('a"b', True, 'parsing time "a\\"b" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "a\\"b" as "2006"'),
        ("2024-01-01T00:00:00+05:30", False, "2023-12-31T18:30:00Z"),
        (
            "2024-01-01T00:00:00+05:30",
            True,
            'parsing time "2024-01-01T00:00:00+05:30" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "+05:30" as ".000000"',
        ),
        ("2023-02-29T00:00:00Z", False, 'parsing time "2023-02-29T00:00:00Z": day out of range'),
        (
            "2023-02-29T00:00:00Z",
            True,
            'parsing time "2023-02-29T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
        ),
    ],
)
def test_times(text: str, micro: bool, outcome: str) -> None:
    """`outcome` is the error or, where there is none, the canonical text."""
    assert (gotime.error(text, micro=micro) or gotime.canonical(text, micro=micro)) == outcome


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("***", "illegal base64 data at input byte 0"),
        ("abc", "illegal base64 data at input byte 0"),
        ("abcd", ""),
        ("ab==", ""),
        ("ab=", "illegal base64 data at input byte 3"),
        ("ab=c", "illegal base64 data at input byte 2"),
        ("a", "illegal base64 data at input byte 0"),
        ("YQ==x", "illegal base64 data at input byte 4"),
        ("YWI=x", "illegal base64 data at input byte 4"),
        ("YQ=\n=", ""),
        ("YW\nI=", ""),
        ("====", "illegal base64 data at input byte 0"),
        ("a===", "illegal base64 data at input byte 1"),
        ("abc*", "illegal base64 data at input byte 3"),
        ("abcde", "illegal base64 data at input byte 4"),
        ("YWJj\nYQ==", ""),
    ],
)
def test_base64(text: str, message: str) -> None:
    assert base64_error(text) == message
