"""Programs called `kubectl-NAME` as further commands, and what a misspelt command may have meant."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence

#: What people type who know other programs. Source: kubectl's commands (cobra's SuggestFor).
_MEANT = {"get": ("list", "ps"), "delete": ("rm",), "scale": ("resize",)}


def run_plugin(argv: Sequence[str], env: Mapping[str, str]) -> int | None:
    """Become the plugin that the longest run of leading words names; None if there is none."""
    words: list[str] = []
    for word in argv:
        if word.startswith("-"):
            break
        words.append(word.replace("-", "_"))
    while words:
        found = shutil.which("kubectl-" + "-".join(words), path=env.get("PATH"))
        if found:
            os.execve(found, [found, *argv[len(words) :]], dict(env))
        words.pop()
    return None


def installed(env: Mapping[str, str]) -> list[str]:
    """The paths of all plugins, in the order in which they are looked for."""
    found = []
    for directory in env.get("PATH", "").split(os.pathsep):
        try:
            names = sorted(name for name in os.listdir(directory) if name.startswith("kubectl-"))
        except OSError:
            continue
        found += [path for name in names if os.access(path := os.path.join(directory, name), os.X_OK)]
    return found


def suggestions(word: str, names: Iterable[str], distance: int = 2) -> list[str]:
    """The names that are a few letters away from the word, or begin with it."""
    lowered = word.lower()
    return sorted(
        name
        for name in names
        if _distance(lowered, name) <= distance or name.startswith(lowered) or lowered in _MEANT.get(name, ())
    )


def hint(word: str, names: Iterable[str]) -> str:
    """Advice to put below an error about a word that nobody knows; empty if nothing is near it."""
    near = suggestions(word, names, 1 if len(word) < 5 else 2)
    return f"\nhint: did you mean {' or '.join(near[:3])}?" if near else ""


def _distance(a: str, b: str) -> int:
    """How many letters must be put in, taken out or replaced."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]
