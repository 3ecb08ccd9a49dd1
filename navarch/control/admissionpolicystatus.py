"""The status controller of ValidatingAdmissionPolicies: says which generation has been looked at. Pure.

The API server refuses expressions that do not compile. Kubernetes also checks them against the schemas
of the kinds they may meet and lists its doubts; here the list of warnings stays empty.

Source: Kubernetes' validating admission policy status controller.
"""

from __future__ import annotations

from navarch.base.resource import ObjectKey
from navarch.control.intents import DONE, Patch, Plan
from navarch.control.sources import ADMISSIONPOLICIES
from navarch.control.world import Controller, Watch, World, same_key
from navarch.schema.types import Tree


def reconcile(world: World, key: ObjectKey, _now: float) -> Plan:
    policy = world[ADMISSIONPOLICIES].get(key)
    if policy is None or policy.status.observedGeneration == (policy.metadata.generation or 0):
        return DONE
    metadata = policy.metadata
    status: Tree = {"status": {"observedGeneration": metadata.generation, "typeChecking": {}}}
    return Plan(
        (
            Patch(
                ADMISSIONPOLICIES.resource,
                key,
                status,
                subresource="status",
                uid=metadata.uid,
                resource_version=metadata.resourceVersion,
            ),
        )
    )


CONTROLLER = Controller("validatingadmissionpolicy-status-controller", (Watch(ADMISSIONPOLICIES, same_key),), reconcile)
