"""How long a change takes with 5,000 NetworkPolicies and 10,000 pods, 110 of them on this node:
`python -m bench.policies`.

Measures processor time between hearing of a change and having its transaction, and of the commit, which needs root:
it happens in a network namespace of its own. Policies are spread over namespaces as pods are, two peers each.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from bench.proxy import own_namespace
from navarch.api.views.meta import LabelSelector, ObjectMeta
from navarch.api.views.networking import (
    NetworkPolicy,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)
from navarch.api.views.pod import Pod, PodIP, PodSpec, PodStatus
from navarch.base.resource import ObjectKey
from navarch.proxy.policies import nft
from navarch.proxy.policies.members import Book
from navarch.proxy.policies.nft import Contents

NODE, LOCAL, NAMESPACES = "node-1", 110, 100
APPS = 20
TARGET_MS = 5.0


def pod(n: int, local: bool, changed: int = 0) -> tuple[ObjectKey, Pod]:
    key = ObjectKey(f"team-{n % NAMESPACES}", f"pod-{n}")
    labels = {"app": f"app-{(n // NAMESPACES + changed) % APPS}", "pod": key.name}
    address = f"10.{128 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"
    return key, Pod(
        ObjectMeta(name=key.name, namespace=key.namespace, labels=labels),
        PodSpec(nodeName=NODE if local else "elsewhere"),
        PodStatus(phase="Running", podIPs=(PodIP(address),)),
    )


def policy(n: int, changed: int = 0) -> tuple[ObjectKey, NetworkPolicy]:
    key = ObjectKey(f"team-{n % NAMESPACES}", f"policy-{n}")

    def app(number: int) -> LabelSelector:
        return LabelSelector(matchLabels={"app": f"app-{number % APPS}"})

    other = LabelSelector(matchLabels={"name": f"team-{(n + 1) % NAMESPACES}"})
    peers = (NetworkPolicyPeer(podSelector=app(n + 1)), NetworkPolicyPeer(namespaceSelector=other, podSelector=app(n)))
    rule = NetworkPolicyIngressRule(peers, (NetworkPolicyPort(port=8000 + n % 50 + changed, protocol="TCP"),))
    spec = NetworkPolicySpec(ingress=(rule,), podSelector=app(n // NAMESPACES), policyTypes=("Ingress",))
    return key, NetworkPolicy(ObjectMeta(name=key.name, namespace=key.namespace), spec)


class Node:
    """What runs on the node: the book, and the kernel's table as it was left."""

    def __init__(self, commit: Callable[[str], str | None] | None) -> None:
        self.book = Book(NODE)
        self.applied: Contents | None = None
        self._commit = commit

    def bring_up_to_date(self) -> tuple[float, float]:
        """Seconds of processor time to compute the transaction, and to commit it."""
        start = time.process_time()
        after = nft.contents(self.book.wanted(), "ip")
        text = nft.full(after, "ip") if self.applied is None else nft.changes(self.applied, after, "ip")
        made = time.process_time()
        if text and self._commit is not None:
            self._commit(text)
        self.applied = after
        return made - start, time.process_time() - made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=5_000)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=100)
    options = parser.parse_args()
    node = Node(own_namespace())
    start = time.process_time()
    for n in range(NAMESPACES):
        node.book.namespace(f"team-{n}", {"name": f"team-{n}"})
    for n in range(options.pods):
        node.book.pod(*pod(n, n < LOCAL))
    for n in range(options.policies):
        node.book.policy(*policy(n))
    told = time.process_time() - start
    made, committed = node.bring_up_to_date()
    print(f"{options.policies} policies, {options.pods} pods: told in {told:.2f} s, computed in {made:.2f} s,")
    print(f"committed in {committed:.2f} s")

    def each(what: str, change: Callable[[int], object]) -> None:
        taken = []
        for number in range(1, options.changes + 1):
            start = time.process_time()
            change(number)
            node.bring_up_to_date()
            taken.append((time.process_time() - start) * 1e3)
        median = statistics.median(taken)
        verdict = "ok" if median <= TARGET_MS else "MISSED"
        print(f"{what}: median {median:.1f} ms, worst {max(taken):.1f} ms, target <= {TARGET_MS} ms  {verdict}")

    each("a pod of another node changes", lambda n: node.book.pod(*pod(LOCAL + n * 7919 % 9000, False, n)))
    each("a pod of this node changes", lambda n: node.book.pod(*pod(n % LOCAL, True, n)))
    each("a policy changes", lambda n: node.book.policy(*policy(n * 7919 % options.policies, n)))


if __name__ == "__main__":
    main()
