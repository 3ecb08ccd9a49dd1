"""DefaultIngressClass: an Ingress that names no class gets the default one.

Source: plugin/pkg/admission/network/defaultingressclass.
"""

from __future__ import annotations

from navarch.server.admission.contract import CREATE, Attributes, Plugin, World
from navarch.server.admission.storage import newest_default

_DEFAULT = ("ingressclass.kubernetes.io/is-default-class",)
_LEGACY = "kubernetes.io/ingress.class"


def admit(attributes: Attributes, world: World) -> None:
    ingress = attributes.tree
    spec = ingress.setdefault("spec", {})
    if "ingressClassName" in spec or _LEGACY in ingress["metadata"].get("annotations", {}):
        return
    found = newest_default(list(world.list("ingressclasses.networking.k8s.io")), _DEFAULT)
    if found is not None:
        spec["ingressClassName"] = found["metadata"]["name"]


PLUGIN = Plugin("DefaultIngressClass", (CREATE,), ("ingresses.networking.k8s.io",), admit=admit)
