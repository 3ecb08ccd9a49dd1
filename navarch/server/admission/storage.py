"""What admission does to volumes and claims: the default class, protection in use, and growth.

Source: plugin/pkg/admission/storage (storageclass/setdefault, storageobjectinuseprotection,
persistentvolume/resize).
"""

from __future__ import annotations

from navarch.base import quantity
from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, UPDATE, Attributes, Plugin, World

_CLASSES = "storageclasses.storage.k8s.io"
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"

_PROTECTION = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
}

_NO_GROWTH = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


def newest_default(objects: list[Tree], annotations: tuple[str, ...]) -> Tree | None:
    """Of the objects that an annotation marks as default the newest; the first by name of several."""
    marked = [
        o for o in objects if any(o["metadata"].get("annotations", {}).get(name) == "true" for name in annotations)
    ]
    marked.sort(key=lambda o: o["metadata"]["name"])
    return max(marked, key=lambda o: str(o["metadata"].get("creationTimestamp", "")), default=None)


def choose_class(attributes: Attributes, world: World) -> None:
    """A claim that names no class gets the default one."""
    claim = attributes.tree
    if "storageClassName" in claim["spec"] or _CLASS_ANNOTATION in claim["metadata"].get("annotations", {}):
        return
    found = newest_default(list(world.list(_CLASSES)), _DEFAULT)
    if found is not None:
        claim["spec"]["storageClassName"] = found["metadata"]["name"]


def protect(attributes: Attributes, _world: World) -> None:
    """Volumes and claims stay as long as somebody uses them."""
    finalizers = attributes.tree["metadata"].setdefault("finalizers", [])
    wanted = _PROTECTION[attributes.bucket]
    if wanted not in finalizers:
        finalizers.append(wanted)


def check_growth(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403 for a claim that grows though its class does not let it."""
    new, old = attributes.tree, attributes.old
    assert old is not None
    if _size(new) <= _size(old):
        return
    name = new["spec"].get("storageClassName") or new["metadata"].get("annotations", {}).get(_CLASS_ANNOTATION)
    found = world.get(_CLASSES, "", name) if name else None
    if found is None or not found.get("allowVolumeExpansion"):
        raise attributes.forbidden(_NO_GROWTH)


def _size(claim: Tree) -> int:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return quantity.parse(str(requests.get("storage", "0"))).nano


DEFAULT_STORAGE_CLASS = Plugin("DefaultStorageClass", (CREATE,), ("persistentvolumeclaims",), admit=choose_class)
IN_USE_PROTECTION = Plugin("StorageObjectInUseProtection", (CREATE,), tuple(_PROTECTION), admit=protect)
CLAIM_RESIZE = Plugin("PersistentVolumeClaimResize", (UPDATE,), ("persistentvolumeclaims",), validate=check_growth)
