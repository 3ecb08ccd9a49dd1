"""Authorisation fed from the store: RBAC objects and the node graph follow the index's events."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from navarch.schema.types import Tree
from navarch.server.authz import escalation
from navarch.server.authz.attributes import Attributes, Decision
from navarch.server.authz.chain import Chain, superusers
from navarch.server.authz.node import NodeAuthorizer
from navarch.server.authz.node_graph import NodeGraph
from navarch.server.authz.rbac import Rbac, compiled
from navarch.store.contract import Event, Index
from navarch.wire.messages import User

_RBAC_BUCKETS = {
    "clusterroles.rbac.authorization.k8s.io": "ClusterRole",
    "clusterrolebindings.rbac.authorization.k8s.io": "ClusterRoleBinding",
    "roles.rbac.authorization.k8s.io": "Role",
    "rolebindings.rbac.authorization.k8s.io": "RoleBinding",
}


class Access:
    """Who may do what, as the store's objects say. `authorize` answers questions."""

    def __init__(self, index: Index) -> None:
        self.rbac = Rbac()
        self._graph = NodeGraph()
        self.authorize = Chain((superusers, NodeAuthorizer(self._graph), self.rbac.authorize))
        self._cancels: list[Callable[[], None]] = []
        for bucket, kind in _RBAC_BUCKETS.items():
            self._follow(index, bucket, self._put_rbac(kind), self._remove_rbac(kind))
        graph = self._graph
        self._follow(index, "pods", _decoded(graph.put_pod), graph.remove_pod, newly_bound)
        self._follow(index, "persistentvolumes", _decoded(graph.put_volume), lambda _, name: graph.remove_volume(name))
        attachments = "volumeattachments.storage.k8s.io"
        self._follow(index, attachments, _decoded(graph.put_attachment), lambda _, name: graph.remove_attachment(name))

    def allowed(self, user: User, verb: str, group: str, resource: str, namespace: str, name: str) -> bool:
        """A question of admission, beside the request's own."""
        return self.decide(Attributes(user, verb, group, "v1", resource, "", namespace, name)).allowed

    def check_grant(self, kind: str, new: Tree, old: Tree | None, user: User) -> None:
        """Raises: StatusError 403 when a role or binding would grant more than the user has."""
        escalation.check(kind, new, old, user, self.rbac, self.decide)

    def decide(self, question: Attributes) -> Decision:
        return self.authorize(question)

    def close(self) -> None:
        for cancel in self._cancels:
            cancel()

    def _put_rbac(self, kind: str) -> Callable[[bytes], None]:
        return lambda value: self.rbac.take(kind, compiled(kind, value))

    def _remove_rbac(self, kind: str) -> Callable[[str, str], None]:
        return lambda namespace, name: self.rbac.remove(kind, namespace, name)

    def _follow(
        self,
        index: Index,
        bucket: str,
        put: Callable[[bytes], None],
        remove: Callable[[str, str], None],
        matters: Callable[[Event], bool] = lambda _: True,
    ) -> None:
        def deliver(events: Sequence[Event]) -> None:
            for event in events:
                if event.deleted:
                    namespace, _, name = event.entry.key[len(bucket) + 1 :].rpartition("/")
                    remove(namespace, name)
                elif matters(event):
                    put(event.entry.value)

        for entry in index.range(bucket + "/"):
            put(entry.value)
        self._cancels.append(index.watch(bucket, index.revision, deliver))


def _decoded(put: Callable[[Tree], None]) -> Callable[[bytes], None]:
    return lambda value: put(orjson.loads(value))


_NODE_NAME = b'"nodeName":"'
_STATUS = b',"status":{'


def newly_bound(event: Event) -> bool:
    """Whether a pod's event can change what its node may read: its spec on a node is new. Most events of
    a pod are status writes, and the graph would have to decode each."""
    value = event.entry.value
    if _NODE_NAME not in value:
        return False
    if event.previous is None:
        return True
    return _spec_of(value) != _spec_of(event.previous.value)


def _spec_of(value: bytes) -> bytes:
    """The bytes between the spec's beginning and the status, which is the last part of a stored pod."""
    start = value.find(b'"spec":{')
    end = value.rfind(_STATUS)
    return value[start:end] if end > start else value[start:]
