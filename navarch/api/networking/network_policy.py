"""NetworkPolicy: which traffic pods accept and send."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import age, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each, fill_pointer, struct
from navarch.api.kind import Column, Kind
from navarch.api.validation.network_policies import network_policy_errors
from navarch.base.selector import format_label_selector
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Pod-Selector",
        "podSelector selects the pods to which this NetworkPolicy object applies. The array of rules "
        "is applied to any pods selected by this field. An empty selector matches all pods in the "
        "policy's namespace. Multiple network policies can select the same set of pods. In this case,"
        " the ingress rules for each are combined additively. This field is optional. If it is not "
        "specified, it defaults to an empty selector.",
    ),
    AGE,
)


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in each(spec, "ingress", "egress"):
        for port in each(rule, "ports"):
            fill_pointer(port, "protocol", "TCP")


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    return [name(tree), format_label_selector(spec.get("podSelector")), age(tree, now)]


KIND = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="NetworkPolicy",
    plural="networkpolicies",
    singular="networkpolicy",
    namespaced=True,
    type_name="io.k8s.api.networking.v1.NetworkPolicy",
    short_names=("netpol",),
    storage_version_hash="YpfwF18m1G8=",
    columns=COLUMNS,
    has_generation=True,
    default=_default,
    cells=_cells,
    validate=network_policy_errors,
)
