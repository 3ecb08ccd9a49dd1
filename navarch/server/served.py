"""The resources that a server serves, and what it derives from each kind's declaration once.

`Resources` is the table that requests are looked up in. Built-in kinds come from the catalog; CRDs
add and remove theirs at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from sys import intern
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from msgspec.json import Decoder

from navarch.api.fields import skeleton_decoder
from navarch.api.kind import Kind
from navarch.base.resource import Resource
from navarch.schema.types import Struct, Tree
from navarch.store.contract import Entry

if TYPE_CHECKING:
    from navarch.server.conversion import Conversion


class _Labels(msgspec.Struct, gc=False):
    labels: dict[str, str] | None = None


class _Metadata(msgspec.Struct, gc=False):
    metadata: _Labels


_labels_decoder = msgspec.json.Decoder(_Metadata)


class Attrs(msgspec.Struct, gc=False, eq=False):
    """What selectors need of a stored object, derived from its bytes at first use and kept with its
    entry, so that any number of lists and watchers pays once. Equal values are one text: thousands of
    objects have them."""

    served: Served
    _value: bytes
    _fields: dict[str, str] | None = None
    _labels: dict[str, str] | None = None
    #: Decoded forms of the object by their type, shared by all who watch it in this process.
    views: dict[type, Any] = msgspec.field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        if self._labels is None:
            labels = _labels_decoder.decode(self._value).metadata.labels or {}
            self._labels = {key: intern(value) for key, value in labels.items()}
        return self._labels

    @property
    def fields(self) -> dict[str, str]:
        """The selectable fields beside name and namespace."""
        if self._fields is None:
            value = self._value
            if self.served.conversion is not None:
                value = self.served.conversion.found(value, self.served)
            tree = self.served.fields_decoder.decode(value)
            self._fields = {name: intern(read(tree)) for name, read in self.served.kind.fields.items()}
        return self._fields


class Served:
    """One kind in one version as the server handles it."""

    __slots__ = (
        "_node",
        "api_version",
        "bucket",
        "builtin",
        "conversion",
        "family",
        "fields_decoder",
        "head",
        "kind",
        "list_head",
        "prefix",
        "resource",
        "status_apart",
        "storage_version",
    )

    def __init__(
        self,
        kind: Kind,
        node: Struct | Callable[[], Struct],
        *,
        builtin: bool = True,
        conversion: Conversion | None = None,
        storage_version: str = "",
    ) -> None:
        self.kind = kind
        self._node = node
        #: False for kinds that a CustomResourceDefinition declares.
        self.builtin = builtin
        #: What converts stored objects, for versions that differ by more than their name.
        self.conversion = conversion
        #: All versions of the kind, itself among them; those of a definition are there served or not.
        self.family: Sequence[Served] = ()
        #: The version that custom resources are stored in.
        self.storage_version = storage_version
        #: Whether the status has an endpoint of its own. Built-in kinds without one keep it out of sight.
        self.status_apart = builtin or any(s.name == "status" for s in kind.subresources)
        #: Decodes what the fields that objects are selected by are read from.
        self.fields_decoder = skeleton_decoder(kind.fields) if builtin else Decoder(dict[str, Any])
        self.resource: Resource = kind.resource
        self.bucket = kind.bucket
        self.prefix = kind.bucket + "/"
        self.api_version = kind.api_version
        #: How every stored document of this kind begins. Items of a list leave it out.
        self.head: bytes = b'{"kind":"%s","apiVersion":"%s",' % (kind.kind.encode(), kind.api_version.encode())
        self.list_head: bytes = b'{"kind":"%sList","apiVersion":"%s","metadata":{"resourceVersion":"' % (
            kind.kind.encode(),
            kind.api_version.encode(),
        )

    @property
    def node(self) -> Struct:
        """The schema. That of a built-in kind is put together when it is first needed: few need all."""
        if not isinstance(self._node, Struct):
            self._node = self._node()
        return self._node

    @property
    def plural(self) -> str:
        return self.kind.plural

    @property
    def group(self) -> str:
        return self.kind.group

    @property
    def converts(self) -> bool:
        """Whether stored objects must be converted before they are shown."""
        return self.kind.from_stored is not None

    def reset_fields(self) -> frozenset[str] | None:
        """Root fields that writers do not own, None for the usual ones (`managed_fields.on_update`)."""
        if self.kind.unowned is not None:
            return self.kind.unowned
        return None if self.status_apart else frozenset()

    def key(self, namespace: str, name: str) -> str:
        """The store key of an object."""
        return f"{self.prefix}{namespace}/{name}" if self.kind.namespaced else self.prefix + name

    def namespace_prefix(self, namespace: str) -> str:
        return f"{self.prefix}{namespace}/" if namespace else self.prefix

    def attrs(self, entry: Entry) -> Attrs:
        found: Attrs | None = entry.attrs
        # Versions of a custom resource and both kinds of events share entries, but select by different fields.
        if found is None or found.served is not self:
            found = entry.attrs = Attrs(self, entry.value)
        return found

    def views(self, entry: Entry) -> dict[type, Any]:
        """Where decoded forms of the object in this version are kept, for all who watch it in this process."""
        return {} if self.converts else self.attrs(entry).views

    def show(self, value: bytes) -> bytes:
        """A stored document as this version shows it."""
        if self.kind.from_stored is None:
            return value
        return self.dump(self.tree(value))

    def dump(self, tree: Tree) -> bytes:
        """The bytes of a whole object. Custom resources have sorted keys at all levels."""
        return orjson.dumps(tree) if self.builtin else orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)

    def tree(self, value: bytes) -> Tree:
        """A fresh tree of a stored document, in this version's form.

        Raises: StatusError 500 if the version has a conversion that was not made `ready` for it.
        """
        if self.conversion is not None:
            value = self.conversion.found(value, self)
        tree: Tree = orjson.loads(value)
        if self.kind.from_stored is not None:
            self.kind.from_stored(tree)
            tree["apiVersion"] = self.api_version
        return tree

    async def ready(self, values: Iterable[bytes]) -> None:
        """Return when `show` and `tree` can show all these documents. Raises: StatusError 500."""
        if self.conversion is not None:
            await self.conversion.ready(values, self)

    async def stored(self, tree: Tree) -> bytes:
        """The bytes to store, in the storage version. Raises: StatusError 500 for a failed conversion."""
        if self.conversion is not None:
            return await self.conversion.document(tree, self)
        return self.document(tree)

    def outdated(self, value: bytes) -> bool:
        """Whether a document lies in the store in another version than it would be written in now."""
        if self.builtin:
            return False
        version: str = orjson.loads(value)["apiVersion"]
        return version.rpartition("/")[2] != self.storage_version

    def document(self, tree: Tree) -> bytes:
        """The bytes to store: kind, apiVersion and metadata first, resourceVersion left empty.

        The tree is consumed: it may be changed.
        """
        if self.kind.to_stored is not None:
            self.kind.to_stored(tree)
        metadata: dict[str, Any] = tree["metadata"]
        metadata["resourceVersion"] = ""
        if not self.builtin:
            document = self.dump(tree)
            if document.count(b'"resourceVersion":"') == 1:
                return document
            # What looks like the object's revision must not precede it (store contract).
        ordered = {"kind": tree["kind"], "apiVersion": tree["apiVersion"], "metadata": _order(metadata)}
        for name, value in tree.items():
            if name not in ordered:
                ordered[name] = value
        return orjson.dumps(ordered)


#: Fields of ObjectMeta that come before labels and annotations, in the order of the wire.
_BEFORE_LABELS = ("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp")


def _order(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata with resourceVersion before anything that a client chooses freely (store contract)."""
    ordered = {name: metadata[name] for name in _BEFORE_LABELS if name in metadata}
    for name, value in metadata.items():
        if name not in ordered:
            ordered[name] = value
    return ordered


class Resources:
    """Served kinds by (group, version, plural)."""

    def __init__(self, served: Iterable[Served]) -> None:
        self._by_path: dict[tuple[str, str, str], Served] = {}
        self._by_bucket: dict[str, Served] = {}
        self._versions: dict[str, list[Served]] = {}
        #: Grows with every change, for those who derive something from the whole.
        self.generation = 0
        for one in served:
            self.add(one)

    def add(self, served: Served) -> None:
        kind = served.kind
        self.generation += 1
        self._by_path[kind.group, kind.version, kind.plural] = served
        self._versions.setdefault(served.bucket, []).append(served)
        if served.builtin:
            served.family = self._versions[served.bucket]
        if not kind.stored_as:
            self._by_bucket.setdefault(served.bucket, served)

    def remove(self, served: Served) -> None:
        kind = served.kind
        self.generation += 1
        self._by_path.pop((kind.group, kind.version, kind.plural), None)
        self._versions[served.bucket] = [s for s in self._versions[served.bucket] if s is not served]
        if self._by_bucket.get(served.bucket) is served:
            del self._by_bucket[served.bucket]

    def find(self, group: str, version: str, plural: str) -> Served | None:
        return self._by_path.get((group, version, plural))

    def by_bucket(self, bucket: str) -> Served | None:
        """The kind in the form in which the bucket's objects are stored."""
        return self._by_bucket.get(bucket)

    def versions(self, bucket: str) -> Sequence[Served]:
        """All forms in which the bucket's objects are served."""
        return self._versions.get(bucket, ())

    def __iter__(self) -> Iterator[Served]:
        return iter(self._by_path.values())
