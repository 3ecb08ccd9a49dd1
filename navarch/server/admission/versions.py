"""A request seen in another version of its resource, for webhooks and policies that name that version."""

from __future__ import annotations

from dataclasses import replace

import orjson

from navarch.schema.types import Tree
from navarch.server.admission.contract import Attributes
from navarch.server.served import Served


async def seen_as(attributes: Attributes, served: Served) -> Attributes:
    """The same request with its objects converted; the very same for its own version. What a subresource takes
    apart from its resource has one version.

    Raises: StatusError 500 for a conversion that fails.
    """
    if served is attributes.served:
        return attributes
    if attributes.apart is not None:
        return replace(attributes, served=served, requested=attributes.requested or attributes.served)
    obj, old = [
        None if tree is None else await converted(tree, attributes.served, served)
        for tree in (attributes.obj, attributes.old)
    ]
    return replace(attributes, served=served, obj=obj, old=old, requested=attributes.requested or attributes.served)


async def converted(tree: Tree, source: Served, target: Served) -> Tree:
    """A new tree of the object in another version, by way of the stored form. Raises: StatusError 500."""
    revision = tree["metadata"].get("resourceVersion")
    # A copy: what is stored is made of the tree in place.
    whole: Tree = orjson.loads(orjson.dumps({"kind": source.kind.kind, "apiVersion": source.api_version, **tree}))
    document = await source.stored(whole)
    await target.ready([document])
    found = target.tree(document)
    if revision is None:
        found["metadata"].pop("resourceVersion", None)
    else:
        found["metadata"]["resourceVersion"] = revision
    return found
