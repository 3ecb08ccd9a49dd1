"""What subresources take and give that is no object of their resource: a Scale, a Binding, an Eviction, a TokenRequest.

Admission sees these, under the resource's own name: `pods/eviction` with an object of kind Eviction.
"""

from __future__ import annotations

from navarch.api.autoscaling import scale
from navarch.api.core import binding
from navarch.api.kind import Kind
from navarch.schema.facts import load
from navarch.server.served import Served


def _form(kind: Kind) -> Served:
    return Served(kind, load().type(kind.type_name))


def scale_form() -> Served:
    return _form(scale.KIND)


def binding_form() -> Served:
    return _form(binding.KIND)


def eviction_form() -> Served:
    return _form(
        Kind(
            group="policy",
            version="v1",
            kind="Eviction",
            plural="evictions",
            singular="eviction",
            namespaced=True,
            type_name="io.k8s.api.policy.v1.Eviction",
        )
    )


def token_request_form() -> Served:
    return _form(
        Kind(
            group="authentication.k8s.io",
            version="v1",
            kind="TokenRequest",
            plural="tokenrequests",
            singular="tokenrequest",
            namespaced=True,
            type_name="io.k8s.api.authentication.v1.TokenRequest",
        )
    )
