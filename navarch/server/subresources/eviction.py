"""POST of an Eviction: a delete that a PodDisruptionBudget may refuse.

Source: policy/v1 Eviction; registry/core/pod/storage/eviction.go for the order of checks; KEP-3017.
"""

from __future__ import annotations

from navarch.base.errors import Cause, bad_request, internal_error, too_many_requests
from navarch.base.selector import from_label_selector
from navarch.base.times import format_time
from navarch.schema.types import Tree
from navarch.seams.contract import Clock
from navarch.server.admission.contract import World
from navarch.server.bodies import decode_object_body
from navarch.server.delete import Deleter, Deletion
from navarch.server.objects import Objects
from navarch.server.options import WriteOptions, delete_options, parse_query, write_options
from navarch.server.pipeline import PATCH_TRIES, Change
from navarch.server.reads import Reads
from navarch.server.served import Served
from navarch.server.subresources.bind import CREATED
from navarch.server.subresources.forms import eviction_form
from navarch.wire.messages import Request, RequestInfo, Response

_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


class EvictionSubresource:
    """`pods/NAME/eviction`."""

    def __init__(
        self, objects: Objects, reads: Reads, deleter: Deleter, world: World, budgets: Served, clock: Clock
    ) -> None:
        self._objects = objects
        self._reads = reads
        self._deleter = deleter
        self._world = world
        self._budgets = budgets
        self._clock = clock
        self._form = eviction_form()

    async def handle(self, request: Request, info: RequestInfo, served: Served) -> Response:
        """Raises: StatusError 404, 429 when a budget does not allow it, 500 when two budgets match."""
        eviction = decode_object_body(request, "Eviction")
        if (eviction.get("metadata") or {}).get("name") != info.name:
            raise bad_request("name in URL does not match name in Eviction object")
        asked = write_options(parse_query(request.query), "CreateOptions")
        write = self._objects.write_of(request, info, served, asked)
        eviction = await self._objects.pipeline.ask(write, self._form, eviction)
        options = delete_options(parse_query(request.query), eviction.get("deleteOptions"))
        pod = served.tree(self._reads.find(served, info.namespace, info.name).value)
        if not leaves_freely(pod):
            now = format_time(self._clock.now())
            dry_run = WriteOptions(dry_run=options.dry_run)
            budget = self._budget_of(pod)
            if budget is not None and not unhealthy_may_leave(pod, budget):
                name = budget["metadata"]["name"]
                await self._change(request, info, self._budgets, name, dry_run, lambda b: spent(b, info.name, now))
            await self._change(request, info, served, info.name, dry_run, lambda p: disrupted(p, now))
        deletion = Deletion(served, info.namespace, info.name, request.user, options, request.warnings, admitted=True)
        await self._deleter.delete(deletion)
        return Response(201, CREATED)

    def _budget_of(self, pod: Tree) -> Tree | None:
        metadata = pod["metadata"]
        labels = metadata.get("labels", {})
        found = [
            budget
            for budget in self._world.list(self._budgets.bucket, metadata["namespace"])
            if from_label_selector(budget["spec"].get("selector")).matches(labels)
        ]
        if len(found) > 1:
            text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise internal_error(text)
        return found[0] if found else None

    async def _change(
        self, request: Request, info: RequestInfo, served: Served, name: str, options: WriteOptions, change: Change
    ) -> None:
        """A status write of the server itself, on behalf of the request."""
        kind = served.kind
        target = RequestInfo("update", True, kind.group, kind.version, kind.plural, "status", info.namespace, name)
        write = self._objects.write_of(request, target, served, options)
        # Only the budget's change is a request of its own.
        write.admitted = served is not self._budgets
        await self._objects.pipeline.change(write, change, tries=PATCH_TRIES)


def leaves_freely(pod: Tree) -> bool:
    """Whether no budget counts the pod: it has ended, is ending, or never ran."""
    phase = pod.get("status", {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def unhealthy_may_leave(pod: Tree, budget: Tree) -> bool:
    """Whether a pod that is not ready may go: its policy says so, or the budget is met without it."""
    conditions = pod.get("status", {}).get("conditions", [])
    if any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status", {})
    desired: int = status.get("desiredHealthy", 0)
    healthy: int = status.get("currentHealthy", 0)
    return 0 < desired <= healthy


def spent(budget: Tree, pod_name: str, now: str) -> Tree:
    """The budget with one disruption fewer. Raises: StatusError 429."""
    name = budget["metadata"]["name"]
    status: Tree = budget.setdefault("status", {})
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        text = f"The disruption budget {name} is still being processed by the server."
        raise too_many_requests(_REFUSED, 10, [Cause("DisruptionBudget", text)])
    if status.get("disruptionsAllowed", 0) <= 0:
        desired, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        text = f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
        raise too_many_requests(_REFUSED, 0, [Cause("DisruptionBudget", text)])
    status["disruptionsAllowed"] -= 1
    status.setdefault("disruptedPods", {})[pod_name] = now
    return budget


def disrupted(pod: Tree, now: str) -> Tree:
    """The pod with the condition that says why it goes."""
    conditions: list[Tree] = pod.setdefault("status", {}).setdefault("conditions", [])
    if not any(c.get("type") == "DisruptionTarget" for c in conditions):
        conditions.append(
            {
                "type": "DisruptionTarget",
                "status": "True",
                "lastTransitionTime": now,
                "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting",
            }
        )
    return pod
