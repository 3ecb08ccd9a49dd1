"""What `kubectl describe` says, kind by kind: one function each, `(object, context) -> text`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from navarch.cli.output.describe.context import Context
from navarch.cli.resources import Resource
from navarch.cli.selection import Found

Describe = Callable[[Found, Context], str]

#: Plural and group of a resource, with the module and function that describes it.
_DESCRIBERS: dict[tuple[str, str], tuple[str, str]] = {
    ("pods", ""): ("pod", "pod"),
    ("nodes", ""): ("node", "node"),
    ("deployments", "apps"): ("workloads", "deployment"),
    ("replicasets", "apps"): ("workloads", "replica_set"),
    ("replicationcontrollers", ""): ("workloads", "replication_controller"),
    ("daemonsets", "apps"): ("workloads", "daemon_set"),
    ("statefulsets", "apps"): ("workloads", "stateful_set"),
    ("services", ""): ("network", "service"),
    ("ingresses", "networking.k8s.io"): ("network", "ingress"),
    ("endpoints", ""): ("network", "endpoints"),
    ("configmaps", ""): ("config", "config_map"),
    ("secrets", ""): ("config", "secret"),
    ("serviceaccounts", ""): ("config", "service_account"),
    ("namespaces", ""): ("config", "namespace"),
}


def describer_of(resource: Resource) -> Describe:
    """The function for a kind; those without one of their own are shown field by field."""
    module, name = _DESCRIBERS.get((resource.plural, resource.group), ("generic", "generic"))
    describe: Describe = getattr(import_module(f"navarch.cli.output.describe.{module}"), name)
    return describe
