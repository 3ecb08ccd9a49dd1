"""Aligned columns, and the Tables that the server answers.

Source: Go's text/tabwriter as kubectl sets it (three blanks between columns, none at the end of a line)
and kubectl's TablePrinter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from navarch.schema.types import Tree


PADDING = 3
MIN_WIDTH = 6


class Aligner:
    """Lays out rows in columns. Widths only grow, so that a watch keeps its columns."""

    def __init__(self, *, padding: int = PADDING, min_width: int = MIN_WIDTH) -> None:
        self._widths: list[int] = []
        self._padding = padding
        self._min_width = min_width

    def lay_out(self, rows: Sequence[Sequence[str]]) -> str:
        """The rows as lines. The last cell of a row is not padded and does not widen its column."""
        for row in rows:
            for i, cell in enumerate(row[:-1]):
                width = max(len(cell) + self._padding, self._min_width)
                if i == len(self._widths):
                    self._widths.append(width)
                elif width > self._widths[i]:
                    self._widths[i] = width
        return "".join(self._line(row) for row in rows)

    def _line(self, row: Sequence[str]) -> str:
        padded = [cell.ljust(self._widths[i]) for i, cell in enumerate(row[:-1])]
        return "".join((*padded, *row[-1:])) + "\n"


def lines(rows: Sequence[Sequence[str]]) -> str:
    return Aligner().lay_out(rows)


class TableOptions:
    """How `get` shows a Table. `prefix` goes before the slash of names (`pod`), for several kinds at once."""

    __slots__ = ("label_columns", "namespace", "no_headers", "prefix", "show_labels", "wide")

    def __init__(
        self,
        *,
        wide: bool = False,
        namespace: bool = False,
        no_headers: bool = False,
        show_labels: bool = False,
        label_columns: Sequence[str] = (),
        prefix: str = "",
    ) -> None:
        self.wide = wide
        self.namespace = namespace
        self.no_headers = no_headers
        self.show_labels = show_labels
        self.label_columns = label_columns
        self.prefix = prefix


def header(columns: Sequence[Tree], options: TableOptions) -> list[str]:
    names = ["NAMESPACE"] if options.namespace else []
    names += [column["name"].upper() for column in _shown(columns, options)]
    names += [label.rpartition("/")[2].upper() for label in options.label_columns]
    return [*names, "LABELS"] if options.show_labels else names


def cells(columns: Sequence[Tree], row: Tree, options: TableOptions) -> list[str]:
    """A row's texts. Rows must carry their objects' metadata if labels or namespaces are asked for."""
    metadata = (row.get("object") or {}).get("metadata") or {}
    texts = [metadata.get("namespace", "")] if options.namespace else []
    prefix = options.prefix
    for column, value in zip(columns, row["cells"], strict=False):
        if column.get("priority") and not options.wide:
            continue
        text = cell_text(value)
        if prefix and column["name"] == "Name":
            text = f"{prefix}/{text}"
        texts.append(text)
    labels: dict[str, str] = metadata.get("labels") or {}
    texts += [labels.get(label, "") for label in options.label_columns]
    return [*texts, labels_text(labels)] if options.show_labels else texts


def labels_text(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels)) if labels else "<none>"


def cell_text(value: Any) -> str:
    """A cell on one line: text ends at its first line break, with dots."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return go_value(value)
    for i, char in enumerate(value):
        if char in "\n\r\f":
            return value[:i] + "..."
    return value if value.isprintable() else "".join(map(_visible, value))


def _visible(char: str) -> str:
    """Control characters cannot move the terminal's cursor. Source: kubectl's WriteEscaped."""
    return "^[" if char == "\x1b" else char


def go_value(value: Any) -> str:
    """A JSON value as Go's %v prints it."""
    if value is True or value is False:
        return "true" if value else "false"
    if value is None:
        return "<nil>"
    if isinstance(value, list):
        return "[" + " ".join(go_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_value(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def _shown(columns: Sequence[Tree], options: TableOptions) -> Iterable[Tree]:
    return (column for column in columns if options.wide or not column.get("priority"))
