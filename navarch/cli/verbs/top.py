"""`kubectl top`: what nodes and pods use, as the metrics API has it."""

from __future__ import annotations

from typing import NamedTuple

from navarch.base import quantity
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output.tables import lines
from navarch.cli.selection import ALL_NAMESPACES
from navarch.cli.session import Session
from navarch.schema.types import Tree

_METRICS = "/apis/metrics.k8s.io/v1beta1"
_MIB = 1 << 20
_RULE = "________"


class Usage(NamedTuple):
    """Millicores and bytes."""

    cpu: int = 0
    memory: int = 0

    def cells(self) -> list[str]:
        return [f"{self.cpu}m", f"{self.memory // _MIB}Mi"]


def _read(session: Session, path: str, options: Options, words: Words) -> list[Tree]:
    """The metrics of what the line names. Raises: ApiError, CliError."""
    if options.sort_by not in ("", "cpu", "memory"):
        raise CliError("--sort-by accepts only cpu or memory")
    if len(words.args) > 1:
        raise CliError("only one name may be given")
    query = [("labelSelector", options.selector)] if options.selector else []
    if getattr(options, "field_selector", ""):
        query.append(("fieldSelector", options.field_selector))
    try:
        session.client.get(_METRICS)
    except ApiError as error:
        raise CliError("Metrics API not available") from error
    answer = session.client.get(f"{path}/{words.args[0]}" if words.args else path, query).tree()
    return answer["items"] if isinstance(answer.get("items"), list) else [answer]


def _usage(*amounts: Tree) -> Usage:
    cpu = sum(quantity.milli_value(amount.get("cpu", "0")) for amount in amounts)
    return Usage(cpu, sum(quantity.value(amount.get("memory", "0")) for amount in amounts))


def _order(options: Options, usage: Usage, *names: str) -> tuple[int, tuple[str, ...]]:
    """The thirstiest first, if that is asked for; else by name."""
    return -(usage.cpu if options.sort_by == "cpu" else usage.memory if options.sort_by else 0), names


def _run_pods(session: Session, options: Options, words: Words) -> int:
    where = "" if options.all_namespaces else f"/namespaces/{session.namespace}"
    rows = _read(session, f"{_METRICS}{where}/pods", options, words)
    if not rows:
        session.complain(
            "No resources found" if options.all_namespaces else f"No resources found in {session.namespace} namespace."
        )
        return 0
    used = [(row, _usage(*(each["usage"] for each in row.get("containers") or []))) for row in rows]
    used.sort(key=lambda pair: _order(options, pair[1], pair[0]["metadata"]["namespace"], pair[0]["metadata"]["name"]))
    table = []
    for row, usage in used:
        metadata = row["metadata"]
        lead = [metadata["namespace"]] if options.all_namespaces else []
        if options.containers:
            inside = sorted(row.get("containers") or [], key=lambda c: _order(options, _usage(c["usage"]), c["name"]))
            table += [[*lead, metadata["name"], each["name"], *_usage(each["usage"]).cells()] for each in inside]
        else:
            table.append([*lead, metadata["name"], *usage.cells()])
    heads = ["NAMESPACE"] * options.all_namespaces + (["POD", "NAME"] if options.containers else ["NAME"])
    if options.sum:
        total = Usage(sum(usage.cpu for _, usage in used), sum(usage.memory for _, usage in used))
        blank = [""] * len(heads)
        table += [[*blank, _RULE, _RULE], [*blank, *total.cells()]]
    titles = [] if options.no_headers else [[*heads, "CPU(cores)", "MEMORY(bytes)"]]
    session.write(lines(titles + table))
    return 0


def _run_nodes(session: Session, options: Options, words: Words) -> int:
    rows = _read(session, f"{_METRICS}/nodes", options, words)
    field = "capacity" if options.show_capacity else "allocatable"
    query = [("labelSelector", options.selector)] if options.selector else []
    nodes = session.client.get("/api/v1/nodes", query).tree().get("items") or []
    sizes = {node["metadata"]["name"]: _usage((node.get("status") or {}).get(field) or {}) for node in nodes}
    used = {row["metadata"]["name"]: _usage(row["usage"]) for row in rows}
    swaps = {row["metadata"]["name"]: row["usage"].get("swap") for row in rows}
    sized = {node["metadata"]["name"]: (node.get("status") or {}).get("nodeInfo") or {} for node in nodes}
    table = []
    for name in sorted(used, key=lambda name: _order(options, used[name], name)):
        usage, size = used[name], sizes.get(name, Usage())
        cpu, memory = usage.cells()
        swap = _swap(swaps.get(name), sized.get(name, {})) if options.show_swap else []
        table.append([name, cpu, _share(usage.cpu, size.cpu), memory, _share(usage.memory, size.memory), *swap])
    if not words.args:
        table += [
            [name, *["<unknown>"] * (6 if options.show_swap else 4)] for name in sorted(sizes) if name not in used
        ]
    if not table:
        session.complain("No resources found")
        return 0
    heads = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    heads += ["SWAP(bytes)", "SWAP(%)"] if options.show_swap else []
    titles = [] if options.no_headers else [heads]
    session.write(lines(titles + table))
    return 0


def _swap(used: str | None, info: Tree) -> list[str]:
    """Bytes of swap in use, and their share of what the node has."""
    if used is None:
        return ["<unknown>", "<unknown>"]
    amount = quantity.value(used)
    return [f"{amount // _MIB}Mi", _share(amount, (info.get("swap") or {}).get("capacity", 0))]


def _share(part: int, whole: int) -> str:
    return f"{part * 100 // whole}%" if whole else "0%"


_FLAGS: tuple[Flag, ...] = (
    Flag("no-headers", kind="bool", help="Leave out the column headers"),
    Flag("selector", "l", help="Only objects whose labels match"),
    Flag("sort-by", help="cpu or memory: those that use most first"),
    Flag("use-protocol-buffers", kind="bool", default=True, hidden=True),
)
COMMAND = Command(
    name="top",
    summary="Show what nodes and pods use",
    children=(
        Command(
            "node",
            "Show what nodes use",
            (
                *_FLAGS,
                Flag("show-capacity", kind="bool", help="Shares of the whole node, not of what pods may have"),
                Flag("show-swap", kind="bool", help="Swap, too"),
            ),
            _run_nodes,
            "[NAME | -l label]",
            aliases=("nodes", "no"),
        ),
        Command(
            "pod",
            "Show what pods use",
            (
                *_FLAGS,
                ALL_NAMESPACES,
                Flag("containers", kind="bool", help="Each container on its own"),
                Flag("field-selector", help="Only objects whose fields match"),
                Flag("sum", kind="bool", help="The sum of all in the last line"),
            ),
            _run_pods,
            "[NAME | -l label]",
            aliases=("pods", "po"),
        ),
    ),
)
