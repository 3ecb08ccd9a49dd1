"""`-o custom-columns=NAME:.metadata.name,...`: columns of JSONPaths.

Source: kubectl `cmd/get/customcolumn.go` (absent values, error texts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from navarch.base import jsonpath
from navarch.cli.errors import CliError
from navarch.cli.output.printer import Print
from navarch.cli.output.tables import Aligner, go_value

if TYPE_CHECKING:
    from navarch.schema.types import Tree


def column_printer(form: str, spec: str, *, no_headers: bool) -> Print:
    """The printer for a spec, or for a template file. Raises: CliError."""
    if not spec:
        what = "custom-columns format specified but no custom columns given"
        if form == "custom-columns-file":
            what = "custom-columns-file format specified but no template file given"
        raise CliError(what)
    columns = _from_file(spec) if form == "custom-columns-file" else _from_spec(spec)
    return _Columns(columns, no_headers=no_headers)


class _Columns:
    def __init__(self, columns: list[tuple[str, str]], *, no_headers: bool) -> None:
        self._headers = [name for name, _ in columns]
        try:
            self._paths = [jsonpath.compile(jsonpath.relaxed(path)) for _, path in columns]
        except jsonpath.JsonPathError as error:
            raise CliError(str(error)) from error
        self._headed = no_headers
        self._aligner = Aligner()

    def __call__(self, tree: Tree) -> str:
        rows = [] if self._headed else [self._headers]
        self._headed = True
        items = tree["items"] if isinstance(tree.get("items"), list) else [tree]
        rows += [[_cell(path, item) for path in self._paths] for item in items]
        return self._aligner.lay_out(rows)


def _cell(path: jsonpath.JsonPath, item: Tree) -> str:
    try:
        values: list[Any] = path.find(item)
    except jsonpath.JsonPathError:
        values = []
    return ",".join("<nil>" if value is None else go_value(value) for value in values) if values else "<none>"


def _from_spec(spec: str) -> list[tuple[str, str]]:
    columns: list[tuple[str, str]] = []
    for part in spec.split(","):
        name, colon, path = part.partition(":")
        if not colon or not name or not path:
            raise CliError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        columns.append((name, path))
    return columns


def _from_file(path: str) -> list[tuple[str, str]]:
    """Headers in the first line, paths in the second."""
    try:
        with open(path, encoding="utf-8") as file:
            headers, paths = file.readline().split(), file.readline().split()
    except OSError as error:
        raise CliError(f"error reading template {path}, open {path}: {(error.strerror or '').lower()}") from error
    if len(headers) != len(paths):
        raise CliError(f"number of headers ({len(headers)}) and field specifications ({len(paths)}) don't match")
    return list(zip(headers, paths, strict=True))
