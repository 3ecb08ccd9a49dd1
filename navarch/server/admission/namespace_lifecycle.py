"""NamespaceLifecycle: nothing new in namespaces that are missing or going; three that never go.

Source: plugin/pkg/admission/namespace/lifecycle.
"""

from __future__ import annotations

from navarch.base.errors import Cause, forbidden, not_found
from navarch.server.admission.contract import CREATE, DELETE, Attributes, Plugin, World

IMMORTAL = ("default", "kube-system", "kube-public")

#: Kinds that may be created in any namespace: answers, not objects.
_REVIEWS = ("localsubjectaccessreviews.authorization.k8s.io",)


def admit(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403, 404."""
    served = attributes.served
    if attributes.operation == DELETE:
        if attributes.bucket == "namespaces" and attributes.name in IMMORTAL:
            raise forbidden("namespaces", attributes.name, "this namespace may not be deleted")
        return
    namespace = attributes.namespace
    if attributes.operation != CREATE or not namespace or attributes.bucket in _REVIEWS:
        return
    found = world.get("namespaces", "", namespace)
    if found is None:
        raise not_found("namespaces", namespace)
    if found["metadata"].get("deletionTimestamp"):
        raise forbidden(
            served.plural,
            attributes.name,
            f"unable to create new content in namespace {namespace} because it is being terminated",
            served.group,
            [Cause("NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace")],
        )


PLUGIN = Plugin("NamespaceLifecycle", (CREATE, DELETE), subresources=("*",), validate=admit, admit=admit)
