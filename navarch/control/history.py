"""ControllerRevisions: the remembered pod templates of DaemonSets and StatefulSets. Pure.

A revision's data is the patch that brings its template back, which is what `kubectl rollout undo` sends.

Source: Kubernetes' controller history.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from navarch.api.views.apps import ControllerRevision
from navarch.base.resource import Resource
from navarch.client.cache import HasMetadata, key_of
from navarch.control.intents import Create, Delete, Intent, Patch
from navarch.control.pods import owner_reference
from navarch.control.sources import CONTROLLERREVISIONS
from navarch.control.template_hash import template_hash
from navarch.schema.types import Tree

HASH_LABEL: Final = "controller-revision-hash"


def data_of(template: Tree) -> Tree:
    return {"spec": {"template": {**template, "$patch": "replace"}}}


def current(
    resource: Resource, owner: HasMetadata, template: Tree, known: Sequence[ControllerRevision], collisions: int
) -> tuple[str, list[Intent]]:
    """The hash of the present template, and what must be written for its revision to be the newest."""
    wanted = data_of(template)
    newest = max((r.revision for r in known), default=0)
    same = max((r for r in known if r.data == wanted), key=lambda r: r.revision, default=None)
    if same is not None:
        digest = same.metadata.labels.get(HASH_LABEL, "")
        if same.revision == newest:
            return digest, []
        # An older template came back: its revision becomes the newest.
        patch = {"revision": newest + 1}
        return digest, [Patch(CONTROLLERREVISIONS.resource, key_of(same), patch, uid=same.metadata.uid)]
    digest = template_hash(template, collisions)
    labels = (template.get("metadata") or {}).get("labels") or {}
    tree: Tree = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{owner.metadata.name}-{digest}",
            "namespace": owner.metadata.namespace,
            "labels": {**labels, HASH_LABEL: digest},
            # With them goes the cause of the change, which `kubectl rollout history` shows.
            **({"annotations": dict(owner.metadata.annotations)} if owner.metadata.annotations else {}),
            "ownerReferences": [owner_reference(resource, owner)],
        },
        "data": wanted,
        "revision": newest + 1,
    }
    return digest, [Create(CONTROLLERREVISIONS.resource, tree, owner.metadata.namespace)]


def surplus(known: Sequence[ControllerRevision], live: Collection[str], limit: int) -> list[Delete]:
    """Deletes of the oldest revisions beyond the limit that no pod uses. `live` are hashes in use."""
    unused = sorted((r for r in known if r.metadata.labels.get(HASH_LABEL) not in live), key=lambda r: r.revision)
    return [
        Delete(CONTROLLERREVISIONS.resource, key_of(r), r.metadata.uid) for r in unused[: max(len(unused) - limit, 0)]
    ]
