"""`kubectl expose`: a service for a workload, a pod or another service."""

from __future__ import annotations

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.generators import CREATE_FLAGS, OVERRIDES, make, overridden
from navarch.cli.output import printer
from navarch.cli.selection import Found, select
from navarch.cli.session import Session
from navarch.schema.types import Tree

#: How long the name of a service may be.
_NAME_MAX = 63
_KINDS = ("Node", "Pod", "Service", "ReplicationController", "ReplicaSet", "Deployment")


def run(session: Session, options: Options, words: Words) -> int:
    reporter = printer.Reporter(session, options, sort=False)
    problems: list[CliError] = []
    for found in select(session, options, words.args, local=True):
        try:
            if isinstance(found, CliError):
                raise found
            if found.resource.kind not in _KINDS[1:]:
                raise CliError(f"cannot expose a {found.resource.kind}")
            tree = overridden(service(options, found), options)
            make(session, options, tree, reporter, operation="exposed")
        except CliError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def service(options: Options, found: Found) -> Tree:
    """Raises: CliError where selector or port cannot be found out."""
    metadata: Tree = {"name": options.name or found.name[:_NAME_MAX]}
    labels = _pairs(options.labels) if options.labels else found.tree["metadata"].get("labels")
    if labels:
        metadata["labels"] = labels
    spec: Tree = {"ports": _ports(options, found), "selector": _selector(options, found)}
    if options.cluster_ip:
        spec["clusterIP"] = options.cluster_ip
    if options.type:
        spec["type"] = options.type
    if options.external_ip:
        spec["externalIPs"] = [options.external_ip]
    if options.load_balancer_ip:
        spec["loadBalancerIP"] = options.load_balancer_ip
    if options.session_affinity:
        spec["sessionAffinity"] = options.session_affinity
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def _pairs(text: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in text.split(",") if part)


def _selector(options: Options, found: Found) -> dict[str, str]:
    if options.selector:
        return _pairs(options.selector)
    spec = found.tree.get("spec") or {}
    if found.resource.kind == "Pod":
        labels: dict[str, str] = found.tree["metadata"].get("labels") or {}
        if not labels:
            raise CliError(
                "couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and "
                "cannot be exposed"
            )
        return labels
    selector = spec.get("selector") or {}
    if found.resource.kind in ("Service", "ReplicationController"):
        if not selector:
            raise CliError(
                "couldn't retrieve selectors via --selector flag or introspection: the service has no pod selector set"
            )
        return dict(selector)
    if selector.get("matchExpressions"):
        raise CliError(
            "couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions - "
            f'"{selector["matchExpressions"]}" to map-based selector format'
        )
    if not selector.get("matchLabels"):
        raise CliError(
            "couldn't retrieve selectors via --selector flag or introspection: invalid deployment: no selectors, "
            "therefore cannot be exposed"
        )
    return dict(selector["matchLabels"])


def _ports(options: Options, found: Found) -> list[Tree]:
    spec = found.tree.get("spec") or {}
    numbers: list[tuple[int, str]]
    if options.port:
        protocol = options.protocol or "TCP"
        numbers = [(int(text), protocol) for text in options.port.split(",")]
    elif found.resource.kind == "Service":
        numbers = [(port["port"], port.get("protocol", "TCP")) for port in spec.get("ports") or []]
    else:
        inner = spec if found.resource.kind == "Pod" else spec["template"]["spec"]
        numbers = [
            (port["containerPort"], options.protocol or port.get("protocol", "TCP"))
            for container in inner["containers"]
            for port in container.get("ports") or []
        ]
    if not numbers:
        raise CliError("couldn't find port via --port flag or introspection")
    ports: list[Tree] = []
    for i, (number, protocol) in enumerate(numbers, 1):
        name = {"name": f"port-{i}"} if len(numbers) > 1 else {}
        target: int | str = number
        if options.target_port:
            target = int(options.target_port) if options.target_port.isdecimal() else options.target_port
        ports.append({**name, "protocol": protocol, "port": number, "targetPort": target})
    return ports


COMMAND = Command(
    name="expose",
    summary="Make a service for a workload",
    usage="(-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] "
    "[--name=name] [--external-ip=external-ip-of-service] [--type=type]",
    examples=(
        ("A service on port 80 for port 8080 of the pods", "expose deployment web --port=80 --target-port=8080"),
    ),
    flags=(
        *(flag for flag in CREATE_FLAGS if flag.name != "field-manager"),
        writes.field_manager("kubectl-expose"),
        writes.RECORD,
        *manifest.FILE_FLAGS,
        Flag("cluster-ip", help="Address to take; None for a headless service"),
        Flag("external-ip", help="Further address that the service answers on"),
        Flag("labels", "l", help="Labels of the service: key=value, separated by commas"),
        Flag("load-balancer-ip", help="Address for the load balancer"),
        Flag("name", help="Name of the service; that of the workload if not given"),
        *OVERRIDES,
        Flag("port", help="Port of the service; that of the container if not given"),
        Flag("protocol", help="TCP, UDP or SCTP"),
        Flag("selector", help="Labels of the pods; those of the workload if not given"),
        Flag("session-affinity", help="None or ClientIP"),
        Flag("target-port", help="Number or name of the container's port"),
        Flag("type", help="ClusterIP, NodePort, LoadBalancer or ExternalName"),
    ),
    run=run,
)
