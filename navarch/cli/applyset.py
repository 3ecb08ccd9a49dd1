"""ApplySets: `apply --prune --applyset=[RESOURCE[.GROUP]/]NAME`, if KUBECTL_APPLYSET is set.

A parent object notes which kinds and namespaces its members have; members carry the parent's id as a label. Before the
objects are applied the parent names the old and the new kinds, so that an interrupted run loses nothing, and afterwards
the new ones alone.

Source: KEP-3659; kubectl `cmd/apply/applyset.go` (error texts, field manager).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from navarch.cli import writes
from navarch.cli.errors import ApiError, CliError
from navarch.cli.flags import Options
from navarch.cli.manifest import Manifest
from navarch.cli.output import printer
from navarch.cli.resources import Resource
from navarch.cli.selection import Found, items_of, list_all
from navarch.cli.session import Session
from navarch.cli.verbs.version import CLIENT
from navarch.schema.types import Tree

TOOL = "kubectl"
TOOLING = "applyset.kubernetes.io/tooling"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"
KINDS = "applyset.kubernetes.io/contains-group-kinds"
ID = "applyset.kubernetes.io/id"
PART_OF = "applyset.kubernetes.io/part-of"
PARENT_TYPE = "applyset.kubernetes.io/is-parent-type"
_USUAL_PARENTS = ("secrets", "configmaps")


def validate(options: Options) -> None:
    """Raises: CliError for flags that do not go together."""
    if not options.prune:
        raise CliError("--applyset requires --prune")
    if options.force:
        raise CliError("--force cannot be used with --prune")
    for given, name in (
        (options.all, "all"),
        (options.selector, "selector"),
        (options.prune_allowlist, "prune-allowlist"),
    ):
        if given:
            raise CliError(f"--{name} is incompatible with --applyset")


class ApplySet:
    """The set that `--applyset` names. Raises: CliError if that cannot be a parent."""

    def __init__(self, session: Session, options: Options) -> None:
        self._session = session
        self._options = options
        word, slash, name = options.applyset.rpartition("/")
        if not name:
            raise CliError(f'invalid parent reference "{options.applyset}": name cannot be blank')
        self._parent = session.resources.find(word if slash else "secrets")
        self._name = name
        self._namespace = session.namespace if session.namespace_given and self._parent.namespaced else ""
        self._shown = f"{self._parent.plural}.{self._parent.group}/{name}"
        self._old_kinds: set[str] = set()
        self._old_namespaces: set[str] = set()
        self._new_kinds: set[str] = set()
        self._new_namespaces: set[str] = set()
        self._applied: set[str] = set()
        self._check_parent_type()

    @property
    def id(self) -> str:
        """The label's value: a hash of the parent's name, namespace, kind and group."""
        text = ".".join((self._name, self._namespace, self._parent.kind, self._parent.group))
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        return f"applyset-{digest}-v1"

    def begin(self, items: Iterator[Manifest | CliError]) -> Iterator[Manifest | CliError]:
        """The items with the label of the set, after the parent notes what it has had and is going to have.

        Raises: CliError if one of them cannot be read, ApiError.
        """
        members = [self._member(item) for item in items]
        self._read_parent()
        for item in members:
            self._new_kinds.add(_group_kind(item.resource))
            if item.namespace:
                self._new_namespaces.add(item.namespace)
        self._write_parent(self._old_kinds | self._new_kinds, self._old_namespaces | self._new_namespaces)
        yield from members

    def saw(self, namespace: str, tree: Tree) -> None:
        """The run has applied this object."""
        self._applied.add((tree.get("metadata") or {}).get("uid", ""))

    def candidates(self) -> Iterator[Found]:
        """Members on the server that were not applied. Raises: CliError."""
        query = [("labelSelector", f"{PART_OF}={self.id}")]
        for kind in sorted(self._old_kinds):
            resource = self._resource(kind)
            for namespace in sorted(self._old_namespaces) if resource.namespaced else ("",):
                for found in items_of(resource, list_all(self._session, resource, namespace, query)):
                    if found.tree["metadata"].get("uid") not in self._applied:
                        yield found

    def end(self) -> None:
        """Note on the parent what it has now. Raises: CliError, ApiError."""
        self._write_parent(self._new_kinds, self._new_namespaces)

    def _member(self, item: Manifest | CliError) -> Manifest:
        if isinstance(item, CliError):
            raise item
        metadata = dict(item.tree.get("metadata") or {})
        labels = metadata.get("labels") or {}
        if PART_OF in labels:
            raise CliError(f'ApplySet label "{PART_OF}" already set in input data')
        metadata["labels"] = {**labels, PART_OF: self.id}
        return item._replace(tree={**item.tree, "metadata": metadata})

    def _check_parent_type(self) -> None:
        parent = self._parent
        if parent.namespaced and not self._namespace:
            raise CliError("namespace is required to use namespace-scoped ApplySet")
        if not parent.group and parent.plural in _USUAL_PARENTS:
            return
        definitions = self._session.resources.find("customresourcedefinitions.apiextensions.k8s.io")
        listed = list_all(self._session, definitions, "", [("labelSelector", PARENT_TYPE)])
        if not any(found.name == parent.qualified for found in items_of(definitions, listed)):
            shown = f"{parent.group}/{parent.version}, Resource={parent.plural}"
            raise CliError(
                f'resource "{shown}" is not permitted as an ApplySet parent (CRD needs "{PARENT_TYPE}" label)'
            )

    def _read_parent(self) -> None:
        try:
            tree = self._session.client.get(self._path).tree()
        except ApiError as error:
            if error.reason != "NotFound":
                raise
            if self._parent.group or self._parent.plural not in _USUAL_PARENTS:
                raise CliError("custom resource ApplySet parents cannot be created automatically") from error
            return
        metadata = tree["metadata"]
        annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
        what = f'ApplySet parent object "{self._shown}"'
        if TOOLING not in annotations:
            raise CliError(f'{what} already exists and is missing required annotation "{TOOLING}"')
        tool = annotations[TOOLING].rpartition("/")[0] or annotations[TOOLING]
        if tool != TOOL:
            raise CliError(f'{what} already exists and is managed by tooling "{tool}" instead of "{TOOL}"')
        if ID not in labels:
            raise CliError(f"{what} exists and does not have required label {ID}")
        if labels[ID] != self.id:
            raise CliError(
                f'{what} exists and has incorrect value for label "{ID}" (got: {labels[ID]}, want: {self.id})'
            )
        if KINDS not in annotations:
            raise CliError(f'kubectl requires the "{KINDS}" annotation to be set on all ApplySet parent objects')
        self._old_kinds = _words(annotations[KINDS])
        self._old_namespaces = _words(annotations.get(NAMESPACES, "")) | {self._namespace} - {""}

    def _write_parent(self, kinds: set[str], namespaces: set[str]) -> None:
        if printer.dry_run(self._options) == "client":
            return
        annotations = {
            TOOLING: f"{TOOL}/{CLIENT['gitVersion']}",
            KINDS: ",".join(sorted(kinds)),
            NAMESPACES: ",".join(sorted(namespaces - {self._namespace})),
        }
        metadata: Tree = {"name": self._name, "labels": {ID: self.id}, "annotations": annotations}
        tree: Tree = {"apiVersion": self._parent.api_version, "kind": self._parent.kind, "metadata": metadata}
        if self._namespace:
            metadata["namespace"] = self._namespace
        query = [("fieldManager", f"{TOOL}-applyset")]
        if printer.dry_run(self._options) == "server":
            query.append(("dryRun", "All"))
        try:
            self._apply(tree, [*query, ("force", "false")])
        except ApiError as error:
            if error.reason != "Conflict":
                raise CliError(f"failed to update ApplySet: {error.message}") from error
            self._apply(tree, [*query, ("force", "true")])

    def _apply(self, tree: Tree, query: list[tuple[str, str]]) -> None:
        self._session.client.request("PATCH", self._path, query, tree, content_type=writes.APPLY)

    @property
    def _path(self) -> str:
        return self._parent.path(self._namespace, self._name)

    def _resource(self, group_kind: str) -> Resource:
        kind, _, group = group_kind.partition(".")
        rows = self._session.resources.all()
        for row in rows:
            if row.preferred and (row.kind, row.group) == (kind, group):
                return row
        raise CliError(
            f'parsing ApplySet annotation on "{self._shown}": could not find mapping for kind in "{KINDS}" annotation: '
            f'no matches for kind "{kind}" in group "{group}"'
        )


def _group_kind(resource: Resource) -> str:
    return f"{resource.kind}.{resource.group}" if resource.group else resource.kind


def _words(text: str) -> set[str]:
    return set(text.split(",")) - {""}
