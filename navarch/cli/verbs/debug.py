"""`kubectl debug`: a container beside the ones that trouble, a copy of their pod, or a pod on a node."""

from __future__ import annotations

import random

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.debugging import PROFILES, Keep, Wish, copy, node_pod, with_ephemeral
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.pods import wait_until_running
from navarch.cli.selection import Found, lookup, parse_names, select
from navarch.cli.session import Session
from navarch.cli.verbs.attach import attach_to
from navarch.schema.types import Tree

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def run(session: Session, options: Options, words: Words) -> int:
    _validate(options, words)
    found = _chosen(session, options, words.before_dash())
    resource = found.resource
    if resource.kind == "Node":
        pod, container = _on_node(session, options, words, found)
    elif resource.kind != "Pod":
        raise CliError(f'"{resource.singular_qualified}" not supported by debug')
    elif options.copy_to:
        pod, container = _copied(session, options, words, found.tree)
    else:
        pod, container = _beside(session, options, words, found)
    if not (options.attach if "attach" in options.given else options.stdin):
        return 0
    up = wait_until_running(session, pod["metadata"]["name"], options.pod_running_timeout, container)
    return attach_to(session, options, up, container)


def _chosen(session: Session, options: Options, names: list[str]) -> Found:
    """The pod or node of the words, or of a file as it is. Raises: ApiError, CliError."""
    if manifest.given(options):
        found = next(iter(select(session, options, names, local=True)))
        if isinstance(found, CliError):
            raise found
        return found
    if "/" in names[0]:
        ((resource, name),) = parse_names(session, names).pairs
    else:
        resource, name = session.resources.find("pods"), names[0]
    return lookup(session, resource, session.namespace, name)


def _validate(options: Options, words: Words) -> None:
    """Raises: CliError, UsageError."""
    has_command = bool(words.after_dash())
    if len(words.before_dash()) != 1 and not manifest.given(options):
        raise UsageError("NAME or TYPE/NAME is required for debug")
    if options.profile not in PROFILES:
        raise CliError(f"unknown profile: {options.profile}")
    if not options.copy_to and not options.image:
        raise CliError("you must specify --image when not using --copy-to.")
    if options.copy_to and not (options.image or options.set_image or has_command):
        raise CliError("you must specify --image, --set-image or command arguments.")
    if options.tty and not options.stdin:
        raise CliError("-i/--stdin is required for containers with -t/--tty=true")
    if options.target and options.copy_to:
        raise CliError("--target is incompatible with --copy-to. Use --share-processes instead.")
    if (options.replace or options.same_node) and not options.copy_to:
        name = "replace" if options.replace else "same-node"
        raise CliError(f"--{name} may only be used with --copy-to.")


def _wish(options: Options, words: Words, name: str) -> Wish:
    command = tuple(words.after_dash())
    return Wish(
        name,
        options.image,
        () if options.arguments_only else command,
        command if options.arguments_only else (),
        tuple({"name": key, "value": value} for key, _, value in (text.partition("=") for text in options.env)),
        options.image_pull_policy,
        options.stdin,
        options.tty,
        options.target,
        options.profile,
        _custom(options.custom),
    )


def _custom(path: str) -> Tree:
    """A part of a container that goes over the profile's. Raises: CliError."""
    if not path:
        return {}
    from navarch.base.yaml import YamlError, load

    try:
        with open(path, encoding="utf-8") as file:
            tree = load(file.read())
    except (OSError, YamlError) as error:
        raise CliError(f"must pass a container spec json file for custom profile: {error}") from error
    if not isinstance(tree, dict):
        raise CliError("must pass a container spec json file for custom profile: it is no mapping")
    for key in ("name", "command", "image", "lifecycle", "volumeDevices"):
        if tree.get(key):
            raise CliError(f"{key} is not allowed to be set in custom profile")
    return tree


def _some_name(base: str) -> str:
    return f"{base}-" + "".join(random.choices(_LETTERS, k=5))


def _debugger_name(session: Session, options: Options) -> str:
    if options.container:
        return str(options.container)
    name = _some_name("debugger")
    if not options.quiet:
        session.say(f"Defaulting debug container name to {name}.")
    return name


def _beside(session: Session, options: Options, words: Words, found: Found) -> tuple[Tree, str]:
    wish = _wish(options, words, _debugger_name(session, options))
    path = found.resource.path(found.namespace, found.name, "ephemeralcontainers")
    made = session.client.request("PUT", path, (), with_ephemeral(found.tree, wish)).tree()
    return made, wish.name


def _copied(session: Session, options: Options, words: Words, pod: Tree) -> tuple[Tree, str]:
    images = dict(text.partition("=")[::2] for text in options.set_image.split(",") if text)
    name = options.container
    if not name and options.image:
        name = _debugger_name(session, options)
    elif not name:
        name = pod["spec"]["containers"][0]["name"]
    keep = Keep(
        options.keep_labels,
        options.keep_annotations,
        options.keep_liveness,
        options.keep_readiness,
        options.keep_startup,
        options.keep_init_containers,
    )
    wish = _wish(options, words, name)
    tree = copy(pod, options.copy_to, wish, images, keep, same_node=options.same_node, share=_share(options))
    made = _create(session, tree)
    if options.replace:
        writes.delete(session, session.resources.find("pods").path(session.namespace, pod["metadata"]["name"]))
    return made, name


def _share(options: Options) -> bool | None:
    return None if options.share_processes else False


def _on_node(session: Session, options: Options, words: Words, found: Found) -> tuple[Tree, str]:
    name, container = _some_name(f"node-debugger-{found.name}"), options.container or "debugger"
    if not options.quiet:
        session.say(f"Creating debugging pod {name} with container {container} on node {found.name}.")
    return _create(session, node_pod(found.name, name, session.namespace, _wish(options, words, container))), container


def _create(session: Session, tree: Tree) -> Tree:
    path = session.resources.find("pods").path(session.namespace)
    return session.client.request("POST", path, (("fieldManager", "kubectl-debug"),), tree).tree()


COMMAND = Command(
    name="debug",
    summary="Look into a pod or a node with tools of another image",
    about=(
        "Add a container with tools to a running pod; or run a copy of the pod with other images or commands; "
        "or run a pod in the namespaces of a node, with the node's files below /host."
    ),
    usage="(POD | TYPE/NAME) [ -- COMMAND [args...] ]",
    examples=(
        ("A shell beside a pod's containers", "debug web-0 -it --image=busybox"),
        ("A copy whose command is another", "debug web-0 -it --copy-to=web-debug --container=web -- sh"),
        ("A shell on a node", "debug node/minikube -it --image=busybox"),
    ),
    flags=(
        Flag("arguments-only", kind="bool", help="The words behind -- are the image's arguments, not its command"),
        Flag("attach", kind="bool", help="Wait for the container and show what it writes"),
        Flag("container", "c", help="The debugging container's name"),
        Flag("copy-to", help="Make a copy of the pod with this name"),
        *manifest.FILE_FLAGS,
        Flag("custom", help="File with a part of a container, in JSON or YAML, to put over the profile's"),
        Flag("env", kind="array", help="An environment variable: NAME=value"),
        Flag("image", help="Image of the debugging container"),
        Flag("image-pull-policy", help="Always, IfNotPresent or Never"),
        Flag("keep-annotations", kind="bool", help="A copy keeps the pod's annotations"),
        Flag("keep-init-containers", kind="bool", default=True, help="A copy keeps init containers"),
        Flag("keep-labels", kind="bool", help="A copy keeps the pod's labels"),
        Flag("keep-liveness", kind="bool", help="A copy keeps liveness probes"),
        Flag("keep-readiness", kind="bool", help="A copy keeps readiness probes"),
        Flag("keep-startup", kind="bool", help="A copy keeps startup probes"),
        Flag("pod-running-timeout", kind="duration", default=60.0, help="How long to wait for the container"),
        Flag("profile", default="general", help=f"What the container may do: {', '.join(PROFILES)}"),
        Flag("quiet", "q", kind="bool", help="Only what the container writes"),
        Flag("replace", kind="bool", help="Delete the pod that is copied"),
        Flag("same-node", kind="bool", help="Put the copy on the pod's node"),
        Flag("set-image", help="Other images in a copy: name=image, separated by commas; * for all"),
        Flag("share-processes", kind="bool", default=True, help="The containers of a copy see each other's processes"),
        Flag("stdin", "i", kind="bool", help="Pass the input on"),
        Flag("target", help="See the processes of this container"),
        Flag("tty", "t", kind="bool", help="Give the container a terminal"),
    ),
    run=run,
)
