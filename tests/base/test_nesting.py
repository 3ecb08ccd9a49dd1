"""Depth of JSON texts."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from navarch.base import yaml
from navarch.base.nesting import MAX_DEPTH, too_deep
from navarch.base.patch import MAX_COPIED_BYTES, PatchError, apply_json_patch


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", False),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, False),
        (b"[" * (MAX_DEPTH + 1), True),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, True),
        (b"[[],[],{}]" * 1000, False),
        (json.dumps({"a": "[" * 1000, "b": '\\"' + "{" * 500}).encode(), False),
        (b'{"a":"]]]]]]]]]]' + b'","b":' + b"[" * 300, True),
    ],
)
def test_too_deep(raw: bytes, expected: bool) -> None:
    assert too_deep(raw) is expected


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 5000 + "a", "{a: " * 3000, "? " * 5000])
def test_deep_yaml_is_refused_before_it_takes_the_stack(text: str) -> None:
    with pytest.raises(yaml.YamlError):
        yaml.load(text)


def test_yaml_that_grows_by_its_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    tracemalloc.start()
    with pytest.raises(yaml.YamlError, match="excessive aliasing"):
        yaml.load("\n".join(lines))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_few_aliases_are_fine() -> None:
    assert yaml.load("a: &x {k: 1}\nb: *x\n") == {"a": {"k": 1}, "b": {"k": 1}}


def test_copies_of_a_patch_are_bounded() -> None:
    copies = [{"op": "copy", "from": "/data", "path": f"/data/k{n}"} for n in range(40)]
    with pytest.raises(PatchError, match=str(MAX_COPIED_BYTES)):
        apply_json_patch({"data": {"x": "v" * 1000}}, copies)
