"""Which webhooks a request concerns. Pure.

Worked example, a webhook with the rule {operations: [CREATE], apiGroups: [""], apiVersions: ["v1"],
resources: ["pods"]} and namespaceSelector {matchLabels: {inject: "yes"}} is called for a new pod in a
namespace with that label.

Source: admissionregistration.k8s.io/v1 (MutatingWebhook, ValidatingWebhook).
"""

from __future__ import annotations

from dataclasses import dataclass

from navarch.schema.types import Tree
from navarch.server.admission.contract import Attributes, World
from navarch.server.admission.matching import is_exempt, matched
from navarch.server.served import Served

MUTATING = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook of one configuration. `key` tells webhooks apart, their names need not. `served` is the
    version that it wants to see."""

    configuration: str
    index: int
    tree: Tree
    served: Served

    @property
    def name(self) -> str:
        return str(self.tree["name"])

    @property
    def key(self) -> tuple[str, ...]:
        return "webhook", self.configuration, str(self.index)

    @property
    def must_succeed(self) -> bool:
        return bool(self.tree.get("failurePolicy", "Fail") == "Fail")

    @property
    def again_if_needed(self) -> bool:
        return bool(self.tree.get("reinvocationPolicy") == "IfNeeded")

    @property
    def has_side_effects(self) -> bool:
        return self.tree.get("sideEffects") not in ("None", "NoneOnDryRun")


def concerned(attributes: Attributes, world: World, bucket: str) -> list[Webhook]:
    """The webhooks of all configurations in a bucket that the request concerns, in calling order."""
    if is_exempt(attributes):
        return []
    return [
        Webhook(configuration["metadata"]["name"], index, webhook, served)
        for configuration in world.list(bucket)
        for index, webhook in enumerate(configuration.get("webhooks") or ())
        if (served := matched(attributes, world, webhook, webhook.get("rules") or ())) is not None
    ]
