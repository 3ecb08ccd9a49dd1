"""What a kubelet may do: its own node, and what the pods on it refer to.

An `Authorize` for users `system:node:<name>` of group system:nodes; for everyone else it has no
opinion. What is not about particular objects follows the rules of ClusterRole system:node.

Source: KEP-279 and its later selectors (AuthorizeNodeWithSelectors); the reason texts are recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from navarch.server.authz.attributes import ALLOWED, NO_OPINION, Attributes, Decision
from navarch.server.authz.bootstrap_policy import bootstrap_objects
from navarch.server.authz.node_graph import NodeGraph
from navarch.server.authz.rules import Rule, rules_of
from navarch.server.request_info import exact_match
from navarch.wire.messages import User

NODES_GROUP = "system:nodes"
NODE_PREFIX = "system:node:"
LEASE_NAMESPACE = "kube-node-lease"

_READ = ("get", "list", "watch")
_OWN_VERBS = ("get", "create", "update", "patch", "delete")


def node_of(user: User) -> str | None:
    """The node that the user is the kubelet of: empty when unnamed, None when it is no kubelet."""
    if NODES_GROUP in user.groups and user.name.startswith(NODE_PREFIX):
        return user.name[len(NODE_PREFIX) :]
    return None


class NodeAuthorizer:
    def __init__(self, graph: NodeGraph) -> None:
        self._graph = graph
        self._checks: dict[tuple[str, str], Callable[[Attributes, str], Decision | None]] = {
            ("", "secrets"): self._read_namespaced,
            ("", "configmaps"): self._read_namespaced,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._get,
            ("resource.k8s.io", "resourceclaims"): self._get,
            ("storage.k8s.io", "volumeattachments"): self._get,
            ("", "serviceaccounts"): self._token,
            ("coordination.k8s.io", "leases"): self._lease,
            ("storage.k8s.io", "csinodes"): self._csi_node,
            ("", "nodes"): self._node,
            ("", "pods"): self._pod,
        }

    def __call__(self, question: Attributes) -> Decision:
        node = node_of(question.user)
        if node is None:
            return NO_OPINION
        if not node:
            return Decision(False, f'unknown node for user "{question.user.name}"')
        check = self._checks.get((question.group, question.resource))
        decision = check(question, node) if check is not None else None
        if decision is not None:
            return decision
        return ALLOWED if any(rule.allows(question) for rule in _node_rules()) else NO_OPINION

    # --- one check per resource; None: the general rules decide

    def _read_namespaced(self, question: Attributes, node: str) -> Decision | None:
        if question.verb not in _READ:
            return Decision(False, "can only read resources of this type")
        if question.subresource:
            return Decision(False, "cannot read subresource")
        if not question.namespace:
            return Decision(False, "can only read namespaced object of this type")
        return self._related(question, node)

    def _get(self, question: Attributes, node: str) -> Decision | None:
        if question.verb != "get":
            return Decision(False, "can only get individual resources of this type")
        if question.subresource:
            return Decision(False, "cannot get subresource")
        return self._related(question, node)

    def _claim(self, question: Attributes, node: str) -> Decision | None:
        if question.subresource != "status":
            return self._get(question, node)
        if question.verb not in ("update", "patch"):
            return Decision(False, "can only update status of individual resources of this type")
        return self._related(question, node)

    def _token(self, question: Attributes, node: str) -> Decision | None:
        if question.verb == "get" and not question.subresource:
            return self._related(question, node)
        if question.verb != "create" or question.subresource != "token" or not question.name:
            return Decision(False, "can only create tokens for individual service accounts")
        return self._related(question, node)

    def _lease(self, question: Attributes, node: str) -> Decision | None:
        if question.verb not in _OWN_VERBS:
            return Decision(False, "can only get, create, update, patch, or delete a node lease")
        if question.namespace != LEASE_NAMESPACE:
            return Decision(False, f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
        if question.verb != "create" and question.name != node:
            return Decision(False, "can only access node lease with the same name as the requesting node")
        return ALLOWED

    def _csi_node(self, question: Attributes, node: str) -> Decision | None:
        if question.verb not in _OWN_VERBS:
            return Decision(False, "can only get, create, update, patch, or delete a CSINode")
        if question.subresource:
            return Decision(False, "cannot authorize CSINode subresources")
        if question.verb != "create" and question.name != node:
            return Decision(False, "can only access CSINode with the same name as the requesting node")
        return ALLOWED

    def _node(self, question: Attributes, node: str) -> Decision | None:
        if question.verb not in _READ or question.subresource:
            return None
        if question.name == node:
            return ALLOWED
        wanted = f"'{question.name}'" if question.name else "all nodes"
        return Decision(False, f"node '{node}' cannot read {wanted}, only its own Node object")

    def _pod(self, question: Attributes, node: str) -> Decision | None:
        if question.verb == "get":
            return self._related(question, node)
        if question.verb in ("list", "watch"):
            if exact_match(question.field_selector, "spec.nodeName") == node:
                return ALLOWED
            return Decision(False, "can only list/watch pods with spec.nodeName field selector")
        return None

    def _related(self, question: Attributes, node: str) -> Decision:
        if not question.name:
            return Decision(False, "No Object name found")
        if self._graph.reaches(node, question.resource, question.namespace, question.name):
            return ALLOWED
        return Decision(False, f"no relationship found between node '{node}' and this object")


@cache
def _node_rules() -> tuple[Rule, ...]:
    """The rules of ClusterRole system:node, but for what the checks above decide themselves."""
    role = next(o for o in bootstrap_objects() if o["kind"] == "ClusterRole" and o["metadata"]["name"] == "system:node")
    return rules_of(role)
