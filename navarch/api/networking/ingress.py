"""Ingress: HTTP routes from outside to Services."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, addresses, age, at, joined, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import each
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status
from navarch.api.validation.balancer_status import ingress_status_errors
from navarch.api.validation.ingress import ingress_errors, new_ingress_errors
from navarch.api.warnings import ingress_warnings
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column("Class", "The name of the IngressClass resource that should be used for additional configuration"),
    Column("Hosts", "Hosts that incoming requests are matched against before the ingress rule"),
    Column("Address", "Address is a list containing ingress points for the load-balancer"),
    Column("Ports", "Ports of TLS configurations that open"),
    AGE,
)


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    hosts = [rule["host"] for rule in each(spec, "rules") if rule.get("host")]
    return [
        name(tree),
        spec.get("ingressClassName") or NONE,
        joined(hosts) or "*",
        ",".join(addresses(at(tree, "status", "loadBalancer"))),
        "80, 443" if spec.get("tls") else "80",
        age(tree, now),
    ]


KIND = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="Ingress",
    plural="ingresses",
    singular="ingress",
    namespaced=True,
    type_name="io.k8s.api.networking.v1.Ingress",
    short_names=("ing",),
    subresources=(status_of("Ingress"),),
    storage_version_hash="39NQlfNR+bo=",
    columns=COLUMNS,
    prepare_create=reset_status({"loadBalancer": {}}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status,
    has_generation=True,
    cells=_cells,
    revalidates_metadata=True,
    validate_new=new_ingress_errors,
    validate=ingress_errors,
    validate_status=ingress_status_errors,
    warnings=ingress_warnings,
)
