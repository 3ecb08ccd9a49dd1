"""IngressClass: which controller handles an Ingress."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import fill_pointer
from navarch.api.kind import Column, Kind
from navarch.api.validation.ingress import ingress_class_errors, ingress_class_update_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Controller", "Controller that is responsible for handling this class"),
    Column("Parameters", "A reference to a resource with additional parameters"),
    AGE,
)


def _default(tree: Tree) -> None:
    if parameters := (tree.get("spec") or {}).get("parameters"):
        fill_pointer(parameters, "scope", "Cluster")


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    return [name(tree), spec.get("controller", ""), _parameters(spec.get("parameters")), age(tree, now)]


def _parameters(parameters: Tree | None) -> str:
    if not parameters:
        return NONE
    group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
    return f"{parameters.get('kind', '')}{group}/{parameters.get('name', '')}"


KIND = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="IngressClass",
    plural="ingressclasses",
    singular="ingressclass",
    namespaced=False,
    type_name="io.k8s.api.networking.v1.IngressClass",
    storage_version_hash="l/iqIbDgFyQ=",
    columns=COLUMNS,
    has_generation=True,
    default=_default,
    cells=_cells,
    validate=ingress_class_errors,
    validate_update=ingress_class_update_errors,
    change_first=True,
)
