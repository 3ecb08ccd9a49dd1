"""`kubectl certificate`: decide on certificate signing requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from navarch.cli import manifest
from navarch.cli.command import Command, Run
from navarch.cli.errors import CliError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.selection import Found, lookup
from navarch.cli.session import Session
from navarch.schema.types import Tree


class Decision(NamedTuple):
    """A condition to set, and the one that must not be there."""

    condition: str
    opposite: str
    reason: str
    message: str
    done: str


APPROVE = Decision(
    "Approved", "Denied", "KubectlApprove", "This CSR was approved by kubectl certificate approve.", "approved"
)
DENY = Decision("Denied", "Approved", "KubectlDeny", "This CSR was denied by kubectl certificate deny.", "denied")


def decided(request: Tree, decision: Decision, now: datetime, force: bool) -> Tree | None:
    """The request with the decision's condition; None if it stands already. Raises: CliError if decided otherwise."""
    conditions = (request.get("status") or {}).get("conditions") or []
    kinds = [condition.get("type") for condition in conditions]
    if decision.opposite in kinds:
        name = request["metadata"]["name"]
        raise CliError(f'certificate signing request "{name}" is already {decision.opposite}')
    if decision.condition in kinds and not force:
        return None
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    added = {
        "type": decision.condition,
        "status": "True",
        "reason": decision.reason,
        "message": decision.message,
        "lastUpdateTime": stamp,
    }
    kept = [condition for condition in conditions if condition.get("type") != decision.condition]
    return {**request, "status": {**(request.get("status") or {}), "conditions": [*kept, added]}}


def _runner(decision: Decision) -> Run:
    def run(session: Session, options: Options, words: Words) -> int:
        if not words.args and not manifest.given(options):
            raise CliError("one or more CSRs must be specified as <name> or -f <filename>")
        reporter = printer.Reporter(session, options)
        problems: list[CliError] = []
        for name in [*words.args, *_named_in_files(session, options)]:
            try:
                found = lookup(session, session.resources.find("certificatesigningrequests"), "", name)
                reporter.done(found.resource, _decide(session, found, decision, options.force), decision.done)
            except CliError as error:
                problems.append(error)
        raise_all(problems)
        return 0

    return run


def _named_in_files(session: Session, options: Options) -> list[str]:
    found = []
    for item in manifest.read(session, options) if manifest.given(options) else ():
        if isinstance(item, CliError):
            raise item
        found.append(item.name)
    return found


def _decide(session: Session, found: Found, decision: Decision, force: bool) -> Tree:
    tree = decided(found.tree, decision, datetime.now(UTC), force)
    if tree is None:
        return found.tree
    path = found.resource.path("", found.name, "approval")
    return session.client.request("PUT", path, (), tree).tree()


def _command(name: str, summary: str, decision: Decision) -> Command:
    return Command(
        name=name,
        summary=summary,
        usage="(-f FILENAME | NAME)",
        flags=(
            *printer.PRINT_FLAGS,
            *manifest.FILE_FLAGS,
            Flag("force", kind="bool", help="Update the condition even if it is there"),
        ),
        run=_runner(decision),
    )


COMMAND = Command(
    name="certificate",
    summary="Decide on certificate signing requests",
    usage="SUBCOMMAND",
    examples=(("Approve a request", "certificate approve csr-sqgzp"),),
    children=(
        _command("approve", "Approve a request: its signer may issue the certificate", APPROVE),
        _command("deny", "Deny a request", DENY),
    ),
)
