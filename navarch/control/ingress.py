"""The ingress controller: gives the nginx of the addon `ingress` its configuration, and Ingresses their address.

There is one key for the whole cluster. Nothing is done unless an IngressClass names the controller. The nginx is a
pod of the Deployment `ingress-nginx-controller`; it reads the ConfigMap and the Secret that are written here, and
loads itself anew when they change. What the configuration says is `ingress_nginx.py`'s business.

Source: ingress-nginx, whose names these are (class, namespace, labels, annotations).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from navarch.api.views.core import Secret
from navarch.api.views.networking import HTTPIngressPath, Ingress, IngressBackend, IngressClass
from navarch.api.views.pod import Pod
from navarch.base.resource import ObjectKey
from navarch.client.cache import HasMetadata, key_of
from navarch.client.contract import PatchType
from navarch.client.recorder import reference
from navarch.control.ingress_nginx import Route, Site, configuration, is_safe
from navarch.control.intents import DONE, Event, Intent, Patch, Plan
from navarch.control.pods import condition
from navarch.control.sources import CONFIGMAPS, INGRESSCLASSES, INGRESSES, NAMESPACES, PODS, SECRETS, SERVICES
from navarch.control.world import Controller, Watch, World

IDENTITY: Final = "ingress-nginx-controller"
CONTROLLER_NAME: Final = "k8s.io/ingress-nginx"
NAMESPACE: Final = "ingress-nginx"
CONFIGURATION: Final = ObjectKey(NAMESPACE, "nginx-configuration")
CERTIFICATES: Final = ObjectKey(NAMESPACE, "nginx-certificates")
CLUSTER: Final = "cluster"
_COMPONENT: Final = ("app.kubernetes.io/component", "controller")
_CLASS: Final = "kubernetes.io/ingress.class"
_REWRITE: Final = "nginx.ingress.kubernetes.io/rewrite-target"
_REDIRECT: Final = "nginx.ingress.kubernetes.io/ssl-redirect"
#: The entries of the Secret that the addon makes.
_DEFAULT: Final = ("default.crt", "default.key")


def reconcile(world: World, _key: str, _now: float) -> Plan:
    classes = [each for each in world[INGRESSCLASSES].values() if each.spec.controller == CONTROLLER_NAME]
    namespace = world[NAMESPACES].get(ObjectKey("", NAMESPACE))
    held = world[SECRETS].get(CERTIFICATES)
    if not classes or held is None or namespace is None or namespace.metadata.deletionTimestamp is not None:
        return DONE
    ours = [each for each in world[INGRESSES].values() if _is_ours(each, classes)]
    ours.sort(key=lambda each: (each.metadata.creationTimestamp or "", key_of(each)))
    certificates: dict[str, str] = {name: held.data[name] for name in _DEFAULT if name in held.data}
    sites = _sites(world, ours, certificates)
    intents: list[Intent] = []
    text = configuration(sites)
    known = world[CONFIGMAPS].get(CONFIGURATION)
    # The certificates first: a configuration that names what is not there is refused by nginx.
    if dict(held.data) != certificates:
        gone = dict.fromkeys(held.data.keys() - certificates.keys())
        intents.append(Patch(SECRETS.resource, CERTIFICATES, {"data": {**certificates, **gone}}, uid=held.metadata.uid))
    if known is None or known.data.get("nginx.conf") != text:
        tree = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"nginx.conf": text}}
        intents.append(Patch(CONFIGMAPS.resource, CONFIGURATION, tree, PatchType.APPLY, manager=IDENTITY))
    addresses = sorted({pod.status.hostIP for pod in world[PODS].by_index("namespace", NAMESPACE) if _serves(pod)})
    for each in ours:
        if addresses and [a.ip for a in each.status.loadBalancer.ingress] != addresses:
            intents.append(_status(each, addresses))
    return Plan(tuple(intents))


def _is_ours(ingress: Ingress, classes: Iterable[IngressClass]) -> bool:
    named = ingress.spec.ingressClassName or ingress.metadata.annotations.get(_CLASS, "")
    return ingress.metadata.deletionTimestamp is None and any(each.metadata.name == named for each in classes)


def _serves(pod: Pod) -> bool:
    ready = condition(pod, "Ready")
    key, value = _COMPONENT
    return pod.metadata.labels.get(key) == value and ready is not None and ready.status == "True"


def _status(ingress: Ingress, addresses: Iterable[str]) -> Patch:
    patch = {"status": {"loadBalancer": {"ingress": [{"ip": address} for address in addresses]}}}
    about = reference(INGRESSES.resource, ingress.metadata)
    done = Event(about, "Normal", "Sync", "Scheduled for sync")
    uid = ingress.metadata.uid
    return Patch(INGRESSES.resource, key_of(ingress), patch, subresource="status", uid=uid, on_success=done)


# --- what is served where


def _sites(world: World, ingresses: Iterable[Ingress], certificates: dict[str, str]) -> Mapping[str, Site]:
    """By host. Certificates that are used are added to `certificates`, in base64."""
    routes: dict[str, list[Route]] = {}
    secured: dict[str, tuple[str, bool]] = {}
    for ingress in ingresses:
        for route in _routes(world, ingress):
            if is_safe(route):
                routes.setdefault(route.host, []).append(route)
        for tls in ingress.spec.tls:
            secret = world[SECRETS].get(ObjectKey(ingress.metadata.namespace, tls.secretName))
            redirect = ingress.metadata.annotations.get(_REDIRECT) != "false"
            name = _certificate(secret, certificates)
            for host in tls.hosts or tuple(rule.host for rule in ingress.spec.rules):
                secured.setdefault(host, (name, redirect))
    return {
        host: Site(tuple(found), *secured.get(host, _wildcard(host, secured))) for host, found in sorted(routes.items())
    }


def _wildcard(host: str, secured: Mapping[str, tuple[str, bool]]) -> tuple[str, bool]:
    return secured.get("*." + host.partition(".")[2], ("", True))


def _certificate(secret: Secret | None, certificates: dict[str, str]) -> str:
    """The name of its files; those of the default where there is none."""
    if secret is None or not {"tls.crt", "tls.key"} <= secret.data.keys():
        return "default"
    name = f"{secret.metadata.namespace}-{secret.metadata.name}"
    certificates[f"{name}.crt"], certificates[f"{name}.key"] = secret.data["tls.crt"], secret.data["tls.key"]
    return name


def _routes(world: World, ingress: Ingress) -> Iterable[Route]:
    namespace, rewrite = ingress.metadata.namespace, ingress.metadata.annotations.get(_REWRITE, "")
    for rule in ingress.spec.rules:
        paths = rule.http.paths if rule.http is not None else ()
        if not paths and ingress.spec.defaultBackend is not None:
            paths = (HTTPIngressPath(ingress.spec.defaultBackend, "/", "Prefix"),)
        for path in paths:
            yield Route(rule.host, path.path, path.pathType, _target(world, namespace, path.backend), rewrite)
    if ingress.spec.defaultBackend is not None:
        yield Route("", "/", "Prefix", _target(world, namespace, ingress.spec.defaultBackend))


def _target(world: World, namespace: str, backend: IngressBackend) -> str:
    named = backend.service
    service = world[SERVICES].get(ObjectKey(namespace, named.name)) if named is not None else None
    if named is None or named.port is None or service is None or service.spec.clusterIP in ("", "None"):
        return ""
    wanted = named.port
    for port in service.spec.ports:
        if (wanted.name and port.name == wanted.name) or (wanted.number and port.port == wanted.number):
            address = service.spec.clusterIP
            return f"[{address}]:{port.port}" if ":" in address else f"{address}:{port.port}"
    return ""


# --- what is told


def _any(_world: World, _key: ObjectKey, _old: HasMetadata | None, _new: HasMetadata | None) -> tuple[str, ...]:
    return (CLUSTER,)


def _own_pod(_world: World, key: ObjectKey, _old: Pod | None, _new: Pod | None) -> tuple[str, ...]:
    return (CLUSTER,) if key.namespace == NAMESPACE else ()


def _own_object(_world: World, key: ObjectKey, _old: HasMetadata | None, _new: HasMetadata | None) -> tuple[str, ...]:
    return (CLUSTER,) if key in (CONFIGURATION, ObjectKey("", NAMESPACE)) else ()


CONTROLLER: Final = Controller(
    IDENTITY,
    (
        Watch(INGRESSCLASSES, _any),
        Watch(INGRESSES, _any),
        Watch(SERVICES, _any),
        Watch(SECRETS, _any),
        Watch(PODS, _own_pod),
        Watch(CONFIGMAPS, _own_object),
        Watch(NAMESPACES, _own_object),
    ),
    reconcile,
    workers=1,
)
