"""Table columns that many kinds share, and the table of a kind that has no columns of its own."""

from __future__ import annotations

from typing import Any, Final

from navarch.api.kind import Column
from navarch.schema.types import Tree

NAME: Final = Column(
    "Name",
    "Name must be unique within a namespace. Is required when creating resources, although some resources "
    "may allow a client to request the generation of an appropriate name automatically. Name is primarily "
    "intended for creation idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
    format="name",
)

_CREATED: Final = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not "
    "guaranteed to be set in happens-before order across separate operations. Clients may not set this value. "
    "It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. "
    "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)

AGE: Final = Column("Age", _CREATED)
CREATED_AT: Final = Column("Created At", _CREATED, type="date")

#: For kinds without a table of their own.
PLAIN_COLUMNS: Final = (NAME, CREATED_AT)


def plain_cells(tree: Tree, _now: float) -> list[Any]:
    metadata = tree["metadata"]
    return [metadata.get("name", ""), metadata.get("creationTimestamp")]
