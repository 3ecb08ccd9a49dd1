"""The message that an answer is written as, by its apiVersion and kind."""

from __future__ import annotations

from functools import cache
from typing import Final

from navarch.schema import facts
from navarch.schema.types import Field, List, Struct

_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
#: Answers of discovery that name no apiVersion.
_UNVERSIONED: Final = ("APIVersions", "APIResourceList")


@cache
def message_type(api_version: str, kind: str) -> Struct | None:
    """None for kinds that have no message: custom resources, tables."""
    if api_version.startswith("meta.k8s.io/"):
        return _metadata_forms().get(kind)
    name = facts.load().type_name(api_version or "v1", kind)
    if name is None or (not api_version and kind not in _UNVERSIONED):
        return None
    return facts.load().type(name)


@cache
def _metadata_forms() -> dict[str, Struct]:
    """Objects and lists reduced to their metadata, whose types are in no document of the API."""
    known = facts.load()
    object_meta = Field(known.type(_META + "ObjectMeta"), number=1, presence="always")
    partial = Struct("PartialObjectMetadata", {"metadata": object_meta})
    list_meta = Field(known.type(_META + "ListMeta"), number=1, presence="always")
    items = Field(List(partial), number=2, presence="always")
    return {
        "PartialObjectMetadata": partial,
        "PartialObjectMetadataList": Struct("PartialObjectMetadataList", {"metadata": list_meta, "items": items}),
    }
