"""Which handler answers which subresource. `*` stands for every resource that declares it."""

from __future__ import annotations

from navarch.seams.contract import Seams
from navarch.server.admission.contract import World
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.delete import Deleter
from navarch.server.objects import Handler, Objects
from navarch.server.reads import Reads
from navarch.server.served import Resources, Served
from navarch.server.subresources import whole
from navarch.server.subresources.bind import BindingSubresource
from navarch.server.subresources.eviction import EvictionSubresource
from navarch.server.subresources.scale import ScaleSubresource
from navarch.server.subresources.token import TokenSubresource
from navarch.server.subresources.whole import WholeObjectSubresource

#: Subresources that write one part of the object.
_PARTS = {
    ("namespaces", "finalize"): whole.FINALIZE,
    ("certificatesigningrequests.certificates.k8s.io", "approval"): whole.APPROVAL,
    ("pods", "ephemeralcontainers"): whole.EPHEMERAL_CONTAINERS,
    ("pods", "resize"): whole.RESIZE,
}


def subresource_handlers(
    objects: Objects,
    reads: Reads,
    deleter: Deleter,
    world: World,
    resources: Resources,
    seams: Seams,
    tokens: ServiceAccountTokens | None,
) -> dict[tuple[str, str], Handler]:
    """Handlers by (bucket, subresource). Without `tokens` no service account tokens are issued."""
    binding = BindingSubresource(objects, _served(resources, "", "pods"), seams.clock)
    budgets = _served(resources, "policy", "poddisruptionbudgets")
    eviction = EvictionSubresource(objects, reads, deleter, world, budgets, seams.clock)
    handlers: dict[tuple[str, str], Handler] = {
        ("*", "scale"): ScaleSubresource(objects, reads).handle,
        ("pods", "binding"): binding.handle,
        ("bindings", ""): binding.handle,
        ("pods", "eviction"): eviction.handle,
    }
    for key, part in _PARTS.items():
        handlers[key] = WholeObjectSubresource(objects, part).handle
    if tokens is not None:
        handlers["serviceaccounts", "token"] = TokenSubresource(objects, reads, world, tokens, seams).handle
    return handlers


def _served(resources: Resources, group: str, plural: str) -> Served:
    served = resources.find(group, "v1", plural)
    assert served is not None, f"{plural} is in the catalog"
    return served
