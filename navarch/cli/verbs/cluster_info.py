"""`kubectl cluster-info` and `cluster-info dump`."""

from __future__ import annotations

import os

from navarch.cli.command import Command
from navarch.cli.errors import ApiError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import json
from navarch.cli.session import Session
from navarch.schema.types import Tree

_DUMPED = (
    "events", "replicationcontrollers", "services", "daemonsets.apps", "deployments.apps", "replicasets.apps", "pods",
)  # fmt: skip


def run(session: Session, options: Options, words: Words) -> int:
    green, yellow, plain = ("\x1b[0;32m", "\x1b[0;33m", "\x1b[0m") if _colours(session) else ("", "", "")
    server = session.client.endpoint.server
    services = session.resources.find("services")
    listed = session.client.get(services.path("kube-system"), [("labelSelector", "kubernetes.io/cluster-service=true")])
    session.say(f"{green}Kubernetes control plane{plain} is running at {yellow}{server}{plain}")
    for service in listed.tree().get("items") or []:
        metadata = service["metadata"]
        name = (metadata.get("labels") or {}).get("kubernetes.io/name") or metadata["name"]
        port = (service["spec"].get("ports") or [{}])[0]
        target = f"{metadata['name']}:{port['name']}" if port.get("name") else metadata["name"]
        if (service.get("status") or {}).get("loadBalancer", {}).get("ingress"):
            ingress = service["status"]["loadBalancer"]["ingress"][0]
            link = f"http://{ingress.get('ip') or ingress.get('hostname')}:{port.get('port')}"
        else:
            link = f"{server}/api/v1/namespaces/{metadata['namespace']}/services/{target}/proxy"
        session.say(f"{green}{name}{plain} is running at {yellow}{link}{plain}")
    session.say("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.")
    return 0


def _colours(session: Session) -> bool:
    return session.out.isatty() and "NO_COLOR" not in session.env


def _dump(session: Session, options: Options, words: Words) -> int:
    _write(session, options, "nodes.json", session.client.get("/api/v1/nodes").tree())
    if options.all_namespaces:
        spaces = [n["metadata"]["name"] for n in session.client.get("/api/v1/namespaces").tree()["items"]]
    else:
        spaces = options.namespaces or ["kube-system", session.namespace]
    for namespace in dict.fromkeys(spaces):
        for word in _DUMPED:
            resource = session.resources.find(word)
            listed = session.client.get(resource.path(namespace)).tree()
            _write(session, options, f"{namespace}/{resource.plural}.json", listed)
            if word == "pods":
                _dump_logs(session, options, namespace, listed)
    if options.output_directory not in ("", "-"):
        session.say(f"Cluster info dumped to {options.output_directory}")
    return 0


def _dump_logs(session: Session, options: Options, namespace: str, pods: Tree) -> None:
    for pod in pods.get("items") or []:
        name = pod["metadata"]["name"]
        for container in pod["spec"]["containers"]:
            title = f"container {container['name']} of pod {namespace}/{name}"
            try:
                path = session.resources.find("pods").path(namespace, name, "log")
                text = session.client.get(path, [("container", container["name"])]).body.decode(errors="replace")
            except ApiError as error:
                text = f"Request log error: {error.message}\n"
            shown = f"==== START logs for {title} ====\n{text}==== END logs for {title} ====\n"
            _write(session, options, f"{namespace}/{name}/logs.txt", shown)


def _write(session: Session, options: Options, name: str, content: Tree | str) -> None:
    text = content if isinstance(content, str) else json.dump(content)
    if options.output_directory in ("", "-"):
        session.write(text)
        return
    path = os.path.join(options.output_directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a" if name.endswith("logs.txt") else "w", encoding="utf-8") as file:
        file.write(text)


COMMAND = Command(
    name="cluster-info",
    summary="Show where the cluster's services are",
    run=run,
    examples=(("Addresses", "cluster-info"), ("Everything, for a report", "cluster-info dump --output-directory=dump")),
    children=(
        Command(
            name="dump",
            summary="Write out nodes, system objects and logs",
            flags=(
                Flag("all-namespaces", "A", kind="bool", help="All namespaces"),
                Flag("namespaces", kind="list", help="Only these namespaces"),
                Flag("output", "o", default="json", help="json"),
                Flag("output-directory", help="Write files here instead of to the screen"),
                Flag("pod-running-timeout", kind="duration", default=20.0, hidden=True),
            ),
            run=_dump,
        ),
    ),
)
