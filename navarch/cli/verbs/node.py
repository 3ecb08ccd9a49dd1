"""`kubectl cordon` and `kubectl uncordon`."""

from __future__ import annotations

from navarch.cli import writes
from navarch.cli.command import Command, Run
from navarch.cli.errors import CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.selection import Found, items_of, list_all, lookup
from navarch.cli.session import Session

NODE_FLAGS: tuple[Flag, ...] = (printer.DRY_RUN, Flag("selector", "l", help="Nodes whose labels match"))


def nodes(session: Session, options: Options, words: Words) -> list[Found | CliError]:
    """The nodes that names or a selector mean. Raises: UsageError."""
    resource = session.resources.find("nodes")
    if options.selector:
        if words.args:
            raise UsageError("cannot specify both a node name and a --selector option")
        return list(items_of(resource, list_all(session, resource, "", [("labelSelector", options.selector)])))
    if not words.args:
        raise UsageError("at least one node must be specified")
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
    suffix = {"client": " (dry run)", "server": " (server dry run)"}.get(dry, "")
    if bool(node.tree["spec"].get("unschedulable")) == wanted:
        session.say(f"node/{node.name} already {word}{suffix}")
        return
    if dry != "client":
        writes.patch(session, options, node.path, {"spec": {"unschedulable": True if wanted else None}})
    session.say(f"node/{node.name} {word}{suffix}")


def _runner(wanted: bool) -> Run:
    def run(session: Session, options: Options, words: Words) -> int:
        problems: list[CliError] = []
        for node in nodes(session, options, words):
            if isinstance(node, CliError):
                problems.append(node)
            else:
                set_unschedulable(session, options, node, wanted)
        raise_all(problems)
        return 0

    return run


CORDON = Command("cordon", "Keep new pods off a node", NODE_FLAGS, _runner(True), usage="NODE")
UNCORDON = Command("uncordon", "Let pods onto a node again", NODE_FLAGS, _runner(False), usage="NODE")
