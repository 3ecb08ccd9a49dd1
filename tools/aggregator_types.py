"""Facts of apiregistration.k8s.io/v1: its Go package is the only one that Debian does not carry.

(name, Go type, presence, protobuf number) in the order in which the server prints them.
Source: answers of a real API server, and the published protobuf definition.
"""

from __future__ import annotations

from go_types import GoField

_GROUP = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1."
_META = [("kind", "string", "omit", 1), ("apiVersion", "string", "omit", 2)]
_TABLE: dict[str, list[tuple[str, str, str, int]]] = {
    "APIService": [
        *_META,
        ("metadata", "v1.ObjectMeta", "always", 1),
        ("spec", "v1.APIServiceSpec", "always", 2),
        ("status", "v1.APIServiceStatus", "always", 3),
    ],
    "APIServiceList": [*_META, ("metadata", "v1.ListMeta", "always", 1), ("items", "[]v1.APIService", "always", 2)],
    "APIServiceSpec": [
        ("service", "v1.ServiceReference", "keep", 1),
        ("group", "string", "omit", 2),
        ("version", "string", "omit", 3),
        ("insecureSkipTLSVerify", "bool", "omit", 4),
        ("caBundle", "[]uint8", "omit", 5),
        ("groupPriorityMinimum", "int32", "always", 7),
        ("versionPriority", "int32", "always", 8),
    ],
    "APIServiceStatus": [("conditions", "[]v1.APIServiceCondition", "omit", 1)],
    "APIServiceCondition": [
        ("type", "v1.APIServiceConditionType", "always", 1),
        ("status", "v1.ConditionStatus", "always", 2),
        ("lastTransitionTime", "v1.Time", "always", 3),
        ("reason", "string", "omit", 4),
        ("message", "string", "omit", 5),
    ],
    "ServiceReference": [
        ("namespace", "string", "omit", 1),
        ("name", "string", "omit", 2),
        ("port", "int32", "keep", 3),
    ],
}


def fields(type_name: str) -> list[GoField] | None:
    """The fields of an aggregator type by its OpenAPI name, None for any other."""
    rows = _TABLE.get(type_name.removeprefix(_GROUP)) if type_name.startswith(_GROUP) else None
    return [GoField(*row, inline=(("TypeMeta", 0),) if row in _META else ()) for row in rows] if rows else None
