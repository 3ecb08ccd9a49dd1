"""Which objects of a resource a request means: namespace, label selector and field selector.

A `Selection` is compiled once per request. It tells the store the narrowest range of keys, and then
accepts or refuses entries by their attributes alone.

    found = await selection.read(index)          # consistent, whatever is written meanwhile
    found.entries, found.revision
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from navarch.base import selector
from navarch.base.errors import bad_request
from navarch.server import slices
from navarch.server.options import ListOptions
from navarch.server.served import Served
from navarch.store.contract import Condition, Entry, Facet, Index

_METADATA_FIELDS = ("metadata.name", "metadata.namespace")

#: Asks for what is there when it is looked up.
NEWEST: Final = -1


class Selected(NamedTuple):
    """What a selection meant at a revision."""

    entries: list[Entry]
    revision: int


class Selection:
    """Compiled selection of one request. Raises: StatusError 400 for selectors that do not parse or
    that name a field which the kind does not select by."""

    __slots__ = ("_exact", "_fields", "_labels", "_served", "key", "name", "namespace")

    def __init__(self, served: Served, namespace: str, options: ListOptions) -> None:
        self._served = served
        self.namespace = namespace
        #: Set when a field selector pins metadata.name.
        self.name = ""
        try:
            self._labels = selector.parse_labels(options.label_selector) if options.label_selector else None
            requirements = selector.parse_fields(options.field_selector).requirements if options.field_selector else ()
        except ValueError as error:
            raise bad_request(str(error)) from None
        #: (field, value, wanted): wanted False for `!=`.
        self._fields: list[tuple[str, str, bool]] = []
        self._exact: tuple[str, str] | None = None
        for requirement in requirements:
            self._add_field(requirement.field, requirement.operator, requirement.value)
        #: Equal for selections of one resource that mean the same objects.
        self.key = (self.namespace, options.label_selector, options.field_selector)

    def _add_field(self, field: str, operator: str, value: str) -> None:
        wanted = operator != "!="
        if field == "metadata.name" and wanted and not self.name:
            self.name = value
        elif field == "metadata.namespace" and not self._has_namespace:
            raise bad_request(unknown_field(field, self._served))
        elif field == "metadata.namespace" and wanted and self.namespace in ("", value):
            self.namespace = value
        else:
            known = self._served.kind.fields
            if field not in known and field not in _METADATA_FIELDS:
                raise bad_request(unknown_field(field, self._served))
            if wanted and field in known and self._exact is None:
                self._exact = (field, value)
            self._fields.append((field, value, wanted))

    @property
    def _has_namespace(self) -> bool:
        """Kinds that say themselves what they are selected by do not name what they have not."""
        return self._served.kind.namespaced or not _declares_fields(self._served)

    @property
    def everything(self) -> bool:
        """Whether the range of keys alone decides."""
        return self._labels is None and not self._fields and not self.name

    @property
    def pin(self) -> tuple[Facet, str] | None:
        """A property and the one value that all selected objects have of it, the rarest first; None if there
        is none. Events are dispatched by it."""
        served = self._served
        if self.name:
            namespaced = served.kind.namespaced
            return (_NAME, self.name) if namespaced and not self.namespace else (_KEY, self.prefix + self.name)
        if self._exact is not None:
            field, value = self._exact
            return _field(served, field), value
        for requirement in self._labels.requirements if self._labels is not None else ():
            if requirement.operator in ("=", "==", "in") and len(requirement.values) == 1:
                return _label(served, requirement.key), requirement.values[0]
        return (_NAMESPACE, self.namespace) if self.namespace and served.kind.namespaced else None

    @property
    def prefix(self) -> str:
        """The range of keys that the namespace leaves."""
        return self._served.namespace_prefix(self.namespace if self._served.kind.namespaced else "")

    async def read(self, index: Index, start: str = "", revision: int = NEWEST, limit: int = 0) -> Selected:
        """The selected entries from key `start` on, as of `revision`; at most `limit` of them (0: all).

        Never holds the event loop for long: between looking at some and looking at more it lets others go on.
        Raises: Compacted."""
        prefix, conditions = self.prefix, self._conditions()
        while conditions and not index.catch_up(prefix, conditions, slices.SIZE):
            await slices.others()
        at = index.revision if revision == NEWEST else revision
        if self.everything:
            return Selected(index.range_at(prefix, at, start, limit), at)
        if self._is_one:
            found: list[Entry] | None = index.range_at(prefix, at, max(start, prefix + self.name), 1)
        else:
            found = index.select(prefix, conditions, start, at)
        if found is None:
            return Selected(await self._scanned(index, start, at, limit), at)
        chosen: list[Entry] = []
        async for some in slices.of(found):
            chosen += await self._matching(some)
            if limit and len(chosen) >= limit:
                break
        return Selected(chosen[:limit] if limit else chosen, at)

    @property
    def _is_one(self) -> bool:
        """Whether at most one object is meant, whose key is known."""
        return bool(self.name) and (bool(self.namespace) or not self._served.kind.namespaced)

    async def _scanned(self, index: Index, start: str, revision: int, limit: int) -> list[Entry]:
        """What is selected of all entries of the range at a revision."""
        chosen: list[Entry] = []
        while True:
            some = index.range_at(self.prefix, revision, start, slices.SIZE)
            chosen += await self._matching(some)
            if len(some) < slices.SIZE or (limit and len(chosen) >= limit):
                return chosen[:limit] if limit else chosen
            start = some[-1].key + "\0"
            await slices.others()

    async def _matching(self, entries: Sequence[Entry]) -> list[Entry]:
        if self._fields:
            # Fields are read from converted objects.
            await self._served.ready([entry.value for entry in entries])
        return [entry for entry in entries if self.matches(entry)]

    def _conditions(self) -> list[Condition]:
        """What an index can look up of the selection. Converted objects show what they are only later."""
        served = self._served
        if served.conversion is not None or self._is_one:
            return []
        conditions: list[Condition] = [(_NAME, (self.name,))] if self.name else []
        for requirement in self._labels.requirements if self._labels is not None else ():
            if requirement.operator in ("=", "==", "in"):
                conditions.append((_label(served, requirement.key), requirement.values))
            elif requirement.operator == "exists":
                conditions.append((_label(served, requirement.key), None))
        for field, value, wanted in self._fields:
            if wanted and field in served.kind.fields:
                conditions.append((_field(served, field), (value,)))
        return conditions

    def in_range(self, key: str) -> bool:
        """Whether the key lies in the selection's namespace."""
        return key.startswith(self.prefix)

    def matches(self, entry: Entry) -> bool:
        """Whether an entry of the range is selected."""
        if self.name and entry.key.rpartition("/")[2] != self.name:
            return False
        if self._labels is None and not self._fields:
            return True
        attrs = self._served.attrs(entry)
        if self._labels is not None and not self._labels.matches(attrs.labels):
            return False
        return all((self._value(entry, field) == value) == wanted for field, value, wanted in self._fields)

    def _value(self, entry: Entry, field: str) -> str:
        if field in _METADATA_FIELDS:
            parts = entry.key.split("/")
            if field == "metadata.name":
                return parts[-1]
            return parts[-2] if self._served.kind.namespaced else ""
        return self._served.attrs(entry).fields[field]


_KEY = Facet("key", lambda entry: entry.key)
_NAME = Facet("name", lambda entry: entry.key.rpartition("/")[2])
_NAMESPACE = Facet("namespace", lambda entry: entry.key.split("/", 2)[1])


def _label(served: Served, key: str) -> Facet:
    return Facet(f"label {key}", lambda entry: served.attrs(entry).labels.get(key))


def _field(served: Served, name: str) -> Facet:
    # Versions of a kind may read a field of one name from different places.
    return Facet(f"field {served.api_version} {name}", lambda entry: served.attrs(entry).fields[name])


def unknown_field(field: str, served: Served) -> str:
    if _declares_fields(served):
        return f"field label not supported: {field}"
    return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _declares_fields(served: Served) -> bool:
    return bool(served.kind.fields) or not served.builtin
