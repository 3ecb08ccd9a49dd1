"""Comparing an answer with a recorded one, in which values that differ from run to run are placeholders.

Numbered placeholders (`<uid1>`, `<rv2>`) stand for one value each within a record or a sequence;
the others (`<time>`, `<age>`) for any value of their shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_ANY = {
    "server": r"[\w.:\-\[\]]+",
    "hash": r"[a-z0-9]+",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    "rfc1123time": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+\-\w]+",
    "age": r"(?:\d+(?:[smhdy]|ms|µs))+|<unknown>|<invalid>",
    "rand5": r"[a-z0-9]{5}",
    "jwt": r"[\w\-]+\.[\w\-]+\.[\w\-]+",
    "pem": r"[\s\S]+",
    "rv": r"\d+",
    "minutes": r"\d+",
}
_NUMBERED = {
    "uid": r"[0-9a-f]{8}-[0-9a-f-]{27}",
    "rv": r"\d+",
    "clusterIP": r"\d+\.\d+\.\d+\.\d+",
    "clusterIPv6": r"[0-9a-f:]+",
    "nodePort": r"\d+",
    "continue": r"[\w\-=]+",
}
_PLACEHOLDER = re.compile(r"<(rand5|rfc1123time|clusterIPv6|[a-zA-Z]+)(\d*)>")


#: The random end of a name that the server gave to a part of an object.
_SUFFIX = re.compile(r"kube-api-access-(\w{5})")


class Bindings:
    """What the numbered placeholders stand for."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.last_time = "2026-01-01T00:00:00Z"
        self.last_suffix = "abcde"

    def fill(self, text: str) -> str:
        """A recorded text with the placeholders that are known filled in."""

        def value(match: re.Match[str]) -> str:
            if match[2]:
                return self.values.get(match[0], match[0])
            return {"time": self.last_time, "rand5": self.last_suffix}.get(match[1], match[0])

        return _PLACEHOLDER.sub(value, text)

    def fill_tree(self, tree: Any) -> Any:
        if isinstance(tree, str):
            filled = self.fill(tree)
            return int(filled) if tree.startswith("<nodePort") and filled.isdigit() else filled
        if isinstance(tree, dict):
            return {key: self.fill_tree(value) for key, value in tree.items()}
        if isinstance(tree, list):
            return [self.fill_tree(value) for value in tree]
        return tree

    def learn(self, tree: Any) -> None:
        """Number the values of an object as the recording numbers a GET of it."""
        for name, value in _numbered_values(tree):
            if value not in self.values.values():
                n = 1 + sum(1 for key in self.values if re.fullmatch(rf"<{name}\d+>", key))
                self.values[f"<{name}{n}>"] = value
        if suffix := _SUFFIX.search(json.dumps(tree)):
            self.last_suffix = suffix[1]
        metadata = tree.get("metadata", {}) if isinstance(tree, dict) else {}
        self.last_time = metadata.get("creationTimestamp", self.last_time)


def _numbered_values(tree: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _numbered_values(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from _numbered_values(value, key)
    elif key == "uid" and isinstance(tree, str):
        yield "uid", tree
    elif key == "resourceVersion" and isinstance(tree, str):
        yield "rv", tree
    elif key in ("clusterIP", "clusterIPs") and isinstance(tree, str) and tree not in ("", "None"):
        yield "clusterIPv6" if ":" in tree else "clusterIP", tree
    elif key in ("nodePort", "healthCheckNodePort") and isinstance(tree, int):
        yield "nodePort", str(tree)


def differences(expected: Any, actual: Any, bindings: Bindings, path: str = "") -> Iterator[str]:
    """Where the answers differ; binds placeholders on the way. Empty when they match."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in expected:
            if key not in actual:
                yield f"{path}.{key}: missing"
            elif key == "causes":
                yield from _multiset(expected[key], actual[key], bindings, f"{path}.{key}")
            elif key in _UNORDERED:
                kept = [rule for rule in expected[key] if not _FORK_ONLY & set(rule.get("nonResourceURLs", ()))]
                yield from _multiset(kept, actual[key], bindings, f"{path}.{key}")
            elif key == "message":
                yield from _message(expected[key], actual[key], bindings, f"{path}.{key}")
            else:
                yield from differences(expected[key], actual[key], bindings, f"{path}.{key}")
        for key in actual:
            if key not in expected:
                yield f"{path}.{key}: not expected ({str(actual[key])[:60]})"
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{path}: {len(expected)} items expected, {len(actual)} found"
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(one, other, bindings, f"{path}[{index}]")
    elif isinstance(expected, str) and "<" in expected:
        if not _fits(expected, str(actual), bindings):
            yield f"{path}: {expected[:90]!r} expected, {str(actual)[:90]!r} found"
    elif (".cells[" in path and _same_cell(expected, actual)) or _BUILD.fullmatch(path):
        return
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield f"{path}: {str(expected)[:200]!r} expected, {str(actual)[:200]!r} found"


#: Cells of tables hold ages and random node ports; a fixed clock gives others than the recording's.
_AGE = re.compile(r"(?:\d+(?:[smhdy]))+")
_NODE_PORT = re.compile(r":3[0-2]\d{3}(?=/)")

#: What tells one build of a server from another, and when it was started.
_BUILD = re.compile(r"\.(?:gitCommit|buildDate|goVersion|platform|gitTreeState|compiler|uptimeSeconds|data\.since)")


def _same_cell(expected: Any, actual: Any) -> bool:
    if not isinstance(expected, str) or not isinstance(actual, str):
        return False
    if _AGE.fullmatch(expected):
        return _AGE.fullmatch(actual) is not None
    return expected != actual and _NODE_PORT.sub(":30000", expected) == _NODE_PORT.sub(":30000", actual)


#: Lists that the recorded server gives in random order.
_UNORDERED = ("resourceRules", "nonResourceRules")

#: Paths that only the recorded build grants to everybody.
_FORK_ONLY = {"/.well-known", "/.well-known/*"}


def _multiset(expected: Any, actual: Any, bindings: Bindings, path: str) -> Iterator[str]:
    left = list(actual)
    for cause in expected:
        found = next((c for c in left if not list(differences(cause, c, bindings))), None)
        if found is None:
            yield f"{path}: missing {cause}"
        else:
            left.remove(found)
    for cause in left:
        yield f"{path}: not expected {cause}"


def _message(expected: str, actual: Any, bindings: Bindings, path: str) -> Iterator[str]:
    if isinstance(actual, str):
        actual = _HUNK.sub("@@ @@", actual)
    if not isinstance(actual, str) or not _fits(expected, actual, bindings):
        if isinstance(actual, str) and _parts(bindings.fill(expected)) == _parts(actual):
            return
        yield f"{path}: {expected[:300]!r} expected, {str(actual)[:300]!r} found"


_HUNK = re.compile(r"@@ -\d+,\d+ \+\d+,\d+ @@")


def _parts(message: str) -> list[str]:
    return sorted(re.split(r", |: \[|\]$", message))


def _fits(expected: str, actual: str, bindings: Bindings) -> bool:
    pattern, position = "", 0
    groups: list[str] = []
    for match in _PLACEHOLDER.finditer(expected):
        name, number = match[1], match[2]
        shape = _NUMBERED.get(name) if number else _ANY.get(name, r"[\s\S]*?")
        pattern += re.escape(expected[position : match.start()])
        position = match.end()
        if number and shape and match[0] in bindings.values:
            pattern += re.escape(bindings.values[match[0]])
        elif number and shape and match[0] not in groups:
            groups.append(match[0])
            pattern += f"({shape})"
        elif number and shape:
            pattern += rf"\{groups.index(match[0]) + 1}"
        elif shape and not number:
            pattern += f"(?:{shape})"
        else:
            pattern += re.escape(match[0])
    pattern += re.escape(expected[position:])
    found = re.fullmatch(pattern, actual)
    if found is None:
        return False
    for name, value in zip(groups, found.groups(), strict=True):
        bindings.values[name] = value
    return True
