"""What a kind is: everything about an API type that its schema does not say.

One file per kind (`api/<group>/<kind>.py`) builds one `Kind`; `catalog.py` lists them all. The
server, discovery, OpenAPI, tables and clients derive from this declaration; nothing else needs to
be touched to add a kind.

All functions here are pure: they take trees (plain dicts) and change only what they are handed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from navarch.base import names
from navarch.base.field import FieldError
from navarch.base.resource import Resource
from navarch.schema.types import Tree

#: The verbs of an ordinary resource, sorted as discovery shows them.
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the server-side Table. `priority` above 0 shows only in `-o wide`."""

    name: str
    description: str
    type: str = "string"
    format: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Subresource:
    """A subresource as discovery lists it. Group and version are empty where they are the parent's."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""


def status_of(kind: str) -> Subresource:
    """The status subresource of a kind."""
    return Subresource("status", kind, ("get", "patch", "update"))


SCALE = Subresource("scale", "Scale", ("get", "patch", "update"), group="autoscaling", version="v1")


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the scale subresource finds its three values: dotted paths into the parent."""

    replicas: str = "spec.replicas"
    status_replicas: str = "status.replicas"
    selector: str = "spec.selector"


def no_cells(_tree: Tree, _now: float) -> list[Any]:
    return []


def nothing(_tree: Tree) -> None:
    return None


def no_errors(_tree: Tree) -> list[FieldError]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The declaration of one kind in one version."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    #: Name of the type in the fact tables, `io.k8s.api.core.v1.Pod`.
    type_name: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    storage_version_hash: str = ""
    #: Text of a Warning header that goes with every answer about a deprecated kind.
    deprecation: str = ""
    scale: Scale | None = None

    # --- presentation
    #: All columns, NAME included (it is not the first one for events). `cells` gives the values of
    #: all of them, in column order; `now` is seconds since the epoch.
    columns: tuple[Column, ...] = ()
    cells: Callable[[Tree, float], list[Any]] = no_cells

    #: The order of a Table's rows, where that is not the order of names.
    table_order: Callable[[Tree], Any] | None = None
    #: Annotations that only stand in for fields of other versions: a Table's metadata goes without them.
    stand_ins: frozenset[str] = frozenset()

    # --- the write path, in the order in which it is called
    #: Defaults that need code; constant ones come from the fact tables first.
    default: Callable[[Tree], None] = nothing
    #: Drop what a client may not set at creation (status), set what the server sets. The metadata
    #: carries name, namespace, uid and creationTimestamp already.
    prepare_create: Callable[[Tree], None] = nothing
    #: Defaults of a new object that show only when it was read back, so that nobody judges them.
    complete: Callable[[Tree], None] = nothing
    #: (new, old): carry over what an update may not touch (status).
    prepare_update: Callable[[Tree, Tree], None] | None = None
    #: (new, old): on a status write, carry over everything but the status.
    prepare_status: Callable[[Tree, Tree], None] | None = None
    #: Errors of a new object only, named before those of `validate`.
    validate_new: Callable[[Tree], list[FieldError]] = no_errors
    #: All errors, in Kubernetes' order, the metadata's excepted.
    validate: Callable[[Tree], list[FieldError]] = no_errors
    #: (new, old): errors of the change; `validate` has run on the new tree as Kubernetes orders it.
    validate_update: Callable[[Tree, Tree], list[FieldError]] | None = None
    #: Does Kubernetes name what an update may not change before all other faults?
    change_first: bool = False
    #: Does an update name the faults of the metadata that a creation would, once more?
    revalidates_metadata: bool = False
    validate_status: Callable[[Tree, Tree], list[FieldError]] | None = None
    #: (new, old): all errors on updates, `validate` included, for kinds that judge only what changed.
    validate_change: Callable[[Tree, Tree], list[FieldError]] | None = None
    #: (new, old or None): texts of Warning headers.
    warnings: Callable[[Tree, Tree | None], Sequence[str]] | None = None
    #: Rule for metadata.name: returns messages, empty when the name is right.
    name_errors: Callable[[str], list[str]] = names.dns1123_subdomain_errors

    # --- selection
    #: Field selectors beside metadata.name and metadata.namespace, read from the stored form.
    fields: Mapping[str, Callable[[Tree], str]] = field(default_factory=dict)

    # --- behaviour of updates and deletes
    create_on_update: bool = False
    #: May a PUT leave out metadata.resourceVersion?
    unconditional_update: bool = True
    #: Does DELETE answer the object instead of a Status?
    delete_returns_object: bool = False
    #: (tree, seconds asked for or None) -> seconds to wait before the object goes. None: goes at once.
    grace_period_s: Callable[[Tree, int | None], int] | None = None
    #: Is there something beside metadata.finalizers that must go before the object may?
    held: Callable[[Tree], bool] | None = None
    #: What else changes in an object when its deletion begins (a Namespace's phase).
    mark_deleted: Callable[[Tree], None] | None = None
    #: Does spec change bump metadata.generation? Kinds without it show no generation.
    has_generation: bool = False
    #: What of the metadata is wanted state too: a change of it counts as one of the spec.
    counted: Callable[[Tree], Any] = nothing
    #: Seconds until the store drops the object by itself (events).
    ttl_s: float | None = None

    #: The root fields that a writer of the object itself does not come to own, where that is not
    #: just the status.
    unowned: frozenset[str] | None = None
    #: Does DELETE without a policy leave dependents behind, as for the kinds that predate policies?
    orphans_by_default: bool = False

    # --- storage
    #: A kind that shows another kind's stored objects in its own form: the plural.group of that
    #: kind, and the two conversions. Both mutate in place.
    stored_as: str = ""
    to_stored: Callable[[Tree], None] | None = None
    from_stored: Callable[[Tree], None] | None = None

    @property
    def resource(self) -> Resource:
        return Resource(self.group, self.version, self.plural, self.kind, self.namespaced)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def home_group(self) -> str:
        """The group of the form in which objects are kept and judged: events.k8s.io keeps core events."""
        return self.stored_as.partition(".")[2] if self.stored_as else self.group

    @property
    def bucket(self) -> str:
        """Where the store keeps its objects: `pods`, `deployments.apps`."""
        if self.stored_as:
            return self.stored_as
        return f"{self.plural}.{self.group}" if self.group else self.plural
