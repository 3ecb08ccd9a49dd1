"""Secret: data that only few may read."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.fields import at
from navarch.api.kind import Column, Kind

COLUMNS = (
    NAME,
    Column(
        "Type",
        "Used to facilitate programmatic handling of secret data. More info: "
        "https://kubernetes.io/docs/concepts/configuration/secret/#secret-types",
    ),
    Column(
        "Data",
        "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or"
        " '.'. The serialized form of the secret data is a base64 encoded string, representing the "
        "arbitrary (possibly non-string) data value here. Described in "
        "https://tools.ietf.org/html/rfc4648#section-4",
    ),
    AGE,
)


KIND = Kind(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    singular="secret",
    namespaced=True,
    type_name="io.k8s.api.core.v1.Secret",
    storage_version_hash="S6u1pOWzb84=",
    columns=COLUMNS,
    fields={
        "type": at("type"),
    },
)
