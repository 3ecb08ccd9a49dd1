"""`kubectl taint`."""

from __future__ import annotations

from navarch.cli import writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.selection import Found, select
from navarch.cli.session import Session
from navarch.schema.types import Tree

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def run(session: Session, options: Options, words: Words) -> int:
    names, specs = _split(words.args)
    if not specs:
        raise CliError("at least one taint update is required")
    setting = [_taint(spec) for spec in specs if not spec.endswith("-")]
    removing = [_removal(spec[:-1]) for spec in specs if spec.endswith("-")]
    if names and names[0].lower() not in ("no", "node", "nodes") and "/" not in names[0]:
        raise CliError(f"invalid resource type {names[0]}, only node(s) is supported")
    reporter = printer.Reporter(session, options)
    problems: list[CliError] = []
    for found in select(session, options, names):
        try:
            if isinstance(found, CliError):
                raise found
            _change(session, options, found, setting, removing, reporter)
        except CliError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def _split(args: list[str]) -> tuple[list[str], list[str]]:
    specs = [arg for arg in args if "=" in arg or ":" in arg or arg.endswith("-")]
    return [arg for arg in args if arg not in specs], specs


def _taint(spec: str) -> Tree:
    left, colon, effect = spec.rpartition(":")
    if not colon:
        raise UsageError(f"invalid taint spec: {spec}")
    _check_effect(effect)
    key, _, value = left.partition("=")
    return {"key": key, **({"value": value} if value else {}), "effect": effect}


def _removal(spec: str) -> tuple[str, str]:
    """Key and effect; no effect means all effects."""
    left, colon, effect = spec.partition(":")
    if colon:
        _check_effect(effect)
    return left.partition("=")[0], effect


def _check_effect(effect: str) -> None:
    if effect not in _EFFECTS:
        raise UsageError(f"invalid taint effect: {effect}, unsupported taint effect")


def _change(
    session: Session,
    options: Options,
    node: Found,
    setting: list[Tree],
    removing: list[tuple[str, str]],
    reporter: printer.Reporter,
) -> None:
    taints: list[Tree] = list(node.tree["spec"].get("taints") or [])
    modified = False
    for taint in setting:
        same = [t for t in taints if (t["key"], t["effect"]) == (taint["key"], taint["effect"])]
        if same and not options.overwrite:
            raise CliError(
                f"node {node.name} already has {taint['key']} taint(s) with same effect(s) and --overwrite is false"
            )
        modified = modified or bool(same)
        taints = [t for t in taints if t not in same] + [taint]
    for key, effect in removing:
        gone = [t for t in taints if t["key"] == key and effect in ("", t["effect"])]
        if not gone:
            raise CliError(f'taint "{key}{":" + effect if effect else ""}" not found')
        taints = [t for t in taints if t not in gone]
    tree = {**node.tree, "spec": {**node.tree["spec"], "taints": taints}}
    if reporter.dry_run != "client":
        tree = writes.patch(session, options, node.path, {"spec": {"taints": taints or None}}, writes.MERGE)
    operation = "untainted" if removing and not setting else "modified" if modified or removing else "tainted"
    reporter.done(node.resource, tree, operation)


COMMAND = Command(
    name="taint",
    summary="Set taints of nodes",
    usage="NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N",
    examples=(
        ("Only for pods that tolerate it", "taint nodes node-1 gpu=yes:NoSchedule"),
        ("Take it away: a dash behind it", "taint nodes node-1 gpu:NoSchedule-"),
    ),
    flags=(
        *printer.PRINT_FLAGS,
        printer.DRY_RUN,
        writes.field_manager("kubectl-taint"),
        Flag("all", kind="bool", help="All nodes"),
        Flag("filename", kind="list", hidden=True),
        Flag("kustomize", hidden=True),
        Flag("overwrite", kind="bool", help="Change taints that are there already"),
        Flag("selector", "l", help="Nodes whose labels match"),
        Flag("validate", default="strict", bare="strict", hidden=True),
    ),
    run=run,
)
