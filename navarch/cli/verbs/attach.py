"""`kubectl attach`, and the attaching of `kubectl run -it`."""

from __future__ import annotations

from navarch.cli import writes
from navarch.cli.command import Command
from navarch.cli.errors import UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.pods import container_of, find_pods, wait_until_over, wait_until_running
from navarch.cli.session import Session
from navarch.schema.types import Tree


def run(session: Session, options: Options, words: Words) -> int:
    if not words.args:
        raise UsageError("at least 1 argument is required for attach")
    if len(words.args) > 2:
        raise UsageError(
            f"expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {len(words.args)}: {words.args}"
        )
    pod = find_pods(session, "/".join(words.args))[0]
    return attach_to(session, options, pod, container_of(session, pod, options.container, quiet=options.quiet))


def attach_to(session: Session, options: Options, pod: Tree, container: str) -> int:
    """Join a container that runs, until it ends; its exit code if it tells one."""
    from navarch.cli.channels import Channels
    from navarch.cli.terminal import join

    terminal = options.tty and session.stdin.isatty()
    if options.stdin and not options.quiet and terminal:
        session.complain("If you don't see a command prompt, try pressing enter.")
    streams = (("stdin", options.stdin), ("stdout", True), ("stderr", not terminal), ("tty", terminal))
    query = [("container", container), *((name, "true") for name, on in streams if on)]
    path = session.resources.find("pods").path(pod["metadata"]["namespace"], pod["metadata"]["name"], "attach")
    return join(session, Channels(session.client, path, query), stdin=options.stdin, terminal=terminal)


def attach_to_new_pod(session: Session, options: Options, pod: Tree) -> int:
    """Join the pod of `run` as soon as it runs; with --rm it goes away at the end."""
    name = pod["metadata"]["name"]
    path = session.resources.find("pods").path(session.namespace, name)
    try:
        up = wait_until_running(session, name, options.pod_running_timeout)
        if (up.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            session.write_bytes(session.client.get(f"{path}/log").body)
        else:
            attach_to(session, options, up, up["spec"]["containers"][0]["name"])
        if up["spec"].get("restartPolicy") == "Always" or options.leave_stdin_open:
            return 0  # it may go on
        return _exit_code(wait_until_over(session, name, options.pod_running_timeout))
    finally:
        if options.rm:
            _remove(session, options, name)
            session.say(f'pod "{name}" deleted from {session.namespace} namespace')


def _remove(session: Session, options: Options, name: str) -> None:
    """What --rm does at the end."""
    pods = session.resources.find("pods")
    grace_s = 0 if options.force else options.grace_period if options.grace_period >= 0 else None
    propagation = writes.propagation(options.cascade)
    answer = writes.delete(session, pods.path(session.namespace, name), grace_s=grace_s, propagation=propagation)
    if options.wait:
        from navarch.cli.verbs.delete import wait_until_gone

        wait_until_gone(session, pods, session.namespace, name, answer, timeout_s=options.timeout)


def _exit_code(pod: Tree) -> int:
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        terminated = (status.get("state") or {}).get("terminated")
        if terminated:
            return int(terminated.get("exitCode", 0))
    return 0


COMMAND = Command(
    name="attach",
    summary="Join a running container's terminal",
    usage="(POD | TYPE/NAME) -c CONTAINER",
    examples=(("See what it writes", "attach web-0"), ("Type into it", "attach -it web-0 -c sh")),
    flags=(
        Flag("container", "c", help="The container"),
        Flag("pod-running-timeout", kind="duration", default=60.0, help="How long to wait for a pod"),
        Flag("quiet", "q", kind="bool", help="Only what the container writes"),
        Flag("stdin", "i", kind="bool", help="Pass the input on"),
        Flag("tty", "t", kind="bool", help="The container has a terminal"),
    ),
    run=run,
)
