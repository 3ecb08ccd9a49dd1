"""The stages of a server's start, and the health checks that wait for each.

The checks have the names and the order of kube-apiserver's. Each is a promise that clients rely on: when
`poststarthook/rbac/bootstrap-roles` is well, the roles are there. Here several promises come true at one stage.

Called by `pages.py`; `app.py` and `bootstrap.py` say when a stage is reached.

Source: kube-apiserver's post-start hooks; names and order as recorded.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from navarch.server.health import LIVE, READY, Health, well


class Stage(Enum):
    """What has been reached, in this order."""

    #: The server follows its store: whoever asks is answered from all that is stored.
    FOLLOWING = auto()
    #: What an earlier server left unfinished is being worked on: definitions, addresses, remotes.
    RESUMED = auto()
    #: The namespaces of every cluster.
    NAMESPACES = auto()
    #: Priority classes, flow control, the range of cluster IPs, and how others recognise users.
    OBJECTS = auto()
    #: The RBAC policy.
    POLICY = auto()
    #: An APIService for each group version that is served.
    REGISTERED = auto()
    #: The `kubernetes` Service leads to this server, and its lease says that it lives.
    PUBLISHED = auto()


_HOOKS: Final = (
    ("start-apiserver-admission-initializer", Stage.FOLLOWING),
    ("generic-apiserver-start-informers", Stage.FOLLOWING),
    ("priority-and-fairness-config-consumer", Stage.FOLLOWING),
    ("priority-and-fairness-filter", Stage.FOLLOWING),
    ("storage-object-count-tracker-hook", Stage.FOLLOWING),
    ("start-apiextensions-informers", Stage.FOLLOWING),
    ("start-apiextensions-controllers", Stage.RESUMED),
    ("crd-informer-synced", Stage.RESUMED),
    ("start-system-namespaces-controller", Stage.NAMESPACES),
    ("peer-endpoint-reconciler-controller", Stage.PUBLISHED),
    ("start-cluster-authentication-info-controller", Stage.OBJECTS),
    ("start-kube-apiserver-identity-lease-controller", Stage.PUBLISHED),
    ("start-kube-apiserver-identity-lease-garbage-collector", Stage.PUBLISHED),
    ("storage-readiness", Stage.FOLLOWING),
    ("start-legacy-token-tracking-controller", Stage.OBJECTS),
    ("start-service-ip-repair-controllers", Stage.RESUMED),
    ("rbac/bootstrap-roles", Stage.POLICY),
    ("scheduling/bootstrap-system-priority-classes", Stage.OBJECTS),
    ("priority-and-fairness-config-producer", Stage.OBJECTS),
    ("bootstrap-controller", Stage.PUBLISHED),
    ("start-kubernetes-service-cidr-controller", Stage.OBJECTS),
    ("aggregator-reload-proxy-client-cert", Stage.FOLLOWING),
    ("start-kube-aggregator-informers", Stage.FOLLOWING),
    ("apiservice-status-local-available-controller", Stage.RESUMED),
    ("apiservice-status-remote-available-controller", Stage.RESUMED),
    ("apiservice-registration-controller", Stage.RESUMED),
    ("apiservice-wait-for-first-sync", Stage.RESUMED),
    ("apiservice-discovery-controller", Stage.RESUMED),
    ("kube-apiserver-autoregistration", Stage.REGISTERED),
    ("autoregister-completion", Stage.REGISTERED),
    # Documents are made of what is served when somebody asks.
    ("apiservice-openapi-controller", Stage.FOLLOWING),
    ("apiservice-openapiv3-controller", Stage.FOLLOWING),
)

#: Of all of them, the one that is no hook.
_COMPLETION: Final = "autoregister-completion"


class Progress:
    """How far one server has come; adds all its checks to `health`."""

    def __init__(self, health: Health) -> None:
        self._reached: set[Stage] = set()
        self._leaving = False
        # Components in this process need no certificate to reach the server: there is none that could expire.
        health.add("loopback-serving-certificate", well, LIVE)
        health.add("informer-sync", lambda: self._missing(Stage.FOLLOWING), READY)
        # The store answers in this process from its index; a writer that failed for good ends the process.
        health.add("etcd", lambda: self._missing(Stage.FOLLOWING), LIVE)
        for name, stage in _HOOKS:
            self._add(health, name if name == _COMPLETION else f"poststarthook/{name}", stage)
        health.add("shutdown", lambda: "process is shutting down" if self._leaving else "", READY)

    def _add(self, health: Health, name: str, stage: Stage) -> None:
        health.add(name, lambda: self._missing(stage))

    def _missing(self, stage: Stage) -> str:
        return "" if stage in self._reached else f"not finished: {stage.name.lower()}"

    def reach(self, *stages: Stage) -> None:
        self._reached.update(stages)

    def leave(self) -> None:
        """From now on not ready: who spreads requests over servers shall choose another."""
        self._leaving = True
