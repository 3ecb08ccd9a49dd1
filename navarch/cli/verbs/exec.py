"""`kubectl exec`."""

from __future__ import annotations

from navarch.cli import manifest
from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.pods import container_of, find_pods
from navarch.cli.session import Session


def run(session: Session, options: Options, words: Words) -> int:
    target, command = _split(session, options, words)
    pod = find_pods(session, target)[0]
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise CliError(f"cannot exec into a container in a completed pod; current phase is {phase}")
    name = container_of(session, pod, options.container, quiet=options.quiet)
    from navarch.cli.channels import Channels
    from navarch.cli.terminal import join

    terminal = options.tty and _is_terminal(session)
    if options.tty and not terminal:
        session.complain("Unable to use a TTY - input is not a terminal or the right kind of file")
    query = [("command", word) for word in command] + [("container", name)]
    query += [(stream, "true") for stream, on in _streams(options.stdin, terminal) if on]
    path = session.resources.find("pods").path(pod["metadata"]["namespace"], pod["metadata"]["name"], "exec")
    code = join(session, Channels(session.client, path, query), stdin=options.stdin, terminal=terminal)
    if code:
        raise CliError(f"command terminated with exit code {code}", code, prefix=False)
    return 0


def _streams(stdin: bool, terminal: bool) -> list[tuple[str, bool]]:
    """A terminal has no error channel of its own."""
    return [("stdin", stdin), ("stdout", True), ("stderr", not terminal), ("tty", terminal)]


def _is_terminal(session: Session) -> bool:
    return session.stdin.isatty()


def _from_file(session: Session, options: Options) -> str:
    """The one object of the files, as TYPE/NAME. Raises: CliError."""
    found = list(manifest.read(session, options))
    if len(found) > 1:
        raise CliError("cannot exec into multiple objects at a time")
    item = found[0]
    if isinstance(item, CliError):
        raise item
    return f"{item.resource.qualified}/{item.name}"


def _split(session: Session, options: Options, words: Words) -> tuple[str, list[str]]:
    if manifest.given(options) and words.dash == 0 and words.args:
        return _from_file(session, options), words.args
    if words.dash < 0:
        if len(words.args) > 1:
            raise UsageError("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead")
        if not words.args:
            raise UsageError("pod, type/name or --filename must be specified")
        raise CliError("you must specify at least one command for the container")
    before, command = words.before_dash(), words.after_dash()
    if not before:
        raise UsageError("pod, type/name or --filename must be specified")
    if not command:
        raise CliError("you must specify at least one command for the container")
    if len(before) > 1:
        raise UsageError("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead")
    return before[0], command


COMMAND = Command(
    name="exec",
    summary="Run a command in a container",
    usage="(POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...]",
    examples=(("One command", "exec web-0 -- date"), ("A shell", "exec -it web-0 -- sh")),
    flags=(
        Flag("container", "c", help="The container; the pod's default or first one if not given"),
        *manifest.FILE_FLAGS,
        Flag("pod-running-timeout", kind="duration", default=60.0, help="How long to wait for a pod"),
        Flag("quiet", "q", kind="bool", help="Only what the command writes"),
        Flag("stdin", "i", kind="bool", help="Pass the input on"),
        Flag("tty", "t", kind="bool", help="Give the command a terminal"),
    ),
    run=run,
)
