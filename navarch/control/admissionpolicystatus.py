"""The status controller of ValidatingAdmissionPolicies: the doubts about their expressions. Pure.

The API server refuses expressions that do not compile. Whether what they read exists in the kinds that they may
meet is looked at here, and told as warnings.

Source: Kubernetes' validating admission policy status controller.
"""

from __future__ import annotations

from navarch.api.validation.policy_types import type_warnings
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
    warnings = type_warnings(policy.spec or {})
    checked = {"expressionWarnings": warnings} if warnings else {}
    status: Tree = {"status": {"observedGeneration": metadata.generation, "typeChecking": checked}}
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
