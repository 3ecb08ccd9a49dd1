"""DELETE of one object and of collections.

An object goes at once, or is only marked: because its kind grants it time (Pods), because finalizers
hold it, or because the kind itself holds it (Namespaces with content). What was marked goes with the
update that removes the last hold (see pipeline.py).

Source: apiserver `registry/rest/delete.go` and `registry/generic/registry/store.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from navarch.api.kind import Kind
from navarch.base.errors import Details, StatusError, conflict, not_found
from navarch.base.times import format_time, parse
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server.admission.contract import DELETE, Attributes, Chain
from navarch.server.options import DeleteOptions
from navarch.server.served import Served
from navarch.store.contract import Entry, RevisionConflict, Store
from navarch.wire.messages import User

#: How long a kind grants: see `Kind.grace_period_s`.
GracePeriod = Callable[[Tree, int | None], int]

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


@dataclass(slots=True)
class Deletion:
    """One object to delete, as asked for by one user."""

    served: Served
    namespace: str
    name: str
    user: User
    options: DeleteOptions
    warnings: list[str]
    #: For the audit log; None where nobody keeps one.
    annotations: dict[str, str] | None = None
    #: Has admission seen the request that this follows from?
    admitted: bool = False


class Deleter:
    """Carries deletions out on one store."""

    def __init__(self, store: Store, clock: Clock, chain: Chain) -> None:
        self._store = store
        self._clock = clock
        self._chain = chain

    async def delete(self, deletion: Deletion) -> tuple[Tree, bool]:
        """The object as it is or was, and whether it is gone. Raises: StatusError 403, 404, 409."""
        served = deletion.served
        while True:
            entry = self._store.index.get(served.key(deletion.namespace, deletion.name))
            if entry is None:
                raise not_found(served.plural, deletion.name, served.group)
            await served.ready([entry.value])
            tree = served.tree(entry.value)
            _check_preconditions(deletion, tree)
            if not deletion.admitted:
                await self._chain.validate(self._attributes(deletion, tree))
            try:
                return await self._delete_once(deletion, entry, tree)
            except RevisionConflict:
                # Somebody wrote in between: look at the object again.
                continue

    async def _delete_once(self, deletion: Deletion, entry: Entry, tree: Tree) -> tuple[Tree, bool]:
        served, options = deletion.served, deletion.options
        before = orjson.loads(entry.value) if served.converts else served.tree(entry.value)
        self._mark(served.kind, tree, options)
        _set_finalizers(served.kind, tree["metadata"], options)
        metadata = tree["metadata"]
        if "deletionTimestamp" in metadata and "deletionTimestamp" not in before["metadata"]:
            _count_generation(metadata)
        if self._may_go(served.kind, tree):
            if not options.dry_run:
                gone = await self._store.delete(entry.key, entry.revision)
                metadata["resourceVersion"] = str(gone.revision)
            return tree, True
        if "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = format_time(self._clock.now())
            _count_generation(metadata)
        if served.kind.mark_deleted is None:
            metadata.setdefault("deletionGracePeriodSeconds", 0)
        if tree != before and not options.dry_run:
            document = await served.stored(tree)
            stored = await self._store.put(entry.key, document, entry.revision, served.kind.ttl_s)
            await served.ready([stored.value])
            tree = served.tree(stored.value)
        return tree, False

    def _mark(self, kind: Kind, tree: Tree, options: DeleteOptions) -> None:
        """Grant the time that the kind gives, and let the kind show that it is going."""
        metadata = tree["metadata"]
        if kind.grace_period_s is not None:
            self._grant(kind.grace_period_s, tree, options)
        if kind.mark_deleted is not None and "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = format_time(self._clock.now())
            kind.mark_deleted(tree)

    def _grant(self, grace_period_s: GracePeriod, tree: Tree, options: DeleteOptions) -> None:
        """Set the time of the end. Granted time can be shortened, never lengthened."""
        metadata, asked_s = tree["metadata"], options.grace_period_s
        if "deletionTimestamp" not in metadata:
            grace_s = grace_period_s(tree, asked_s)
            metadata["deletionTimestamp"] = format_time(self._clock.now() + grace_s)
            metadata["deletionGracePeriodSeconds"] = grace_s
            return
        granted = metadata.get("deletionGracePeriodSeconds", 0)
        if asked_s is None or asked_s >= granted:
            return
        end = parse(metadata["deletionTimestamp"]) - granted + asked_s
        metadata["deletionTimestamp"] = format_time(end)
        metadata["deletionGracePeriodSeconds"] = asked_s

    @staticmethod
    def _may_go(kind: Kind, tree: Tree) -> bool:
        metadata = tree["metadata"]
        if metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"):
            return False
        return kind.held is None or not kind.held(tree)

    @staticmethod
    def _attributes(deletion: Deletion, tree: Tree) -> Attributes:
        return Attributes(
            DELETE,
            deletion.served,
            deletion.namespace,
            deletion.name,
            "",
            None,
            tree,
            deletion.user,
            deletion.options.dry_run,
            deletion.warnings,
            deletion.annotations,
        )


def success(served: Served, tree: Tree) -> Tree:
    """The Status that answers a DELETE of a kind that does not show the object."""
    metadata = tree["metadata"]
    details = Details(metadata["name"], served.group, served.plural, metadata.get("uid", ""))
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details.to_dict()}


def _count_generation(metadata: Tree) -> None:
    """The beginning of a deletion is a change of what is wanted."""
    if "generation" in metadata:
        metadata["generation"] += 1


def _check_preconditions(deletion: Deletion, tree: Tree) -> None:
    options, metadata = deletion.options, tree["metadata"]
    if options.uid is not None and options.uid != metadata.get("uid"):
        raise _failed(
            deletion,
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({metadata.get('uid', '')}). The object might have been deleted and then recreated",
        )
    if options.resource_version is not None and options.resource_version != metadata["resourceVersion"]:
        raise _failed(
            deletion,
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({metadata['resourceVersion']}). The object might have been modified",
        )


def _failed(deletion: Deletion, why: str) -> StatusError:
    # Kubernetes names the kind here, not the resource.
    return conflict(deletion.served.kind.kind, deletion.name, why, deletion.served.group)


def _set_finalizers(kind: Kind, metadata: Tree, options: DeleteOptions) -> None:
    """The finalizers that make the garbage collector treat dependents as asked."""
    finalizers: list[str] = metadata.get("finalizers", [])
    orphan = options.orphan_dependents is True or options.propagation == "Orphan"
    foreground = options.propagation == "Foreground"
    decided = options.orphan_dependents is not None or bool(options.propagation)
    if not decided:
        # Without a policy an object keeps what an earlier delete asked for.
        if not kind.orphans_by_default or FOREGROUND in finalizers:
            return
        orphan = True
    kept = [f for f in finalizers if f not in (ORPHAN, FOREGROUND)]
    if orphan:
        kept.append(ORPHAN)
    elif foreground:
        kept.append(FOREGROUND)
    if set(kept) == set(finalizers):
        return
    if kept:
        metadata["finalizers"] = kept
    else:
        metadata.pop("finalizers", None)
