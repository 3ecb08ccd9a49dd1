"""`kubectl cordon` and `kubectl uncordon`."""

from __future__ import annotations

from navarch.cli import writes
from navarch.cli.command import Command, Run
from navarch.cli.errors import NO_RESOURCES_NAMED, CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.selection import Found, items_of, list_all, lookup
from navarch.cli.session import Session

NODE_FLAGS: tuple[Flag, ...] = (printer.DRY_RUN, Flag("selector", "l", help="Nodes whose labels match"))


def nodes(session: Session, options: Options, words: Words, verb: str) -> list[Found | CliError]:
    """The nodes that names or a selector mean. Raises: UsageError."""
    resource = session.resources.find("nodes")
    if options.selector:
        if words.args:
            raise UsageError("cannot specify both a node name and a --selector option")
        return list(items_of(resource, list_all(session, resource, "", [("labelSelector", options.selector)])))
    if not words.args and "selector" in options.given:
        raise CliError(NO_RESOURCES_NAMED)
    if not words.args:
        raise UsageError(f"USAGE: {verb} NODE [flags]")
    found: list[Found | CliError] = []
    for name in words.args:
        try:
            found.append(lookup(session, resource, "", name.removeprefix("node/").removeprefix("nodes/")))
        except CliError as error:
            found.append(error)
    return found


def set_unschedulable(session: Session, options: Options, node: Found, wanted: bool) -> None:
    """Cordon or uncordon, and say so."""
    word = "cordoned" if wanted else "uncordoned"
    dry = printer.dry_run(options)
    suffix = printer.dry_run_suffix(dry)
    if bool(node.tree["spec"].get("unschedulable")) == wanted:
        session.say(f"node/{node.name} already {word}{suffix}")
        return
    if dry != "client":
        writes.patch(session, options, node.path, {"spec": {"unschedulable": True if wanted else None}})
    session.say(f"node/{node.name} {word}{suffix}")


def _runner(wanted: bool) -> Run:
    def run(session: Session, options: Options, words: Words) -> int:
        problems: list[CliError] = []
        for node in nodes(session, options, words, "cordon" if wanted else "uncordon"):
            if isinstance(node, CliError):
                problems.append(node)
            else:
                set_unschedulable(session, options, node, wanted)
        raise_all(problems)
        return 0

    return run


CORDON = Command("cordon", "Mark node as unschedulable", NODE_FLAGS, _runner(True), usage="NODE")
UNCORDON = Command("uncordon", "Mark node as schedulable", NODE_FLAGS, _runner(False), usage="NODE")
