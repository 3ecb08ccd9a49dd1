"""A profile: stacks with numbers, as pprof's message or as text. Pure.

    profile = Profile("goroutine", (("goroutine", "count"),), {(Frame("main", "app.py", 7),): (3,)})
    to_text(profile)  ->  "goroutine profile: total 3\\n3 @\\n#\\tmain+0\\tapp.py:7\\n\\n"

Source: github.com/google/pprof `profile.proto` (field numbers), Go's legacy text form.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Frame:
    function: str
    file: str
    line: int


#: Innermost frame first.
Stack = tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """`types` are (what, unit) of the values of each stack; `period` is how much of the last one a sample means."""

    name: str
    types: tuple[tuple[str, str], ...]
    samples: Mapping[Stack, tuple[int, ...]] = field(default_factory=dict)
    period: int = 1
    duration_s: float = 0.0


def to_text(profile: Profile) -> str:
    """For people: the commonest stacks first."""
    lines = [f"{profile.name} profile: total {sum(values[0] for values in profile.samples.values())}\n"]
    for stack, values in sorted(profile.samples.items(), key=lambda item: -item[1][0]):
        lines.append(f"{' '.join(map(str, values))} @\n")
        lines += [f"#\t{frame.function}+0\t{frame.file}:{frame.line}\n" for frame in stack]
        lines.append("\n")
    return "".join(lines)


def to_message(profile: Profile, now: float) -> bytes:
    """What `go tool pprof` reads: a compressed message."""
    strings: dict[str, int] = {"": 0}
    functions: dict[tuple[str, str], int] = {}
    locations: dict[Frame, int] = {}

    def string(text: str) -> int:
        return strings.setdefault(text, len(strings))

    def location(frame: Frame) -> int:
        functions.setdefault((frame.function, frame.file), len(functions) + 1)
        return locations.setdefault(frame, len(locations) + 1)

    def value_type(what: tuple[str, str]) -> bytes:
        return _number(1, string(what[0])) + _number(2, string(what[1]))

    parts = [_bytes(1, value_type(what)) for what in profile.types]
    for stack, values in profile.samples.items():
        parts.append(_bytes(2, _packed(1, map(location, stack)) + _packed(2, values)))
    for frame, number in locations.items():
        line = _number(1, functions[frame.function, frame.file]) + _number(2, frame.line)
        parts.append(_bytes(4, _number(1, number) + _bytes(4, line)))
    for (name, file), number in functions.items():
        parts.append(_bytes(5, b"".join(_function(number, string(name), string(file)))))
    period = value_type(profile.types[-1])
    parts += [_bytes(6, text.encode()) for text in strings]
    parts += [_number(9, int(now * 1e9)), _number(10, int(profile.duration_s * 1e9))]
    parts += [_bytes(11, period), _number(12, profile.period)]
    return gzip.compress(b"".join(parts), 1, mtime=0)


def _function(number: int, name: int, file: int) -> Iterator[bytes]:
    yield _number(1, number)
    yield _number(2, name)
    yield _number(3, name)
    yield _number(4, file)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _number(tag: int, number: int) -> bytes:
    return _varint(tag << 3) + _varint(number)


def _bytes(tag: int, content: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(content)) + content


def _packed(tag: int, numbers: Iterable[int]) -> bytes:
    return _bytes(tag, b"".join(map(_varint, numbers)))
