"""`navarch service NAME`, `navarch service list`: where services answer, in minikube's tables."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from navarch.base.errors import LaunchError
from navarch.launch.api import Api, Tree
from navarch.launch.output import Output

NO_NODE_PORT = "No node port"
NOT_FOUND_CODE, UNREACHABLE_CODE = 115, 119


@dataclass(frozen=True, slots=True)
class Row:
    """One service: for each node port its target as `name/port`, and its URL."""

    namespace: str
    name: str
    ports: tuple[str, ...]
    urls: tuple[str, ...]


def row_of(service: Tree, node_ip: str) -> Row:
    metadata = service["metadata"]
    ports = [port for port in service["spec"].get("ports", ()) if port.get("nodePort")]
    shown = tuple(f"{port['name']}/{port['port']}" if port.get("name") else str(port["port"]) for port in ports)
    urls = tuple(f"http://{node_ip}:{port['nodePort']}" for port in ports)
    return Row(metadata["namespace"], metadata["name"], shown or (NO_NODE_PORT,), urls)


def table(rows: Sequence[Row]) -> str:
    """With frames, as minikube draws it; a line for each port of a service."""
    header = ("NAMESPACE", "NAME", "TARGET PORT", "URL")
    lines = [
        (row.namespace if i == 0 else "", row.name if i == 0 else "", port, row.urls[i] if i < len(row.urls) else "")
        for row in rows
        for i, port in enumerate(row.ports)
    ]
    widths = [max(len(line[column]) for line in (header, *lines)) for column in range(4)]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    body = [
        "| "
        + " | ".join(_cell(text, width, column) for column, (text, width) in enumerate(zip(line, widths, strict=True)))
        + " |"
        for line in lines
    ]
    head = "| " + " | ".join(text.center(width) for text, width in zip(header, widths, strict=True)) + " |"
    return "\n".join((rule, head, rule, *body, rule))


def _cell(text: str, width: int, column: int) -> str:
    return text.rjust(width) if column == 2 and text[-1:].isdigit() else text.ljust(width)


def list_services(api: Api, node_ip: str, namespace: str) -> list[Row]:
    path = f"/api/v1/namespaces/{namespace}/services" if namespace else "/api/v1/services"
    found = api.get(path)
    assert found is not None, "the path of a list always exists"
    return [row_of(service, node_ip) for service in found["items"]]


def find_service(api: Api, node_ip: str, name: str, namespace: str) -> Row:
    """Raises: LaunchError with minikube's id and words when there is none, and a hint when it can be made."""
    found = api.get(f"/api/v1/namespaces/{namespace}/services/{name}")
    if found is not None:
        return row_of(found, node_ip)
    advice = ""
    if api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}") is not None:
        advice = (
            f"did you create it? Deployment {name} exists: "
            f"kubectl expose deployment {name} --type=NodePort --port=PORT -n {namespace}"
        )
    raise LaunchError(
        "SVC_NOT_FOUND",
        f"Service '{name}' was not found in '{namespace}' namespace.\n"
        "You may select another namespace by using 'navarch service "
        f"{name} -n <namespace>'. Or list out all the services using 'navarch service list'",
        advice,
        NOT_FOUND_CODE,
    )


def open_service(row: Row, url_only: bool, out: Output) -> int:
    """Print where it answers, and open a browser where there is one. Raises: LaunchError without a node port."""
    if not row.urls:
        raise LaunchError(
            "SVC_UNREACHABLE",
            f"service {row.namespace}/{row.name} has no node port",
            f'give it one: kubectl patch service {row.name} -n {row.namespace} -p \'{{"spec":{{"type":"NodePort"}}}}\'',
            UNREACHABLE_CODE,
        )
    if url_only:
        for url in row.urls:
            out.plain(url)
        return 0
    out.plain(table([row]))
    opener = shutil.which("xdg-open") or shutil.which("open")
    if opener is None:
        out.line("🎉", f"No browser on this machine: open {row.urls[0]} yourself")
        return 0
    for url in row.urls:
        out.line("🎉", f"Opening service {row.namespace}/{row.name} in default browser...")
        subprocess.Popen([opener, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return 0
