"""The write path of one object: the file to read first.

Every create, update, patch and apply goes through the same steps:

    decode the tree -> read current -> merge -> prune and default -> managed fields ->
    mutating admission -> prepare (status is not yours; generation) -> validate with all errors ->
    validating admission -> compare-and-swap in the store; on conflict, again from "read current"

Nothing here knows a kind by name: what differs per kind stands in its declaration (`api/kind.py`),
in admission plug-ins, and in `reactions.py` for what needs the store (addresses of Services).

Source: apiserver `registry/rest` and `registry/generic/registry/store.go` for the order of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import orjson

from navarch.api.kind import Kind
from navarch.api.owners import without_repeats
from navarch.api.strategy import carry
from navarch.api.validation.metadata import metadata_update_errors
from navarch.api.validation.objects import create_errors, update_errors
from navarch.api.validation.wide import first_errors
from navarch.base.errors import MODIFIED, StatusError, already_exists, bad_request, conflict, not_found
from navarch.base.field import FieldError, ToleratedError, invalid, invalid_value
from navarch.base.times import format_time
from navarch.schema import managed_fields
from navarch.schema.decode import stated, stored
from navarch.schema.types import Tree
from navarch.seams.contract import Seams
from navarch.server.admission.contract import CREATE, UPDATE, Attributes, Chain
from navarch.server.field_versions import FieldVersions, judged
from navarch.server.options import WriteOptions
from navarch.server.reactions import Reactions
from navarch.server.served import Served
from navarch.store.contract import Entry, RevisionConflict, Store
from navarch.wire.messages import User

#: How often a patch is tried again on the newest object. Source: apiserver handlers, MaxRetryWhenPatchConflicts.
PATCH_TRIES = 5

#: Tries to find a free generated name. Source: apiserver registry store, maxNameGenerationCreateAttempts.
NAME_TRIES = 8

#: Generated names are cut to this before the random suffix. Source: apiserver storage/names.
GENERATE_BASE_MAX = 58
GENERATE_SUFFIX = 5


@dataclass(slots=True)
class Write:
    """One write request, as all steps see it."""

    served: Served
    namespace: str
    name: str
    subresource: str
    user: User
    options: WriteOptions
    #: Who owns the fields that this write sets.
    manager: str
    warnings: list[str]
    #: What stands in for the kind's own rules where a subresource has others: (new, old) -> errors.
    check: Callable[[Tree, Tree], list[FieldError]] | None = None
    #: For the audit log; None where nobody keeps one.
    annotations: dict[str, str] | None = None
    #: For a subresource that writes one part of an object: (new, a copy of the old) -> what is stored.
    carry: Callable[[Tree, Tree], Tree] | None = None
    #: Does the new tree still hold empty lists and maps of the request that are not stored (`canon.ASKED`)?
    as_asked: bool = False
    #: May the object have more mistakes than an answer tells (`validation/wide.py`)?
    wide: bool = False
    #: What admission sees instead of the object.
    lens: Lens | None = None
    #: Has admission seen the request already (`Pipeline.ask`)?
    admitted: bool = False


@dataclass(frozen=True, slots=True)
class Lens:
    """Another kind as which a subresource shows its object, and in which admission sees it."""

    served: Served
    show: Callable[[Tree], Tree]
    #: Writes what was shown, and admission changed, back into the object.
    put: Callable[[Tree, Tree], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write left. `tree` and `value` show the same object; a dry run has no entry in the store."""

    value: bytes
    created: bool = False
    deleted: bool = False


#: Where Kubernetes keeps objects in etcd, if not under the plural: shown in one message.
_STORED_AT = {
    "services": "services/specs",
    "endpoints": "services/endpoints",
    "nodes": "minions",
    "replicationcontrollers": "controllers",
    "ingresses.networking.k8s.io": "ingress",
    "apiservices.apiregistration.k8s.io": "apiregistration.k8s.io/apiservices",
    "customresourcedefinitions.apiextensions.k8s.io": "apiextensions.k8s.io/customresourcedefinitions",
}

#: Makes the new tree from one of the current object: from a fresh one that it may change, or, where it
#: says that it `shares`, from the one that the new tree is compared with. That one it leaves as it is, and
#: root fields that do not change stay the very objects that they are, which spares all later steps a look.
Change = Callable[[Tree], Tree]


class Pipeline:
    """Carries writes out on one store."""

    def __init__(self, store: Store, seams: Seams, chain: Chain, reactions: Reactions) -> None:
        self._store = store
        self._seams = seams
        self._chain = chain
        self._reactions = reactions

    # --- create

    async def create(self, write: Write, tree: Tree, *, applied: bool = False) -> Outcome:
        """Store a new object. `tree` is pruned and defaulted; with `applied` its managed fields stand.

        Raises: StatusError 400, 403, 409, 422 and whatever admission answers.
        """
        generate = tree["metadata"].get("generateName", "")
        generated = bool(generate) and not tree["metadata"].get("name")
        for attempt in range(NAME_TRIES):
            if generated:
                tree["metadata"]["name"] = self._generate_name(generate)
            last = attempt == NAME_TRIES - 1 or not generated
            try:
                return await self._create_once(write, tree if last else _copy(tree), applied=applied)
            except StatusError as error:
                if last or error.reason != "AlreadyExists":
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _create_once(self, write: Write, tree: Tree, *, applied: bool) -> Outcome:
        served = write.served
        self._fill_metadata(write, tree)
        _dedup_owners(write, tree)
        if not applied:
            await self._own_fields(write, None, tree)
        attributes = self._attributes(CREATE, write, tree, None)
        try:
            await self._chain.admit(attributes)
            served.kind.prepare_create(tree)
            if served.kind.has_generation:
                tree["metadata"]["generation"] = 1
            self._reactions.of(write).before_create(write, tree)
            errors = self._create_errors(write, tree)
            if errors:
                raise invalid(served.kind.kind, served.kind.home_group, tree["metadata"].get("name", ""), errors)
            self._warn(write, tree, None)
            await self._chain.validate(attributes)
            served.kind.complete(tree)
            _settle(write, tree, None)
            key = served.key(write.namespace, tree["metadata"]["name"])
            return await self._put_new(write, key, tree)
        except BaseException:
            self._reactions.of(write).abandon(tree)
            raise

    async def _put_new(self, write: Write, key: str, tree: Tree) -> Outcome:
        served = write.served
        name = tree["metadata"]["name"]
        if tree["metadata"].pop("resourceVersion", "") and not write.options.dry_run:
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        existing = self._store.index.get(key)
        if existing is None and write.options.dry_run:
            self._reactions.of(write).abandon(tree)
            return Outcome(_without_revision(served, tree), created=True)
        try:
            if existing is not None:
                raise RevisionConflict(key, existing)
            document = served.document(tree) if served.conversion is None else await served.stored(tree)
            entry = await self._store.put(key, document, 0, served.kind.ttl_s)
        except RevisionConflict as lost:
            raise _exists(served, name, lost.current) from None
        self._reactions.of(write).settle(tree)
        if served.conversion is not None:
            await served.ready([entry.value])
        return Outcome(served.show(entry.value), created=True)

    def _generate_name(self, base: str) -> str:
        return base[:GENERATE_BASE_MAX] + self._seams.rng.suffix(GENERATE_SUFFIX)

    def _fill_metadata(self, write: Write, tree: Tree) -> None:
        """What the server sets on a new object, and what a client may not."""
        metadata = tree["metadata"]
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
            metadata.pop(field, None)
        metadata["uid"] = self._seams.rng.uuid()
        metadata["creationTimestamp"] = format_time(self._seams.clock.now())
        if write.namespace:
            metadata["namespace"] = write.namespace

    # --- update, patch, apply

    async def change(
        self, write: Write, change: Change, *, tries: int, applied: bool = False, shares: bool = False
    ) -> Outcome:
        """Replace the current object by what `change` makes of it; the whole is tried again on a lost
        race as long as `tries` allow. Raises: StatusError 404, 409, 422 and whatever admission answers.
        """
        served = write.served
        key = served.key(write.namespace, write.name)
        while True:
            current = self._store.index.get(key)
            if current is None:
                raise not_found(served.plural, write.name, served.group)
            if served.conversion is not None:
                await served.ready([current.value])
            old = served.tree(current.value)
            if shares and served.builtin and not served.converts:
                tree = _unshared(change(old), old)
            else:
                tree = await judged(partial(_changed, change, served, current.value))
            tries -= 1
            outcome = await self._change_once(write, current, old, tree, applied=applied)
            if outcome is not None:
                return outcome
            if tries <= 0:
                raise conflict(served.plural, write.name, MODIFIED, served.group)

    async def _change_once(
        self, write: Write, current: Entry, old: Tree, tree: Tree, *, applied: bool
    ) -> Outcome | None:
        """One try; None if the race was lost."""
        served = write.served
        kind = served.kind
        asked = tree["metadata"].get("resourceVersion", "")
        if asked not in ("", "0") and asked != old["metadata"]["resourceVersion"]:
            raise conflict(served.plural, write.name, MODIFIED, served.group)
        _carry_metadata(tree, old)
        _dedup_owners(write, tree)
        if not applied:
            await self._own_fields(write, old, tree)
        attributes = None if write.admitted else self._attributes(UPDATE, write, tree, old)
        try:
            if attributes is not None:
                await self._admit_change(write, attributes, tree)
            self._prepare(write, tree, old)
            self._reactions.of(write).before_update(write, tree, old)
            errors = self._update_errors(write, tree, old)
            if errors:
                write.warnings.extend(str(error) for error in errors if isinstance(error, ToleratedError))
                errors = [error for error in errors if not isinstance(error, ToleratedError)]
            if errors:
                raise invalid(kind.kind, kind.home_group, write.name, errors)
            self._warn(write, tree, old)
            if attributes is not None:
                if write.lens is not None:
                    attributes.obj = write.lens.show(tree)
                await self._chain.validate(attributes)
            _settle(write, tree, old)
            outcome = await self._put_changed(write, current, old, tree)
        except BaseException:
            self._reactions.of(write).abandon(tree)
            raise
        return outcome

    async def _admit_change(self, write: Write, attributes: Attributes, tree: Tree) -> None:
        await self._chain.admit(attributes)
        if write.lens is not None and attributes.changed:
            write.lens.put(tree, attributes.tree)

    async def _put_changed(self, write: Write, current: Entry, old: Tree, tree: Tree) -> Outcome | None:
        served = write.served
        if tree == old and not served.outdated(current.value):
            self._reactions.of(write).abandon(tree)
            return Outcome(served.show(current.value))
        if write.options.dry_run:
            self._reactions.of(write).abandon(tree)
            return Outcome(_dump(served, tree))
        try:
            if _finished(served.kind, tree):
                await self._store.delete(current.key, current.revision)
                self._reactions.of(write).settle(tree)
                return Outcome(_dump(served, tree), deleted=True)
            document = served.document(tree) if served.conversion is None else await served.stored(tree)
            entry = await self._store.put(current.key, document, current.revision, served.kind.ttl_s)
        except RevisionConflict:
            self._reactions.of(write).abandon(tree)
            return None
        self._reactions.of(write).settle(tree)
        if served.conversion is not None:
            await served.ready([entry.value])
        return Outcome(served.show(entry.value))

    def _prepare(self, write: Write, tree: Tree, old: Tree) -> None:
        kind = write.served.kind
        if write.subresource == "status":
            if kind.prepare_status is not None:
                kind.prepare_status(tree, old)
            return
        if write.carry is not None:
            kept = write.carry(tree, _copy(old))
            # Who asked for more than that part owns it all the same.
            carry(kept["metadata"], tree["metadata"], "managedFields")
            tree.clear()
            tree.update(kept)
        elif kind.prepare_update is not None and not write.subresource:
            kind.prepare_update(tree, old)
        apart = ("metadata", "status") if write.served.status_apart else ("metadata",)
        settled = stored(write.served.node, tree, old) if write.as_asked else tree
        changed = _changed_beside(apart, settled, old) or kind.counted(tree) != kind.counted(old)
        if kind.has_generation and write.subresource != "binding" and changed:
            tree["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def _create_errors(self, write: Write, tree: Tree) -> list[FieldError]:
        if write.wide:
            return first_errors(partial(create_errors, write.served.kind), tree)
        return create_errors(write.served.kind, tree)

    def _update_errors(self, write: Write, tree: Tree, old: Tree) -> list[FieldError]:
        if write.wide:
            return first_errors(partial(self._errors, write), tree, old)
        return self._errors(write, tree, old)

    def _errors(self, write: Write, tree: Tree, old: Tree) -> list[FieldError]:
        kind = write.served.kind
        if write.subresource == "status":
            errors = metadata_update_errors(tree["metadata"], old["metadata"])
            return errors + (kind.validate_status(tree, old) if kind.validate_status is not None else [])
        if write.check is not None:
            return metadata_update_errors(tree["metadata"], old["metadata"]) + write.check(tree, old)
        return update_errors(kind, tree, old)

    async def ask(self, write: Write, form: Served, tree: Tree) -> Tree:
        """What admission makes of an object that is not stored: the Binding of a pod, say. Raises: StatusError."""
        attributes = self._attributes(CREATE, write, tree, None)
        attributes.apart = form
        await self._chain.admit(attributes)
        await self._chain.validate(attributes)
        return attributes.tree

    # --- shared steps

    async def _own_fields(self, write: Write, old: Tree | None, tree: Tree) -> None:
        served = write.served
        seen = _as_owned(write, tree, old)
        given = seen["metadata"].get("managedFields")
        now = format_time(self._seams.clock.now())
        reset = None if write.subresource == "status" else served.reset_fields()
        versions = FieldVersions(served)

        def own() -> Tree:
            if given is not None:
                seen["metadata"]["managedFields"] = given
            managed_fields.on_update(
                served.node,
                old,
                seen,
                write.manager,
                served.api_version,
                now,
                write.subresource,
                reset=reset,
                versions=versions,
            )
            return seen

        await judged(own)
        if seen is not tree:
            carry(tree["metadata"], seen["metadata"], "managedFields")

    def _attributes(self, operation: str, write: Write, tree: Tree, old: Tree | None) -> Attributes:
        lens = write.lens
        return Attributes(
            operation,
            write.served,
            write.namespace,
            write.name or tree["metadata"].get("name", ""),
            write.subresource,
            tree if lens is None else lens.show(tree),
            old if lens is None or old is None else lens.show(old),
            write.user,
            write.options.dry_run,
            write.warnings,
            write.annotations,
            apart=None if lens is None else lens.served,
        )

    def _warn(self, write: Write, tree: Tree, old: Tree | None) -> None:
        warnings = write.served.kind.warnings
        if warnings is not None:
            write.warnings.extend(warnings(tree, old))


def _dedup_owners(write: Write, tree: Tree) -> None:
    if warning := without_repeats(tree["metadata"]):
        write.warnings.append(warning)


def check_revision_given(write: Write, tree: Tree) -> None:
    """A PUT without resourceVersion where the kind does not allow it. Raises: StatusError 422."""
    served = write.served
    if served.kind.unconditional_update or tree["metadata"].get("resourceVersion", "0") not in ("", "0"):
        return
    error = invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
    raise invalid(served.plural, served.group, write.name, [error])


def check_uid(write: Write, tree: Tree, old: Tree) -> None:
    """A PUT that means another object of the same name. Raises: StatusError 409."""
    uid = tree["metadata"].get("uid", "")
    if uid and uid != old["metadata"].get("uid"):
        raise wrong_uid(write, uid, old["metadata"].get("uid", ""))


def wrong_uid(write: Write, asked: str, found: str) -> StatusError:
    served = write.served
    stored_at = _STORED_AT.get(served.kind.bucket, served.plural)
    key = f"/registry/{stored_at}/{write.namespace + '/' if write.namespace else ''}{write.name}"
    why = (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {asked}, UID in object meta: {found}"
    )
    return conflict(served.plural, write.name, why, served.group)


def check_place(write: Write, tree: Tree) -> None:
    """Name and namespace of the body against the URL's. Raises: StatusError 400."""
    metadata = tree["metadata"]
    if not write.served.kind.namespaced:
        metadata.pop("namespace", None)
    namespace = metadata.get("namespace", "")
    if namespace and namespace != write.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    name = metadata.get("name", "")
    if not write.name:
        return
    if not name:
        raise bad_request(
            f"the name of the object ({write.name} based on URL) was undeterminable: name must be provided"
        )
    if name != write.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({write.name})")


def _exists(served: Served, name: str, current: Entry | None) -> StatusError:
    error = already_exists(served.plural, name, served.group)
    if current is not None and orjson.loads(current.value)["metadata"].get("deletionTimestamp"):
        error.message = f"object is being deleted: {error.message}"
    return error


def _carry_metadata(tree: Tree, old: Tree) -> None:
    """What an update keeps whatever the client sent."""
    new_metadata, old_metadata = tree["metadata"], old["metadata"]
    new_metadata["resourceVersion"] = old_metadata["resourceVersion"]
    if "creationTimestamp" in old_metadata:
        new_metadata["creationTimestamp"] = old_metadata["creationTimestamp"]
    for field in ("namespace", "uid", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if field in old_metadata:
            new_metadata.setdefault(field, old_metadata[field])
    new_metadata.pop("selfLink", None)
    new_metadata.pop("generation", None)
    if "generation" in old_metadata:
        new_metadata["generation"] = old_metadata["generation"]


def _finished(kind: Kind, tree: Tree) -> bool:
    """Whether a deletion that waited for something has nothing left to wait for."""
    metadata = tree["metadata"]
    return bool(
        metadata.get("deletionTimestamp")
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not (kind.held is not None and kind.held(tree))
    )


def _changed_beside(apart: tuple[str, ...], tree: Tree, old: Tree) -> bool:
    """Whether anything but the fields `apart` differs."""
    return any(tree.get(name) != old.get(name) for name in tree.keys() | old.keys() if name not in apart)


def _as_owned(write: Write, tree: Tree, old: Tree | None) -> Tree:
    """The tree as its writer comes to own it: without what only the request held, and with what a form
    that is not the stored one shows of the object."""
    seen = stated(write.served.node, tree, old) if write.as_asked else tree
    kind = write.served.kind
    if kind.to_stored is None or kind.from_stored is None:
        return seen
    seen = _copy(seen)
    kind.to_stored(seen)
    kind.from_stored(seen)
    return seen


def _changed(change: Change, served: Served, value: bytes) -> Tree:
    """What a change makes of a fresh tree."""
    return change(served.tree(value))


def _unshared(tree: Tree, old: Tree) -> Tree:
    """The tree with root fields, labels and annotations of its own, whose values may still be those of
    `old`: the steps that follow set fields of these, and reach no deeper."""
    own = dict(tree)
    for name, item in tree.items():
        if old.get(name) is item and isinstance(item, dict):
            own[name] = dict(item)
    metadata = own["metadata"]
    for name in ("labels", "annotations"):
        if name in metadata:
            metadata[name] = dict(metadata[name])
    return own


def _settle(write: Write, tree: Tree, old: Tree | None) -> None:
    """Bring the tree into the form that is stored."""
    if write.as_asked:
        settled = stored(write.served.node, tree, old)
        tree.clear()
        tree.update(settled)


def _copy(tree: Tree) -> Tree:
    copied: Tree = orjson.loads(orjson.dumps(tree))
    return copied


def _dump(served: Served, tree: Tree) -> bytes:
    return served.dump({"kind": served.kind.kind, "apiVersion": served.api_version, **tree})


def _without_revision(served: Served, tree: Tree) -> bytes:
    tree["metadata"].pop("resourceVersion", None)
    return _dump(served, tree)
