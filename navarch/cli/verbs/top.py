"""`kubectl top`: what nodes and pods use, as the metrics API has it."""

from __future__ import annotations

from navarch.base import quantity
from navarch.cli.command import Command, Run
from navarch.cli.errors import ApiError, CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output.tables import lines
from navarch.cli.selection import ALL_NAMESPACES
from navarch.cli.session import Session
from navarch.schema.types import Tree

_METRICS = "/apis/metrics.k8s.io/v1beta1"
_MIB = 1 << 20


def _read(session: Session, path: str, options: Options) -> list[Tree]:
    query = [("labelSelector", options.selector)] if options.selector else []
    try:
        session.client.get(_METRICS)
    except ApiError as error:
        raise CliError("Metrics API not available") from error
    answer = session.client.get(path, query).tree()
    return answer["items"] if isinstance(answer.get("items"), list) else [answer]


def _runner(plural: str) -> Run:
    def run(session: Session, options: Options, words: Words) -> int:
        everywhere = plural == "nodes" or options.all_namespaces
        path = f"{_METRICS}/{plural}" if everywhere else f"{_METRICS}/namespaces/{session.namespace}/{plural}"
        rows = _read(session, f"{path}/{words.args[0]}" if words.args else path, options)
        if not rows:
            session.complain("No resources found")
            return 0
        show = _node_row if plural == "nodes" else _pod_row
        sizes = _allocatable(session) if plural == "nodes" else {}
        heads = ["NAME", "CPU(cores)", "MEMORY(bytes)"]
        if plural == "nodes":
            heads = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
        spaced = plural == "pods" and options.all_namespaces
        table = [] if options.no_headers else [["NAMESPACE", *heads] if spaced else heads]
        for row in sorted(rows, key=lambda row: (row["metadata"].get("namespace", ""), row["metadata"]["name"])):
            cells = show(row, sizes)
            table.append([row["metadata"]["namespace"], *cells] if spaced else cells)
        session.write(lines(table))
        return 0

    return run


def _usage(usages: list[Tree]) -> tuple[int, int]:
    """Millicores and MiB."""
    cpu = sum(quantity.milli_value(usage.get("cpu", "0")) for usage in usages)
    return cpu, sum(quantity.value(usage.get("memory", "0")) for usage in usages) // _MIB


def _pod_row(row: Tree, sizes: dict[str, Tree]) -> list[str]:
    cpu, memory = _usage([container["usage"] for container in row.get("containers") or []])
    return [row["metadata"]["name"], f"{cpu}m", f"{memory}Mi"]


def _node_row(row: Tree, sizes: dict[str, Tree]) -> list[str]:
    cpu, memory = _usage([row["usage"]])
    have = sizes.get(row["metadata"]["name"], {})
    all_cpu, all_memory = _usage([have])
    return [
        row["metadata"]["name"], f"{cpu}m", f"{cpu * 100 // all_cpu if all_cpu else 0}%",
        f"{memory}Mi", f"{memory * 100 // all_memory if all_memory else 0}%",
    ]  # fmt: skip


def _allocatable(session: Session) -> dict[str, Tree]:
    nodes = session.client.get("/api/v1/nodes").tree().get("items") or []
    return {node["metadata"]["name"]: (node.get("status") or {}).get("allocatable") or {} for node in nodes}


_FLAGS: tuple[Flag, ...] = (
    Flag("no-headers", kind="bool", help="Leave out the column headers"),
    Flag("selector", "l", help="Only objects whose labels match"),
)
COMMAND = Command(
    name="top",
    summary="Show what nodes and pods use",
    children=(
        Command("node", "Show what nodes use", _FLAGS, _runner("nodes"), "[NAME | -l label]", aliases=("nodes", "no")),
        Command(
            "pod",
            "Show what pods use",
            (*_FLAGS, ALL_NAMESPACES),
            _runner("pods"),
            "[NAME | -l label]",
            aliases=("pods", "po"),
        ),
    ),
)
