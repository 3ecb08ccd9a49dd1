"""Elastic tab stops: text whose tabs become columns, each as wide as the lines around need it.

    >>> print(elastic("a:\\t1\\nlong:\\t2\\n\\nb:\\t3\\n"), end="")
    a:     1
    long:  2
    <BLANKLINE>
    b:  3

Source: Go's text/tabwriter. A column reaches over all consecutive lines that have a cell in it.
"""

from __future__ import annotations


def elastic(text: str, *, padding: int = 2, min_width: int = 0) -> str:
    lines = [line.split("\t") for line in text.split("\n")]
    out: list[str] = []
    _format(out, lines, 0, len(lines), [], padding, min_width)
    return "\n".join(out)


def _format(
    out: list[str], lines: list[list[str]], start: int, end: int, widths: list[int], padding: int, least: int
) -> None:
    """Lay out the lines from `start` to `end`, whose first columns have the given widths."""
    column = len(widths)
    this = start
    while this < end:
        if column >= len(lines[this]) - 1:
            this += 1
            continue
        out += [_line(line, widths) for line in lines[start:this]]
        start = this
        width = least
        while this < end and column < len(lines[this]) - 1:
            width = max(width, len(lines[this][column]) + padding)
            this += 1
        _format(out, lines, start, this, [*widths, width], padding, least)
        start = this
    out += [_line(line, widths) for line in lines[start:end]]


def _line(cells: list[str], widths: list[int]) -> str:
    return "".join(cell.ljust(widths[i]) if i < len(widths) else cell for i, cell in enumerate(cells))
