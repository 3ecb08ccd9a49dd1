"""`kubectl run`: one pod of flags."""

from __future__ import annotations

import re

from navarch.cli import writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.generators import CREATE_FLAGS, OVERRIDES, make, overridden
from navarch.cli.output import printer
from navarch.cli.session import Session
from navarch.schema.types import Tree

_IMAGE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*(?::[\w][\w.-]{0,127})?"
    r"(?:@[a-z0-9]+:[0-9a-f]{32,})?"
)
_POLICIES = ("Always", "OnFailure", "Never")


def run(session: Session, options: Options, words: Words) -> int:
    if not words.args:
        raise UsageError("NAME is required for run")
    if not options.image:
        raise CliError('required flag(s) "image" not set')
    if not _IMAGE.fullmatch(options.image):
        raise CliError(f'Invalid image name "{options.image}": invalid reference format')
    if options.restart not in _POLICIES:
        raise UsageError(f"invalid restart policy: {options.restart}")
    attach = options.attach if "attach" in options.given else options.stdin
    if options.tty and not options.stdin:
        raise CliError("-i/--stdin is required for containers with -t/--tty=true")
    if options.rm and not attach:
        raise CliError("--rm should only be used for attached containers")
    name, arguments = words.args[0], words.args[1:]
    reporter = printer.Reporter(session, options, sort=False)
    tree = pod(name, options, arguments)
    if not attach or printer.dry_run(options) != "none":
        if options.expose:
            make(session, options, _service(name, options), reporter)
        make(session, options, tree, reporter)
        return 0
    from navarch.cli.verbs.attach import attach_to_new_pod

    made = make(session, options, tree, reporter) if not options.quiet and not attach else _make(session, options, tree)
    return attach_to_new_pod(session, options, made)


def _make(session: Session, options: Options, tree: Tree) -> Tree:
    """Create without a word: what the container says is all there is to see."""
    resource = session.resources.find("pods")
    namespace = session.namespace
    return writes.create(session, options, resource, namespace, writes.in_namespace(tree, namespace))


def pod(name: str, options: Options, arguments: list[str]) -> Tree:
    labels = dict(sorted(part.partition("=")[::2] for part in options.labels.split(",") if part)) or {"run": name}
    container: Tree = {"name": name, "image": options.image}
    if arguments:
        container["command" if options.command else "args"] = arguments
    if options.port:
        container["ports"] = [{"containerPort": int(options.port)}]
    if options.env:
        container["env"] = [_variable(text) for text in options.env]
    container["resources"] = {}
    if options.image_pull_policy:
        container["imagePullPolicy"] = options.image_pull_policy
    if options.stdin:
        container["stdin"] = True
        container["stdinOnce"] = True
    if options.tty:
        container["tty"] = True
    if options.privileged:
        container["securityContext"] = {"privileged": True}
    metadata: Tree = {"name": name, "labels": labels}
    if options.annotations:
        metadata["annotations"] = dict(sorted(part.partition("=")[::2] for part in options.annotations))
    tree: Tree = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {"containers": [container], "restartPolicy": options.restart, "dnsPolicy": "ClusterFirst"},
        "status": {},
    }
    return overridden(tree, options)


def _variable(text: str) -> Tree:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CliError(f"invalid env: {text}")
    return {"name": name, "value": value}


def _service(name: str, options: Options) -> Tree:
    if not options.port:
        raise CliError("--port must be set when exposing a service")
    port = int(options.port)
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "spec": {"ports": [{"protocol": "TCP", "port": port, "targetPort": port}], "selector": {"run": name}},
        "status": {"loadBalancer": {}},
    }


COMMAND = Command(
    name="run",
    summary="Run an image in a pod",
    usage='NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] '
    "[--command] -- [COMMAND] [args...]",
    examples=(
        ("A pod", "run web --image=nginx --port=80"),
        ("A shell in a pod that goes away with it", "run -it --rm sh --image=busybox --restart=Never -- sh"),
    ),
    flags=(
        *(flag for flag in CREATE_FLAGS if flag.name != "field-manager"),
        writes.field_manager("kubectl-run"),
        writes.RECORD,
        Flag("annotations", kind="array", help="An annotation: key=value"),
        Flag("attach", kind="bool", help="Wait for the pod and show what it writes"),
        Flag("command", kind="bool", help="The words behind -- replace the image's command, not its arguments"),
        Flag("env", kind="array", help="An environment variable: NAME=value"),
        Flag("expose", kind="bool", help="Create a service too; needs --port"),
        Flag("image", help="Image to run"),
        Flag("image-pull-policy", help="Always, IfNotPresent or Never"),
        Flag("labels", "l", help="Labels of the pod: key=value, separated by commas"),
        Flag("leave-stdin-open", kind="bool", help="Keep the input open after the first attach"),
        *OVERRIDES,
        Flag("pod-running-timeout", kind="duration", default=60.0, help="How long to wait for the pod"),
        Flag("port", help="Port that the container serves"),
        Flag("privileged", kind="bool", help="Run privileged"),
        Flag("quiet", "q", kind="bool", help="Only what the container writes"),
        Flag("restart", default="Always", help="Always, OnFailure or Never"),
        Flag("cascade", default="background", bare="background", help="What --rm does to dependents"),
        Flag("force", kind="bool", help="--rm removes the pod from the API at once"),
        Flag("grace-period", kind="int", default=-1, help="Seconds that the pod gets with --rm; -1: its own"),
        Flag("timeout", kind="duration", help="How long --rm waits; 0: as long as it takes"),
        Flag("wait", kind="bool", help="--rm waits until the pod is gone"),
        Flag("rm", kind="bool", help="Delete the pod at the end"),
        Flag("stdin", "i", kind="bool", help="Pass the input on"),
        Flag("tty", "t", kind="bool", help="Give the container a terminal"),
    ),
    run=run,
)
