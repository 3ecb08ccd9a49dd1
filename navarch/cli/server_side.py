"""`kubectl apply --server-side` of one object, and the move from client-side apply to it.

What client-side apply wrote belongs to its manager for ever unless somebody hands it over: after the first apply the
fields of that manager become those of `kubectl`, and the object is applied once more, so that fields that the file no
longer has go.

Source: kubectl `cmd/apply/apply.go`, client-go `util/csaupgrade`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from navarch.cli import writes
from navarch.cli.errors import ApiError, CliError
from navarch.cli.flags import Options
from navarch.cli.manifest import Manifest
from navarch.cli.output import printer
from navarch.cli.session import Session

if TYPE_CHECKING:
    from navarch.schema.types import Tree

CLIENT_MANAGER = "kubectl-client-side-apply"
SERVER_MANAGER = "kubectl"
#: Owns the annotation of client-side apply, so that it stays when the rest is handed over.
_ANNOTATION_MANAGER = "kubectl-last-applied"
_TRIES = 5
_CONFLICT_ADVICE = (
    "Please review the fields above--they currently have other managers. Here\n"
    "are the ways you can resolve this warning:\n"
    "* If you intend to manage all of these fields, please re-run the apply\n"
    "  command with the `--force-conflicts` flag.\n"
    "* If you do not intend to manage all of the fields, please edit your\n"
    "  manifest to remove references to the fields that should keep their\n"
    "  current managers.\n"
    "* You may co-own fields by updating your manifest to match the existing\n"
    "  value; in this case, you'll become the manager if the other manager(s)\n"
    "  stop managing the field (remove it from their configuration).\n"
    "See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"
)


def apply(session: Session, options: Options, item: Manifest) -> Tree:
    """What the server has then. Raises: ApiError, CliError."""
    done = _request(session, options, item)
    if printer.dry_run(options) == "none" and not options.subresource and _hand_over(session, options, item, done):
        done = _request(session, options, item)
    return done


def _request(session: Session, options: Options, item: Manifest) -> Tree:
    query = [*writes.query(options)]
    if options.field_manager == CLIENT_MANAGER:
        query = [(name, SERVER_MANAGER if name == "fieldManager" else value) for name, value in query]
    query.append(("force", "true" if options.force_conflicts else "false"))
    tree = writes.in_namespace(item.tree, item.namespace)
    path = f"{item.path}/{options.subresource}" if options.subresource else item.path
    try:
        return session.client.request("PATCH", path, query, tree, content_type=writes.APPLY).tree()
    except ApiError as error:
        if error.reason == "Conflict" and (error.status.get("details") or {}).get("causes"):
            raise CliError(f"{error.message}\n{_CONFLICT_ADVICE}") from error
        raise error.during("patching", item.source) if error.reason == "BadRequest" else error from error


def _hand_over(session: Session, options: Options, item: Manifest, done: Tree) -> bool:
    """Whether the fields of client-side apply had to change hands."""
    manager = SERVER_MANAGER if options.field_manager == CLIENT_MANAGER else options.field_manager
    if not _client_side(done):
        return False
    try:
        if manager == SERVER_MANAGER:
            done = _keep_annotation(session, item, done)
        for _ in range(_TRIES):
            try:
                return _upgrade(session, item, done, manager)
            except ApiError as error:
                if error.reason != "Conflict":
                    raise
                done = session.client.get(item.path).tree()
    except ApiError as error:
        session.complain(f"Warning: server-side apply field manager migration failed: {error.message}")
    return False


def _keep_annotation(session: Session, item: Manifest, done: Tree) -> Tree:
    """Apply the annotation alone, in the name of a manager that has nothing else."""
    if not writes.has_last_applied(done) or _owners(done, "Apply"):
        return done
    value = done["metadata"]["annotations"][writes.LAST_APPLIED]
    metadata: Tree = {"name": item.name, "annotations": {writes.LAST_APPLIED: value}}
    if item.namespace:
        metadata["namespace"] = item.namespace
    alone = {"apiVersion": item.resource.api_version, "kind": item.resource.kind, "metadata": metadata}
    query = [("fieldManager", _ANNOTATION_MANAGER), ("force", "false")]
    return session.client.request("PATCH", item.path, query, alone, content_type=writes.APPLY).tree()


def _upgrade(session: Session, item: Manifest, done: Tree, manager: str) -> bool:
    old = done["metadata"].get("managedFields") or []
    new = upgraded(old, _client_side(done), manager)
    if new == old:
        return False
    body = [
        {"op": "replace", "path": "/metadata/managedFields", "value": new},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": done["metadata"]["resourceVersion"]},
    ]
    session.client.request("PATCH", item.path, (), body, content_type=writes.JSON_PATCH)
    return True


def upgraded(entries: list[Tree], clients: set[str], manager: str) -> list[Tree]:
    """The managed fields with what the clients' updates own given to the applies of `manager`."""
    moving = [entry for entry in entries if _is_update_of(entry, clients)]
    staying = [entry for entry in entries if not _is_update_of(entry, clients)]
    if not moving:
        return entries
    own = [
        e for e in staying if (e.get("manager"), e.get("operation")) == (manager, "Apply") and not e.get("subresource")
    ]
    target = own[0] if own else {**moving[0], "manager": manager, "operation": "Apply"}
    fields: Tree = target.get("fieldsV1") or {}
    for entry in moving:
        fields = _union(fields, entry.get("fieldsV1") or {})
    merged = {**target, "fieldsV1": fields}
    return [merged if entry is target else entry for entry in (staying if own else [*staying, target])]


def _client_side(tree: Tree) -> set[str]:
    """Who wrote the annotation by updates: `kubectl-client-side-apply`, or what --field-manager called it."""
    usual = {CLIENT_MANAGER} & {entry.get("manager") for entry in tree["metadata"].get("managedFields") or []}
    return usual | _owners(tree, "Update")


def _owners(tree: Tree, operation: str) -> set[str]:
    """The managers that own the annotation of client-side apply by this operation."""
    found = set()
    for entry in tree["metadata"].get("managedFields") or []:
        metadata = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
        owned = metadata.get("f:annotations") or {}
        if entry.get("operation") == operation and f"f:{writes.LAST_APPLIED}" in owned:
            found.add(entry["manager"])
    return found


def _is_update_of(entry: Tree, managers: set[str]) -> bool:
    return entry.get("operation") == "Update" and entry.get("manager") in managers and not entry.get("subresource")


def _union(one: Any, other: Any) -> Any:
    out = dict(one)
    for key, value in other.items():
        out[key] = _union(out[key], value) if key in out else value
    return out
