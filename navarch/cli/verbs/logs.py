"""`kubectl logs`."""

from __future__ import annotations

from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.pods import container_of, find_pods, pods_of
from navarch.cli.session import Session
from navarch.schema.types import Tree

_USAGE = (
    "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
    "POD or TYPE/NAME is a required argument for the logs command"
)
#: With a selector only so many lines of each container, unless --tail says otherwise.
_SELECTOR_TAIL = 10


def run(session: Session, options: Options, words: Words) -> int:
    _validate(options, words)
    sources = [(pod, name) for pod in _pods(session, options, words) for name in _containers(session, options, pod)]
    if options.follow and len(sources) > 1:
        if len(sources) > options.max_log_requests:
            raise CliError(
                f"you are attempting to follow {len(sources)} log streams, but maximum allowed concurrency is "
                f"{options.max_log_requests}, use --max-log-requests to increase the limit"
            )
        from navarch.cli.log_streams import follow_all

        return follow_all(
            session,
            [(_path(session, pod), _query(options, name), _prefix(options, pod, name)) for pod, name in sources],
        )
    for pod, name in sources:
        try:
            _copy(session, _path(session, pod), _query(options, name), _prefix(options, pod, name))
        except ApiError as error:
            if not options.ignore_errors:
                raise
            session.complain(f"error: {error.message}")
    return 0


def _validate(options: Options, words: Words) -> None:
    if not words.args and not options.selector:
        raise UsageError(_USAGE)
    if len(words.args) > 2:
        raise UsageError(_USAGE)
    if words.args and options.selector:
        raise CliError("only a selector (-l) or a POD name is allowed")
    if len(words.args) == 2:
        if options.container:
            raise CliError("only one of -c or an inline [CONTAINER] arg is allowed")
        setattr(options, "container", words.args[1])  # noqa: B010 - flags are attributes made at run time
    if options.since and options.since_time:
        raise CliError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if options.tail < -1:
        raise CliError("--tail must be greater than or equal to -1")


def _pods(session: Session, options: Options, words: Words) -> list[Tree]:
    if options.selector:
        found = pods_of(session, options.selector)
        if not found:
            session.complain(f"No resources found in {session.namespace} namespace.")
        return found
    try:
        found = find_pods(session, words.args[0])
    except ApiError as error:
        if error.reason == "NotFound" and "/" not in words.args[0]:
            text = f'error from server (NotFound): {error.message} in namespace "{session.namespace}"'
            raise CliError(text) from error
        raise
    if len(found) > 1 and not options.all_pods:
        session.complain(f"Found {len(found)} pods, using pod/{found[0]['metadata']['name']}")
        found = found[:1]
    return found


def _containers(session: Session, options: Options, pod: Tree) -> list[str]:
    if options.all_containers:
        keys = ("initContainers", "containers", "ephemeralContainers")
        return [c["name"] for key in keys for c in pod["spec"].get(key) or []]
    return [container_of(session, pod, options.container)]


def _path(session: Session, pod: Tree) -> str:
    return session.resources.find("pods").path(pod["metadata"]["namespace"], pod["metadata"]["name"], "log")


def _query(options: Options, container: str) -> list[tuple[str, str]]:
    query = [("container", container)]
    for name in ("follow", "previous", "timestamps"):
        if getattr(options, name):
            query.append((name, "true"))
    if options.since:
        query.append(("sinceSeconds", str(max(1, round(options.since)))))
    if options.since_time:
        query.append(("sinceTime", options.since_time))
    tail = options.tail
    if options.selector and "tail" not in options.given:
        tail = _SELECTOR_TAIL
    if tail >= 0:
        query.append(("tailLines", str(tail)))
    if options.limit_bytes:
        query.append(("limitBytes", str(options.limit_bytes)))
    return query


def _prefix(options: Options, pod: Tree, container: str) -> bytes:
    return f"[pod/{pod['metadata']['name']}/{container}] ".encode() if options.prefix else b""


def _copy(session: Session, path: str, query: list[tuple[str, str]], prefix: bytes) -> None:
    response = session.client.stream(path, query)
    if prefix:
        for line in response:
            session.write_bytes(prefix + line)
        return
    while chunk := response.read1(65536):
        session.write_bytes(chunk)


COMMAND = Command(
    name="logs",
    summary="Show what containers wrote",
    usage="[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]",
    examples=(
        ("Of a pod", "logs web-0"),
        ("Go on as more is written", "logs -f web-0"),
        ("The last 20 lines of all pods with a label", "logs -l app=web --tail=20"),
        ("Of the container before it was restarted", "logs -p web-0 -c web"),
    ),
    flags=(
        Flag("all-containers", kind="bool", help="All containers of the pod"),
        Flag("all-pods", kind="bool", help="All pods of the workload"),
        Flag("container", "c", help="The container"),
        Flag("follow", "f", kind="bool", help="Go on as more is written"),
        Flag("ignore-errors", kind="bool", help="Go on to the next container after an error"),
        Flag("insecure-skip-tls-verify-backend", kind="bool", hidden=True),
        Flag("limit-bytes", kind="int", help="At most so many bytes"),
        Flag("max-log-requests", kind="int", default=5, help="How many containers to follow at most"),
        Flag("pod-running-timeout", kind="duration", default=20.0, help="How long to wait for a pod"),
        Flag("prefix", kind="bool", help="Pod and container before each line"),
        Flag("previous", "p", kind="bool", help="Of the container before it was restarted"),
        Flag("selector", "l", help="Pods whose labels match"),
        Flag("since", kind="duration", help="Only what is newer than this: 5s, 2m, 3h"),
        Flag("since-time", help="Only what is newer than this time (RFC 3339)"),
        Flag("tail", kind="int", default=-1, help="Only so many of the last lines; -1: all"),
        Flag("timestamps", kind="bool", help="The time before each line"),
    ),
    run=run,
)
