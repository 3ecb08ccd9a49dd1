"""What a CustomResourceDefinition declares, as kinds that the server can serve.

`kinds_of` and `served_of` are pure: from the definition's tree to one kind per served version. The
definitions are followed, and made to appear, by `definitions.py`.

All versions of a definition share one bucket, in which objects lie in the storage version. With the
conversion strategy None versions differ in apiVersion only; with Webhook see `conversion.py`.

Source: apiextensions v1 (CustomResourceDefinitionSpec), apiextensions-apiserver `registry/customresource`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from navarch.api import cells, fields
from navarch.api.columns import NAME
from navarch.api.kind import SCALE, Column, Kind, Scale, Subresource, status_of
from navarch.api.strategy import carry
from navarch.base import jsonpath, times
from navarch.base.field import FieldError
from navarch.schema import structural
from navarch.schema.types import Struct, Tree
from navarch.server.conversion import Conversion
from navarch.server.served import Served

#: The order in which discovery shows the verbs of custom resources.
VERBS: Final = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")

_AGE: Final = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def bucket_of(crd: Tree) -> str:
    """Where the store keeps the objects of a definition: also the definition's own name."""
    spec = crd["spec"]
    return f"{spec['names']['plural']}.{spec['group']}"


def served_of(crd: Tree, conversion: Conversion | None = None) -> list[Served]:
    """The served versions, as declared. Empty for a definition whose names are not accepted."""
    names = (crd.get("status") or {}).get("acceptedNames") or {}
    if not names.get("plural") or not names.get("kind"):
        return []
    versions = crd["spec"]["versions"]
    family = [_served(crd, version, names, conversion) for version in versions]
    for served in family:
        served.family = family
    return [served for served, version in zip(family, versions, strict=True) if version.get("served")]


def storage_of(crd: Tree) -> Served:
    """The version in which objects are stored, whether it is served or not. It is without conversion."""
    version = next(v for v in crd["spec"]["versions"] if v.get("storage"))
    return _served(crd, version, crd["spec"]["names"])


def schema_of(crd: Tree, version: str) -> Tree:
    """The OpenAPI v3 schema of one version."""
    found = next(v for v in crd["spec"]["versions"] if v["name"] == version)
    schema: Tree = (found.get("schema") or {}).get("openAPIV3Schema") or {}
    return schema


def webhook_of(crd: Tree) -> Tree | None:
    """The webhook that converts between the versions, None where there is none or nothing to convert."""
    conversion = crd["spec"].get("conversion") or {}
    if conversion.get("strategy") != "Webhook" or len(crd["spec"]["versions"]) == 1:
        return None
    webhook: Tree = conversion["webhook"]
    return webhook


def _served(crd: Tree, version: Tree, names: Tree, conversion: Conversion | None = None) -> Served:
    node = structural.compile_crd(schema_of(crd, version["name"]), names["kind"])
    kind = _kind(crd, version, names, node)
    return Served(kind, node, builtin=False, conversion=conversion, storage_version=_storage(crd))


def _storage(crd: Tree) -> str:
    name: str = next(v["name"] for v in crd["spec"]["versions"] if v.get("storage"))
    return name


def _kind(crd: Tree, version: Tree, names: Tree, node: Struct) -> Kind:
    spec = crd["spec"]
    declared = version.get("subresources") or {}
    with_status = "status" in declared
    storage = _storage(crd)
    columns = version.get("additionalPrinterColumns") or [_AGE]

    def default(tree: Tree) -> None:
        structural.drop_nulls(node, tree)
        structural.fill_defaults(node, tree)

    def from_stored(tree: Tree) -> None:
        structural.prune(node, tree)
        default(tree)

    def to_stored(tree: Tree) -> None:
        tree["apiVersion"] = f"{spec['group']}/{storage}"

    def validate(tree: Tree) -> list[FieldError]:
        return structural.validate(node, tree)

    def validate_change(new: Tree, old: Tree) -> list[FieldError]:
        return structural.validate(node, new, old)

    return Kind(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names.get("singular", ""),
        namespaced=spec["scope"] == "Namespaced",
        type_name="",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=VERBS,
        subresources=_subresources(declared, names["kind"]),
        storage_version_hash=_storage_hash(spec["group"], storage, names["kind"]),
        scale=_scale(declared.get("scale")),
        columns=(NAME, *(_column(column) for column in columns)),
        cells=_cells(columns),
        default=default,
        prepare_create=_drop_status if with_status else lambda tree: None,
        prepare_update=(lambda new, old: carry(new, old, "status")) if with_status else None,
        prepare_status=_only_status,
        validate=validate,
        validate_change=validate_change,
        validate_status=validate_change,
        deprecation=_deprecation(spec, version),
        fields={path.lstrip("."): fields.path(path.lstrip(".")) for path in _selectable(version)},
        unconditional_update=False,
        has_generation=True,
        stored_as=bucket_of(crd) if version["name"] != storage else "",
        from_stored=from_stored,
        to_stored=to_stored,
    )


def _deprecation(spec: Tree, version: Tree) -> str:
    if not version.get("deprecated"):
        return ""
    text: str = version.get("deprecationWarning", "")
    return text or f"{spec['group']}/{version['name']} {spec['names']['kind']} is deprecated"


def _selectable(version: Tree) -> list[str]:
    return [field["jsonPath"] for field in version.get("selectableFields") or ()]


def _subresources(declared: Tree, kind: str) -> tuple[Subresource, ...]:
    found = []
    if "status" in declared:
        found.append(status_of(kind))
    if "scale" in declared:
        found.append(SCALE)
    return tuple(found)


def _scale(declared: Tree | None) -> Scale | None:
    if declared is None:
        return None
    paths = (declared["specReplicasPath"], declared["statusReplicasPath"], declared.get("labelSelectorPath", ""))
    return Scale(*(path.lstrip(".") for path in paths))


def _storage_hash(group: str, version: str, kind: str) -> str:
    digest = hashlib.sha256(f"{group}/{version}/{kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _drop_status(tree: Tree) -> None:
    tree.pop("status", None)


def _only_status(new: Tree, old: Tree) -> None:
    """On a status write everything but the status, and who owns it, stays."""
    for key in (new.keys() | old.keys()) - {"status", "metadata"}:
        carry(new, old, key)
    managed = new["metadata"].get("managedFields")
    new["metadata"] = dict(old["metadata"])
    if managed is not None:
        new["metadata"]["managedFields"] = managed


# --- tables


def _column(declared: Tree) -> Column:
    path = declared["jsonPath"]
    description = declared.get("description") or f"Custom resource definition column (in JSONPath format): {path}"
    return Column(
        declared["name"], description, declared["type"], declared.get("format", ""), declared.get("priority", 0)
    )


def _cells(columns: Sequence[Tree]) -> Callable[[Tree, float], list[Any]]:
    paths = [(jsonpath.compile("{" + column["jsonPath"] + "}"), column["type"]) for column in columns]

    def row(tree: Tree, now: float) -> list[Any]:
        return [cells.name(tree), *(_cell(path, type_, tree, now) for path, type_ in paths)]

    return row


def _cell(path: jsonpath.JsonPath, type_: str, tree: Tree, now: float) -> Any:
    """One value; None where there is none or it is not of the column's type."""
    try:
        found = path.find(tree)
    except jsonpath.JsonPathError:
        return None
    if not found:
        return None
    value = found[0]
    if type_ == "string":
        return jsonpath.show(value)
    if type_ == "date":
        return _age(value, now)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "integer":
        return int(value) if is_number else None
    if type_ == "number":
        return value if is_number else None
    return value if isinstance(value, bool) else None


def _age(value: Any, now: float) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return times.human_duration(now - times.parse(value))
    except ValueError:
        return "<invalid>"
