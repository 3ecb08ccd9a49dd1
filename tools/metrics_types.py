"""Facts of metrics.k8s.io/v1beta1, which no Kubernetes serves by itself: lines of the fact table as they are.

Source: the published protobuf definition of k8s.io/metrics.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_GROUP = "io.k8s.metrics.pkg.apis.metrics.v1beta1."
_META = "#io.k8s.apimachinery.pkg.apis.meta.v1."
_USAGE = [
    "usage",
    ["map", "#io.k8s.apimachinery.pkg.api.resource.Quantity"],
    {"r": 1, "p": "always", "g": "v1.ResourceList"},
]
_TYPE_META: list[Any] = [
    ["kind", "string", {"n": 1, "i": [["TypeMeta", 0]]}],
    ["apiVersion", "string", {"n": 2, "i": [["TypeMeta", 0]]}],
]


def rows() -> dict[str, Json]:
    """The lines by name."""
    container = [["name", "string", {"r": 1, "d": "", "n": 1, "p": "always"}], _numbered(_USAGE, 2)]
    containers = ["containers", ["list", f"#{_GROUP}ContainerMetrics"], {"r": 1, "n": 4, "p": "always"}]
    found = [
        {"name": _META[1:] + "Duration", "scalar": {"type": "string"}},
        {"name": f"{_GROUP}ContainerMetrics", "fields": container},
        *_kind("NodeMetrics", _numbered(_USAGE, 4)),
        *_kind("PodMetrics", containers),
    ]
    return {row["name"]: row for row in found}


def _kind(kind: str, measured: list[Any]) -> list[Json]:
    fields = [
        ["metadata", f"{_META}ObjectMeta", {"d": {}, "n": 1, "p": "always"}],
        ["timestamp", f"{_META}Time", {"r": 1, "n": 2, "p": "always"}],
        ["window", f"{_META}Duration", {"r": 1, "n": 3, "p": "always"}],
        measured,
    ]
    items = ["items", ["list", f"#{_GROUP}{kind}"], {"r": 1, "n": 2, "p": "always"}]
    metadata = ["metadata", f"{_META}ListMeta", {"d": {}, "n": 1, "p": "always"}]
    return [
        _row(kind, fields),
        _row(f"{kind}List", [metadata, items]),
    ]


def _row(kind: str, fields: list[Any]) -> Json:
    return {
        "name": _GROUP + kind,
        "gvk": [["metrics.k8s.io", "v1beta1", kind]],
        "fields": [*_TYPE_META, *fields],
    }


def _numbered(field: list[Any], number: int) -> list[Any]:
    name, node, options = field
    return [name, node, {**options, "n": number}]
