"""ConfigMap: configuration as named texts and bytes."""

from __future__ import annotations

from navarch.api.columns import AGE, NAME
from navarch.api.kind import Column, Kind

COLUMNS = (
    NAME,
    Column(
        "Data",
        "Data contains the configuration data. Each key must consist of alphanumeric characters, '-',"
        " '_' or '.'. Values with non-UTF-8 byte sequences must use the BinaryData field. The keys "
        "stored in Data must not overlap with the keys in the BinaryData field, this is enforced "
        "during validation process.",
    ),
    AGE,
)


KIND = Kind(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    singular="configmap",
    namespaced=True,
    type_name="io.k8s.api.core.v1.ConfigMap",
    short_names=("cm",),
    storage_version_hash="qFsyl6wFWjQ=",
    columns=COLUMNS,
)
