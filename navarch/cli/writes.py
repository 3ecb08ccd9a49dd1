"""Requests that change objects, with the options that such commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options
from navarch.cli.output import printer
from navarch.cli.resources import Resource
from navarch.cli.rest import JSON, Answer
from navarch.cli.session import Session

if TYPE_CHECKING:
    from navarch.schema.types import Tree


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

VALIDATE = Flag("validate", default="strict", bare="strict", help="strict, warn or ignore: what the server checks")
SAVE_CONFIG = Flag("save-config", kind="bool", help="Keep the configuration for a later apply in an annotation")

RECORD = Flag(
    "record",
    kind="bool",
    help="Note the command line in the annotation kubernetes.io/change-cause",
    deprecated="--record will be removed in the future",
)
_PROPAGATION = {
    "true": "Background", "background": "Background", "false": "Orphan", "orphan": "Orphan",
    "foreground": "Foreground",
}  # fmt: skip


def propagation(cascade: str) -> str:
    """The server's word for `--cascade`. Raises: CliError."""
    if cascade not in _PROPAGATION:
        raise CliError(f'invalid cascade value ({cascade}). Must be "background", "foreground", or "orphan"')
    return _PROPAGATION[cascade]


def field_manager(default: str) -> Flag:
    return Flag("field-manager", default=default, help="Name under which the server notes who owns fields")


def query(options: Options, *, validate: bool = True) -> list[tuple[str, str]]:
    """The parameters of a write. Raises: CliError."""
    found: list[tuple[str, str]] = []
    if hasattr(options, "dry_run") and printer.dry_run(options) == "server":
        found.append(("dryRun", "All"))
    if getattr(options, "field_manager", ""):
        found.append(("fieldManager", options.field_manager))
    if validate and hasattr(options, "validate"):
        found.append(("fieldValidation", validation(options.validate)))
    return found


def validation(text: str) -> str:
    """The server's word for `--validate`. Raises: CliError."""
    known = {"true": "Strict", "strict": "Strict", "warn": "Warn", "false": "Ignore", "ignore": "Ignore"}
    if text.lower() not in known:
        raise CliError(f"invalid - validate option {text} not in [true, strict, warn, false, ignore]")
    return known[text.lower()]


def create(session: Session, options: Options, resource: Resource, namespace: str, tree: Tree) -> Tree:
    """POST the object, without the version that a dumped one has; the server's answer. Raises: ApiError."""
    tree = session.recorded(tree)
    metadata = tree.get("metadata")
    if isinstance(metadata, dict) and "resourceVersion" in metadata:
        tree = {**tree, "metadata": {key: value for key, value in metadata.items() if key != "resourceVersion"}}
    return session.client.request("POST", resource.path(namespace), query(options), tree).tree()


def patch(
    session: Session,
    options: Options,
    path: str,
    body: Any,
    content_type: str = STRATEGIC,
    *,
    extra: tuple[tuple[str, str], ...] = (),
) -> Tree:
    """PATCH what is at the path. Raises: ApiError."""
    parameters = [*query(options, validate=False), *extra]
    if content_type in (STRATEGIC, MERGE) and isinstance(body, dict):
        body = session.recorded(body)
    return session.client.request("PATCH", path, parameters, body, content_type=content_type).tree()


def replace(session: Session, options: Options, path: str, tree: Tree) -> Tree:
    """PUT the object. Raises: ApiError."""
    return session.client.request("PUT", path, query(options), session.recorded(tree)).tree()


def delete(
    session: Session, path: str, *, dry: bool = False, grace_s: int | None = None, propagation: str = ""
) -> Answer:
    """DELETE what is at the path. Raises: ApiError."""
    body: Tree = {"kind": "DeleteOptions", "apiVersion": "v1"}
    if grace_s is not None:
        body["gracePeriodSeconds"] = grace_s
    if propagation:
        body["propagationPolicy"] = propagation
    if dry:
        body["dryRun"] = ["All"]
    return session.client.request("DELETE", path, (), body, content_type=JSON)


def last_applied(tree: Tree) -> str:
    """The configuration as the annotation keeps it: one line, without the annotation itself."""
    from navarch.cli.output.json import compact

    return compact(without_last_applied(tree)) + "\n"


def with_last_applied(tree: Tree) -> Tree:
    """The object with its own configuration in the annotation."""
    metadata = dict(tree.get("metadata") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), LAST_APPLIED: last_applied(tree)}
    return {**tree, "metadata": metadata}


def without_last_applied(tree: Tree) -> Tree:
    """The object as the annotation would keep it; a map of annotations is there even if it is empty."""
    metadata = tree.get("metadata") or {}
    kept = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != LAST_APPLIED}
    return {**tree, "metadata": {**metadata, "annotations": kept}}


def has_last_applied(tree: Tree) -> bool:
    return LAST_APPLIED in ((tree.get("metadata") or {}).get("annotations") or {})


def in_namespace(tree: Tree, namespace: str) -> Tree:
    """The object with its namespace written down, as requests need it."""
    if not namespace:
        return tree
    return {**tree, "metadata": {**(tree.get("metadata") or {}), "namespace": namespace}}
