"""What a controller can want: the vocabulary of plans. Values only; `execute.py` carries them out.

A plan is worked off in order and stops at the first intent that fails. Neighbouring creates of one
resource go out in slow-start batches, neighbouring deletes at once.

Worked example:
    Plan((Create(PODS.resource, tree, "default"), Delete(PODS.resource, key, uid=pod.metadata.uid)), requeue_after_s=5)
"""

from __future__ import annotations

from typing import Any

import msgspec

from navarch.api.views.pod import ObjectReference
from navarch.base.resource import ObjectKey, Resource
from navarch.client.contract import PatchType
from navarch.schema.types import Tree


class Event(msgspec.Struct, frozen=True):
    """Record a Kubernetes event. In events of writes `{name}` and `{error}` are filled in."""

    about: ObjectReference
    type: str
    reason: str
    message: str


class Create(msgspec.Struct, frozen=True):
    """Create `tree`; the server names it where it has only a generateName."""

    resource: Resource
    tree: Tree
    namespace: str = ""
    on_success: Event | None = None
    on_failure: Event | None = None


class Patch(msgspec.Struct, frozen=True):
    """Patch an object, or its subresource. `uid` and `resource_version` guard against another object
    of the same name and against lost updates. `by_update`: read, merge and PUT instead, for what the
    controller's role allows to update but not to patch. `manager`: who applies what, without regard to others;
    with the type APPLY."""

    resource: Resource
    key: ObjectKey
    patch: Any
    type: PatchType = PatchType.MERGE
    subresource: str = ""
    uid: str = ""
    resource_version: str = ""
    on_success: Event | None = None
    by_update: bool = False
    manager: str = ""


class Update(msgspec.Struct, frozen=True):
    """Replace a whole object. The tree carries the resourceVersion it was made from."""

    resource: Resource
    tree: Tree
    subresource: str = ""


class Delete(msgspec.Struct, frozen=True):
    """Delete an object. That it is gone already counts as success."""

    resource: Resource
    key: ObjectKey
    uid: str
    resource_version: str = ""
    grace_period_s: int | None = None
    propagation: str = ""
    on_success: Event | None = None
    on_failure: Event | None = None


class DeleteCollection(msgspec.Struct, frozen=True):
    """Delete all objects of a namespace. `expected` are those that the plan knew of."""

    resource: Resource
    namespace: str
    expected: tuple[tuple[ObjectKey, str], ...] = ()


class Look(msgspec.Struct, frozen=True):
    """Ask the server itself whether the object exists, and reconcile again with the answer in
    `World.seen`."""

    resource: Resource
    key: ObjectKey


class Ask(msgspec.Struct, frozen=True):
    """Ask the server whether somebody may do something, by a SubjectAccessReview with this `spec`, and
    reconcile again with the answer ("allowed" or "") in `World.seen`, under `key` of the review's resource."""

    resource: Resource
    key: ObjectKey
    spec: Tree


class List(msgspec.Struct, frozen=True):
    """List objects that cannot be watched, and reconcile again with the answer in `World.lists`."""

    resource: Resource
    namespace: str
    label_selector: str = ""


class RequireEmpty(msgspec.Struct, frozen=True):
    """Fail with a conflict, and so end the plan, while the namespace holds objects of `resources`."""

    resources: tuple[Resource, ...]
    namespace: str


class PutSpec(msgspec.Struct, frozen=True):
    """Replace the spec of an object that must still be at `resource_version`, by PUT to `subresource`;
    for subresources that cannot be patched."""

    resource: Resource
    key: ObjectKey
    spec: Tree
    uid: str
    resource_version: str
    subresource: str


Intent = Create | Patch | Update | Delete | DeleteCollection | RequireEmpty | PutSpec | Look | Ask | List | Event


class Plan(msgspec.Struct, frozen=True):
    """What to do now, and when to look again at the latest even if nothing changes."""

    intents: tuple[Intent, ...] = ()
    requeue_after_s: float | None = None
    #: The later look is expected to find nothing: a heartbeat that should have come by then.
    routine: bool = False


#: Nothing to do.
DONE = Plan()
