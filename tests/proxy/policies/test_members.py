"""Whatever happens in whatever order, the book says what a fresh one would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from navarch.base.resource import ObjectKey
from navarch.proxy.policies import nft
from navarch.proxy.policies.members import Book
from tests.proxy.policies.packets import Tree, book, pod, policy

NAMESPACES = ("one", "two")
LABELS = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["x", "y"]), max_size=2)
SELECTOR = LABELS.map(lambda labels: {"matchLabels": labels})
PEER = st.one_of(
    st.builds(lambda pods: {"podSelector": pods}, SELECTOR),
    st.builds(lambda spaces: {"namespaceSelector": spaces}, SELECTOR),
    st.builds(lambda spaces, pods: {"namespaceSelector": spaces, "podSelector": pods}, SELECTOR, SELECTOR),
    st.just({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.1.0/24"]}}),
)
PORT = st.sampled_from([{"port": 80}, {"port": "web"}, {"port": 1000, "endPort": 2000}, {"protocol": "UDP"}])
RULE = st.builds(lambda peers, ports: (peers, ports), st.lists(PEER, max_size=2), st.lists(PORT, max_size=2))


def spec(
    selector: Tree, ingress: list[tuple[list[Tree], list[Tree]]], egress: list[tuple[list[Tree], list[Tree]]]
) -> Tree:
    return {
        "podSelector": selector,
        "policyTypes": ["Ingress", *(["Egress"] if egress else [])],
        "ingress": [{"from": peers, "ports": ports} for peers, ports in ingress],
        "egress": [{"to": peers, "ports": ports} for peers, ports in egress],
    }


SPEC = st.builds(spec, SELECTOR, st.lists(RULE, max_size=2), st.lists(RULE, max_size=2))
NAME, SPACE = st.sampled_from(["a", "b", "c"]), st.sampled_from(NAMESPACES)
EVENT = st.one_of(
    st.tuples(st.just("pod"), SPACE, NAME, st.one_of(st.none(), st.tuples(LABELS, st.sampled_from(["node-1", "n2"])))),
    st.tuples(st.just("policy"), SPACE, NAME, st.one_of(st.none(), SPEC)),
    st.tuples(st.just("namespace"), SPACE, st.just(""), st.one_of(st.none(), LABELS)),
)


@given(st.lists(EVENT, max_size=25))
def test_told_in_steps_or_at_once(events: list[tuple[str, str, str, object]]) -> None:
    told = Book("node-1")
    last: dict[tuple[str, ObjectKey], object] = {}
    before = nft.contents(told.wanted(), "ip")
    for kind, space, name, what in events:
        key = ObjectKey(space, name)
        made = what
        if what is not None and kind == "pod":
            labels, node = what  # type: ignore[misc]
            address = f"10.0.{NAMESPACES.index(space)}.{ord(name)}"
            made = pod(name, address, space, node, **labels)
        elif what is not None and kind == "policy":
            made = policy(what, space)  # type: ignore[arg-type]
        last[kind, key] = made
        match kind:
            case "pod":
                told.pod(key, made)  # type: ignore[arg-type]
            case "policy":
                told.policy(key, made)  # type: ignore[arg-type]
            case _:
                told.namespace(space, made)  # type: ignore[arg-type]
        after = nft.contents(told.wanted(), "ip")
        assert (nft.changes(before, after, "ip") == "") == (before == after)
        before = after
    fresh = Book("node-1")
    for (kind, key), made in last.items():
        if made is not None:
            match kind:
                case "pod":
                    fresh.pod(key, made)  # type: ignore[arg-type]
                case "policy":
                    fresh.policy(key, made)  # type: ignore[arg-type]
                case _:
                    fresh.namespace(key.namespace, made)  # type: ignore[arg-type]
    assert fresh.wanted() == told.wanted()


def test_a_pod_elsewhere_changes_elements_alone() -> None:
    spec: Tree = {"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "x"}}}]}]}
    found = book([pod("a", "10.0.0.1")], [policy(spec)], {"default": {}})
    before = nft.contents(found.wanted(), "ip")
    found.pod(ObjectKey("default", "far"), pod("far", "10.0.1.1", node="n2", app="x"))
    after = nft.contents(found.wanted(), "ip")
    (name,) = [name for name in after.sets if name != nft.OWN]
    assert nft.changes(before, after, "ip") == f"add element ip navarch-policies {name} {{ 10.0.1.1 }}\n"
