"""`navarch addons list|enable|disable`.

All but `ingress` are parts of every cluster that cost nothing until they are used: they are enabled, always.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from typing import Final

from navarch.base.errors import LaunchError
from navarch.launch.addons import ingress
from navarch.launch.api import Api
from navarch.launch.drivers.process import wait_for
from navarch.launch.machine import Cluster
from navarch.launch.output import Output
from navarch.launch.profile import Home
from navarch.wire.certificates import SERVER, Certificate, ensure

#: Name -> who looks after what it stands for.
ALWAYS: Final = {
    "default-storageclass": "Kubernetes",
    "metrics-server": "Kubernetes",
    "storage-provisioner": "navarch",
}
INGRESS: Final = "ingress"
READY_TIMEOUT_S: Final = 90.0
_CERTIFICATE: Final = Certificate(
    "ingress-default", "Kubernetes Ingress Controller Fake Certificate", usages=(SERVER,), dns_names=("ingress.local",)
)
_CLASS_PATH: Final = "/apis/networking.k8s.io/v1/ingressclasses/nginx"
_DEPLOYMENT_PATH: Final = f"/apis/apps/v1/namespaces/{ingress.NAMESPACE}/deployments/{ingress.DEPLOYMENT}"


def list_all(home: Home, name: str, out: Output) -> int:
    """All addons and whether they are enabled."""
    cluster = Cluster(home, home.require(name))
    states = dict.fromkeys(ALWAYS, True) | {INGRESS: _runs(cluster.api())}
    maintainers = {**ALWAYS, INGRESS: "Kubernetes"}
    rows = [(each, name, "enabled ✅" if states[each] else "disabled", maintainers[each]) for each in sorted(states)]
    out.plain(_table(("ADDON NAME", "PROFILE", "STATUS", "MAINTAINER"), rows))
    return os.EX_OK


def enable(home: Home, name: str, addon: str, out: Output) -> int:
    """Raises: LaunchError for an unknown addon, and when it does not become ready."""
    cluster = Cluster(home, home.require(name))
    _check(addon)
    if addon == INGRESS:
        _enable_ingress(cluster, out)
    out.line("🌟", f"The '{addon}' addon is enabled")
    return os.EX_OK


def disable(home: Home, name: str, addon: str, out: Output) -> int:
    """Raises: LaunchError for an unknown addon, or one that is a part of every cluster."""
    cluster = Cluster(home, home.require(name))
    _check(addon)
    if addon in ALWAYS:
        raise LaunchError("MK_ADDON_DISABLE", f"{addon} is a part of every cluster", "it costs nothing while unused", 1)
    api = cluster.api()
    for path, _ in reversed(ingress.objects(b"", b"")):
        status, body = api.ask(path, "DELETE")
        if status >= 400 and status != 404:
            raise LaunchError("MK_ADDON_DISABLE", f"the API server says: {body.decode(errors='replace')}", "", 104)
    out.line("🌑", f"\"The '{addon}' addon is disabled")
    return os.EX_OK


def _check(addon: str) -> None:
    if addon not in (*ALWAYS, INGRESS):
        raise LaunchError("MK_ADDON_NOT_FOUND", f'there is no addon "{addon}"', "see: navarch addons list", 85)


def _enable_ingress(cluster: Cluster, out: Output) -> None:
    if not cluster.has_nodes:
        raise LaunchError("MK_ADDON_ENABLE", "simulated nodes serve nothing", "as root, nodes are real", 80)
    out.line("💡", "ingress is an addon maintained by Kubernetes.")
    pki = cluster.directory / "pki"
    ensure(pki, (_CERTIFICATE,), datetime.datetime.now(datetime.UTC))
    api = cluster.api()
    for path, tree in ingress.objects(
        (pki / "ingress-default.crt").read_bytes(), (pki / "ingress-default.key").read_bytes()
    ):
        api.apply(path, tree)
    out.line("🔎", "Verifying ingress addon...")
    if not wait_for(lambda: _is_available(api), READY_TIMEOUT_S):
        advice = f"see: kubectl -n {ingress.NAMESPACE} describe pods"
        raise LaunchError("MK_ADDON_ENABLE", "the ingress controller does not become ready", advice, 80)


def _runs(api: Api) -> bool:
    return api.get(_CLASS_PATH) is not None


def _is_available(api: Api) -> bool:
    found = api.get(_DEPLOYMENT_PATH)
    return found is not None and bool(found.get("status", {}).get("availableReplicas"))


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[n]) for row in (heads, *rows)) for n in range(len(heads))]
    line = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    body = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in rows]
    head = "| " + " | ".join(cell.center(w) for cell, w in zip(heads, widths, strict=True)) + " |"
    return "\n".join([line, head, line, *body, line])
