"""`kubectl create service` and `create ingress`."""

from __future__ import annotations

import re

from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.generators import Generate, command
from navarch.schema.types import Tree

_RULE = re.compile(r"(?:[^/]*)/[^=]*=[^,]+:[^,]+(?:,tls(?:=[^,]*)?)?")
_TCP = Flag("tcp", kind="list", help="Ports, as port or port:targetPort")


def _service(kind: str) -> Generate:
    def generate(name: str, options: Options, words: Words) -> Tree:
        headless = kind == "ClusterIP" and options.clusterip == "None"
        if not options.tcp and not headless and kind != "ExternalName":
            raise CliError("at least one tcp port specifier must be provided")
        spec: Tree = {}
        ports = [_port(text, options) for text in options.tcp]
        if ports:
            spec["ports"] = ports
        spec["selector"] = {"app": name}
        if kind == "ClusterIP" and options.clusterip:
            spec["clusterIP"] = options.clusterip
        spec["type"] = kind
        if kind == "ExternalName":
            if not options.external_name:
                raise CliError('required flag(s) "external-name" not set')
            spec["externalName"] = options.external_name
        return {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": spec,
            "status": {"loadBalancer": {}},
        }

    return generate


def _port(text: str, options: Options) -> Tree:
    port, colon, target = text.partition(":")
    number = _number(port, text)
    tree: Tree = {"name": text.replace(":", "-"), "protocol": "TCP", "port": number}
    if colon:
        tree["targetPort"] = _number(target, text) if target.isdecimal() else target
    else:
        tree["targetPort"] = number
    if getattr(options, "node_port", 0):
        tree["nodePort"] = options.node_port
    return tree


def _number(text: str, whole: str) -> int:
    if not text.isdecimal():
        raise CliError(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def ingress(name: str, options: Options, words: Words) -> Tree:
    if not options.rule and not options.default_backend:
        raise CliError(
            "not enough information provided: every ingress has to either specify a default-backend (which "
            "catches all traffic) or a list of rules (which catch specific paths)"
        )
    spec: Tree = {}
    if getattr(options, "class"):
        spec["ingressClassName"] = getattr(options, "class")
    if options.default_backend:
        spec["defaultBackend"] = _backend(options.default_backend, "default-backend")
    hosts: dict[str, list[Tree]] = {}
    tls: dict[str, list[str]] = {}
    for rule in options.rule:
        host, path, backend, secret = _rule(rule)
        hosts.setdefault(host, []).append({**path, "backend": backend})
        if secret is not None and host not in tls.setdefault(secret, []):
            tls[secret].append(host)
    if tls:
        spec["tls"] = [{"hosts": names, **({"secretName": s} if s else {})} for s, names in tls.items()]
    if hosts:
        spec["rules"] = [{**({"host": h} if h else {}), "http": {"paths": paths}} for h, paths in hosts.items()]
    metadata: Tree = {"name": name}
    if options.annotation:
        metadata["annotations"] = dict(sorted(a.partition("=")[::2] for a in options.annotation))
    return {
        "kind": "Ingress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": metadata,
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def _rule(text: str) -> tuple[str, Tree, Tree, str | None]:
    """`host/path=service:port[,tls[=secret]]`"""
    if not _RULE.fullmatch(text):
        raise CliError(f"rule {text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]")
    place, _, target = text.partition("=")
    target, comma, tls = target.partition(",")
    host, _, path = place.partition("/")
    secret = tls.partition("=")[2] if comma else None
    shape: Tree = {"path": "/" + path, "pathType": "Exact"}
    if path.endswith("*"):
        shape = {"path": "/" + path[:-1], "pathType": "Prefix"}
    return host, shape, _backend(target, "rule"), secret


def _backend(text: str, what: str) -> Tree:
    name, colon, port = text.partition(":")
    if not colon or not name or not port:
        raise CliError(f"{what} should be in format servicename:serviceport")
    return {"service": {"name": name, "port": {"number": int(port)} if port.isdecimal() else {"name": port}}}


def _child(name: str, kind: str, flags: tuple[Flag, ...], usage: str, example: str) -> Command:
    return command(
        name, f"Create a {kind} service", _service(kind), flags,
        failure=f"failed to create {kind} service", usage=usage, example=example,
    )  # fmt: skip


SERVICE = Command(
    name="service",
    summary="Create a service: clusterip, externalname, loadbalancer or nodeport",
    aliases=("svc",),
    usage="(clusterip | externalname | loadbalancer | nodeport)",
    children=(
        _child(
            "clusterip", "ClusterIP", (_TCP, Flag("clusterip", help="Address to take; None for a headless service")),
            "NAME [--tcp=<port>:<targetPort>]", "create service clusterip web --tcp=80:8080",
        ),
        _child(
            "externalname", "ExternalName", (_TCP, Flag("external-name", help="Name outside of the cluster")),
            "NAME --external-name external.name", "create service externalname db --external-name db.example.com",
        ),
        _child(
            "loadbalancer", "LoadBalancer", (_TCP,),
            "NAME [--tcp=port:targetPort]", "create service loadbalancer web --tcp=80:8080",
        ),
        _child(
            "nodeport", "NodePort", (_TCP, Flag("node-port", kind="int", help="Port to take on the nodes")),
            "NAME [--tcp=port:targetPort]", "create service nodeport web --tcp=80:8080",
        ),
    ),
)  # fmt: skip
INGRESS = command(
    "ingress",
    "Create an ingress",
    ingress,
    (
        Flag("annotation", kind="array", help="An annotation: key=value"),
        Flag("class", help="The ingress class"),
        Flag("default-backend", help="Where all other requests go, as service:port"),
        Flag("rule", kind="array", help="host/path=service:port[,tls[=secret]]"),
    ),
    failure="failed to create ingress",
    aliases=("ing",),
    usage="NAME --rule=host/path=service:port[,tls[=secret]]",
    example='create ingress web --rule="example.com/*=web:80"',
)
