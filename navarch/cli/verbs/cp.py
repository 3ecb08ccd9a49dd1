"""`kubectl cp`: copy files to and from containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.pods import container_of
from navarch.cli.selection import lookup
from navarch.cli.session import Session

if TYPE_CHECKING:
    from navarch.cli import copying
    from navarch.cli.channels import Channels


def run(session: Session, options: Options, words: Words) -> int:
    from navarch.cli import copying

    if len(words.args) != 2:
        raise UsageError("source and destination are required")
    source, target = (copying.place(word) for word in words.args)
    if source.pod and target.pod:
        raise CliError(f"one of src or dest must be a local file specification: {words.args[0]}, {words.args[1]}")
    if not source.pod and not target.pod:
        raise CliError("one of src or dest must be a remote file specification")
    if not source.path or not target.path:
        raise CliError("filepath can not be empty")
    run_in = _exec(session, options, source if source.pod else target)
    if source.pod:
        copying.download(run_in, source.path, target.path, session.warn)
    else:
        copying.upload(run_in, source.path, target.path, not options.no_preserve)
    return 0


def _exec(session: Session, options: Options, remote: copying.Place) -> copying.Exec:
    from navarch.cli.channels import Channels

    resource = session.resources.find("pods")
    pod = lookup(session, resource, remote.namespace or session.namespace, remote.pod).tree
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise CliError(f"cannot exec into a container in a completed pod; current phase is {phase}")
    container = container_of(session, pod, options.container)
    path = resource.path(pod["metadata"]["namespace"], pod["metadata"]["name"], "exec")

    def run_in(command: list[str], stdin: bool) -> Channels:
        query = [("command", word) for word in command] + [("container", container)]
        query += [(stream, "true") for stream in (("stdin",) if stdin else ()) + ("stdout", "stderr")]
        return Channels(session.client, path, query)

    return run_in


COMMAND = Command(
    name="cp",
    summary="Copy files to and from containers",
    about="Copy files and directories to and from containers. The container needs a tar program.",
    usage="<file-spec-src> <file-spec-dest>",
    examples=(
        ("Into a pod", "cp /tmp/foo some-namespace/some-pod:/tmp/bar"),
        ("Out of a pod", "cp some-pod:/tmp/foo /tmp/bar -c container"),
    ),
    flags=(
        Flag("container", "c", help="The container; the pod's default or first one if not given"),
        Flag("no-preserve", kind="bool", help="Leave owner and permissions to the container"),
        Flag("retries", kind="int", default=0, hidden=True),
    ),
    run=run,
)
