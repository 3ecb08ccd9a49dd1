"""Ingress: HTTP routes from outside to Services."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status, keep_status, reset_status

COLUMNS = (
    NAME,
    Column("Class", "The name of the IngressClass resource that should be used for additional configuration"),
    Column("Hosts", "Hosts that incoming requests are matched against before the ingress rule"),
    Column("Address", "Address is a list containing ingress points for the load-balancer"),
    Column("Ports", "Ports of TLS configurations that open"),
    AGE,
)


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
)
