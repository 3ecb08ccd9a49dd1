"""`kubectl get --watch`: what is there, then every change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from navarch.cli.flags import Options
from navarch.cli.output.tables import Aligner, cells, header
from navarch.cli.rest import JSON, TABLE
from navarch.cli.selection import selector_query
from navarch.cli.session import Session
from navarch.cli.verbs.get import Wanted, fetch, object_printer, table_options

if TYPE_CHECKING:
    from navarch.schema.types import Tree


def watch(session: Session, options: Options, wanted: Wanted) -> int:
    """Print until the server or --request-timeout ends it. Raises: ApiError."""
    as_table = options.output in ("", "wide") and not options.template
    accept = TABLE if as_table else JSON
    shown = _Rows(session, options, wanted) if as_table else _Objects(session, options)
    listed = fetch(session, options, wanted, accept=accept)
    version = (listed.get("metadata") or {}).get("resourceVersion", "")
    if wanted.name and as_table and listed.get("rows"):
        version = listed["rows"][0]["object"]["metadata"]["resourceVersion"]
    if not options.watch_only:
        shown.show("ADDED", listed)
        session.out.flush()
    query = [*selector_query(options), ("resourceVersion", version)]
    if wanted.name:
        query.append(("fieldSelector", f"metadata.name={wanted.name}"))
    path = wanted.resource.path(wanted.namespace)
    for event in session.client.watch(path, query, accept=accept):
        if event["type"] not in ("BOOKMARK", "ERROR"):
            shown.show(event["type"], event["object"])
            session.out.flush()
    return 0


class _Rows:
    """Tables, one after the other in the same columns."""

    def __init__(self, session: Session, options: Options, wanted: Wanted) -> None:
        self._session = session
        self._style = table_options(options, wanted, several=False)
        self._events = options.output_watch_events
        self._aligner = Aligner()
        self._columns: list[Tree] = []
        self._headed = options.no_headers

    def show(self, event: str, table: Tree) -> None:
        self._columns = table.get("columnDefinitions") or self._columns
        rows: list[list[str]] = []
        if not self._headed and table.get("rows"):
            self._headed = True
            rows.append(self._prefixed("EVENT", header(self._columns, self._style)))
        rows += [self._prefixed(event, cells(self._columns, row, self._style)) for row in table.get("rows") or []]
        self._session.write(self._aligner.lay_out(rows))
        self._session.out.flush()

    def _prefixed(self, event: str, row: list[str]) -> list[str]:
        return [event, *row] if self._events else row


class _Objects:
    """Whole objects in the form of `-o`."""

    def __init__(self, session: Session, options: Options) -> None:
        self._session = session
        self._print = object_printer(session, options)
        self._events = options.output_watch_events

    def show(self, event: str, tree: Tree) -> None:
        items = tree.get("items")
        if isinstance(items, list):
            kind = {"apiVersion": tree.get("apiVersion"), "kind": str(tree.get("kind", "")).removesuffix("List")}
            for item in items:
                self._one(event, {**kind, **item})
        else:
            self._one(event, tree)

    def _one(self, event: str, tree: Tree) -> None:
        self._session.write(self._print({"type": event, "object": tree} if self._events else tree))
