"""Worlds for tests of pure reconcilers: views put into caches by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from navarch.client.cache import Cache
from navarch.control.intents import Create, Delete, Intent, Patch
from navarch.control.world import Source, World
from navarch.schema.types import Tree


def world(contents: dict[Source[Any], list[Tree]], started_at: float = 0.0) -> World:
    """A world with these trees; uid and resourceVersion are filled in where missing."""
    caches: dict[Source[Any], Cache[Any]] = {}
    for source, trees in contents.items():
        cache: Cache[Any] = Cache(source.view, source.indexes)
        for number, tree in enumerate(trees):
            metadata = {
                "uid": f"{source.resource.plural}-{tree['metadata']['name']}",
                "resourceVersion": str(number + 1),
            }
            whole = {**tree, "metadata": {**metadata, **tree["metadata"]}}
            cache.put(msgspec.json.decode(orjson.dumps(whole), type=source.view))
        cache.revision = 1000
        caches[source] = cache
    return World(caches, started_at)


def creates(intents: tuple[Intent, ...]) -> list[Tree]:
    return [i.tree for i in intents if isinstance(i, Create)]


def patches(intents: tuple[Intent, ...], subresource: str = "") -> list[Any]:
    return [i.patch for i in intents if isinstance(i, Patch) and i.subresource == subresource]


def deleted(intents: tuple[Intent, ...]) -> list[str]:
    return [i.key.name for i in intents if isinstance(i, Delete)]
