"""What a person may have done wrong in a manifest, with line and column.

Tutorials on the web carry non-breaking spaces and lose their line breaks; editors put in tabs. Go's
messages say what the parser saw, these say what to change.
"""

from __future__ import annotations

import re

_BLANKS = {"\u00a0": "no-break space U+00A0", "\u3000": "ideographic space U+3000", "\t": "tab"}
_FULL_WIDTH = {"：": ":", "，": ",", "“": '"', "”": '"', "‘": "'", "’": "'", "－": "-"}
_FLATTENED = re.compile(r"apiVersion:\s*\S+\s+kind:")


def advice(data: bytes) -> str:
    """Lines to put below an error, or nothing. Begins with a line break."""
    return _as_hints(_slips(data.decode(errors="replace")))


def advice_on_fields(data: bytes) -> str:
    """The same for a manifest that parses: a blank that is no blank to YAML becomes part of a field's name."""
    lines = enumerate(data.decode(errors="replace").split("\n"), 1)
    return _as_hints([hint for number, line in lines if (hint := _bad_indentation(number, line))])


def _as_hints(lines: list[str]) -> str:
    return "".join(f"\nhint: {line}" for line in lines[:3])


def _slips(text: str) -> list[str]:
    hints: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        bad = _bad_indentation(number, line)
        if bad:
            hints.append(bad)
        if _FLATTENED.search(line):
            hints.append(f"line {number}: the manifest stands on one line; YAML needs one line for each field")
        if not line.lstrip().startswith("#"):
            for column, char in enumerate(line, 1):
                if char in _FULL_WIDTH and (column == 1 or char == "："):
                    hints.append(f"line {number} col {column}: full-width {char} instead of {_FULL_WIDTH[char]}")
                    break
    return hints or _odd_steps(text)


def _odd_steps(text: str) -> list[str]:
    """The first line whose indentation is that of no line it could belong to."""
    levels = [0]
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.lstrip(" ")
        if not bare or bare.startswith(("#", "---")):
            continue
        indentation = len(line) - len(bare)
        if indentation < levels[-1] and indentation not in levels:
            fitting = " or ".join(str(level) for level in levels)
            return [
                f"line {number} col {indentation + 1}: indented by {indentation}; the lines above stand at {fitting}"
            ]
        levels = [level for level in levels if level < indentation] + [indentation]
        while bare.startswith("- "):
            # An entry of a list opens two levels: its dash, and what follows.
            inner = bare[2:].lstrip(" ")
            indentation += len(bare) - len(inner)
            levels.append(indentation)
            bare = inner
    return []


def _bad_indentation(number: int, line: str) -> str:
    indentation = line[: len(line) - len(line.lstrip())]
    for column, char in enumerate(indentation, 1):
        if char in _BLANKS:
            return f"line {number} col {column}: {_BLANKS[char]} used as indentation; replace it with a blank"
    return ""
