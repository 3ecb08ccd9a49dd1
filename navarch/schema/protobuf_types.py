"""The message that an answer is written as, by its apiVersion and kind."""

from __future__ import annotations

from functools import cache
from typing import Final

from navarch.schema import facts
from navarch.schema.types import STRING, Field, List, Struct

_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
#: Answers of discovery that name no apiVersion.
_UNVERSIONED: Final = ("APIVersions", "APIResourceList")


@cache
def message_type(api_version: str, kind: str) -> Struct | None:
    """None for kinds that have no message: custom resources, tables."""
    if api_version.startswith("meta.k8s.io/"):
        return _metadata_forms().get(kind)
    if api_version == "apidiscovery.k8s.io/v2":
        return _discovery() if kind == "APIGroupDiscoveryList" else None
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


@cache
def _discovery() -> Struct:
    """Everything that is served, in one list. Source: `api/apidiscovery/v2/generated.proto`."""
    known = facts.load()
    texts = List(STRING)
    names = ("group", "version", "kind")
    kind = Struct("GroupVersionKind", {name: _text(number) for number, name in enumerate(names, 1)})
    response = Field(kind, number=2)
    subresource = Struct(
        "APISubresourceDiscovery",
        {
            "subresource": _text(1),
            "responseKind": response,
            "acceptedTypes": Field(List(kind), number=3),
            "verbs": Field(texts, number=4),
        },
    )
    resource = Struct(
        "APIResourceDiscovery",
        {
            "resource": _text(1),
            "responseKind": response,
            "scope": _text(3),
            "singularResource": _text(4),
            "verbs": Field(texts, number=5),
            "shortNames": Field(texts, number=6),
            "categories": Field(texts, number=7),
            "subresources": Field(List(subresource), number=8),
        },
    )
    version = Struct(
        "APIVersionDiscovery",
        {"version": _text(1), "resources": Field(List(resource), number=2), "freshness": _text(3)},
    )
    object_meta = Field(known.type(_META + "ObjectMeta"), number=1, presence="always")
    group = Struct("APIGroupDiscovery", {"metadata": object_meta, "versions": Field(List(version), number=2)})
    list_meta = Field(known.type(_META + "ListMeta"), number=1, presence="always")
    return Struct("APIGroupDiscoveryList", {"metadata": list_meta, "items": Field(List(group), number=2)})


def _text(number: int) -> Field:
    return Field(STRING, number=number, presence="always")
