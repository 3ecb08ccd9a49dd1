"""String formats and patterns of custom resource schemas."""

from __future__ import annotations

import pytest

from navarch.schema import formats


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("byte", "aGk=", "a"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("date", "2024-02-29", "2023-02-29"),
        ("date-time", "2024-02-29T10:00:00Z", "2024-02-29"),
        ("duration", "1h30m", "later"),
        ("duration", "22 ns", "22 lightyears"),
        ("email", "a@b.example", "a"),
        ("hexcolor", "#FFF", "#GGG"),
        ("hostname", "a-b.example.com", "-a"),
        ("ipv4", "10.0.0.1", "fd00::1"),
        ("ipv6", "fd00::1", "10.0.0.1"),
        ("mac", "00:1A:2b:3c:4d:5e", "00:1A"),
        ("uri", "https://example.com/x", "example"),
        ("uuid", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "6ba7b810"),
        ("uuid4", "16fd2706-8baf-433b-82eb-8c7fada847da", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    ],
)
def test_formats(name: str, right: str, wrong: str) -> None:
    assert formats.matches(name, right)
    assert not formats.matches(name, wrong)


def test_an_unknown_format_is_no_constraint() -> None:
    assert formats.matches("k8s-something", "anything")
