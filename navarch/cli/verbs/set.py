"""`kubectl set`: image, env, resources, selector, serviceaccount and subject."""

from __future__ import annotations

from navarch.cli import manifest, writes
from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.pod_template import Change, containers_named, pod_spec, wrap
from navarch.cli.selection import Found, select
from navarch.cli.session import Session
from navarch.cli.verbs.set_env import ENV
from navarch.cli.verbs.set_subject import SUBJECT
from navarch.schema.types import Tree


def change_each(session: Session, options: Options, args: list[str], change: Change, operation: str) -> int:
    """Patch every selected object's pod template by what `change` says of it."""
    reporter = printer.Reporter(session, options)
    problems: list[CliError] = []
    for found in select(session, options, args, local=options.local):
        try:
            if isinstance(found, CliError):
                raise found
            body = change(found)
            tree = found.tree
            if options.local or reporter.dry_run == "client":
                from navarch.cli.three_way import patched

                tree = patched(found.resource, tree, body, writes.STRATEGIC) if body else tree
                reporter.done(found.resource, tree, operation)
            elif body:
                done = writes.patch(session, options, found.path, body)
                if reporter.wants_object or done["metadata"].get("resourceVersion") != tree["metadata"].get(
                    "resourceVersion"
                ):
                    reporter.done(found.resource, done, operation)
            elif reporter.wants_object:
                reporter.done(found.resource, tree, operation)
        except CliError as error:
            problems.append(error)
    raise_all(problems)
    return 0


def _run_image(session: Session, options: Options, words: Words) -> int:
    names = [arg for arg in words.args if "=" not in arg]
    images = dict(arg.partition("=")[::2] for arg in words.args if "=" in arg)
    if not names and not manifest.given(options):
        raise UsageError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not images:
        raise UsageError("at least one image update is required")

    def change(found: Found) -> Tree:
        spec = pod_spec(found)
        body: Tree = {}
        for key in ("initContainers", "containers"):
            changed = []
            for container in spec.get(key) or []:
                image = images.get(container["name"], images.get("*"))
                if image is not None:
                    changed.append({"name": container["name"], "image": image})
            if changed:
                body[key] = changed
        known = {c["name"] for key in ("initContainers", "containers") for c in spec.get(key) or []}
        for name in images:
            if name != "*" and name not in known:
                raise CliError(f'unable to find container named "{name}"')
        return wrap(found, body)

    return change_each(session, options, names, change, "image updated")


def _run_resources(session: Session, options: Options, words: Words) -> int:
    if not options.limits and not options.requests:
        raise CliError("you must specify an update to requests or limits (in the form of --requests/--limits)")
    amounts = {
        key: dict(part.partition("=")[::2] for part in text.split(","))
        for key, text in (("limits", options.limits), ("requests", options.requests))
        if text
    }

    def change(found: Found) -> Tree:
        chosen = containers_named(pod_spec(found), options.containers)
        if not chosen:
            raise CliError(f'unable to find container named "{options.containers}"')
        return wrap(found, {"containers": [{"name": c["name"], "resources": amounts} for c in chosen]})

    return change_each(session, options, words.args, change, "resource requirements updated")


def _run_serviceaccount(session: Session, options: Options, words: Words) -> int:
    if not words.args:
        raise CliError("serviceaccount is required")
    *names, account = words.args
    body = {"serviceAccountName": account, "serviceAccount": account}
    return change_each(session, options, names, lambda found: wrap(found, body), "serviceaccount updated")


def _run_selector(session: Session, options: Options, words: Words) -> int:
    names = [arg for arg in words.args if "=" not in arg]
    expressions = [part for arg in words.args if "=" in arg for part in arg.split(",")]
    if not expressions:
        raise UsageError("one selector is required")
    selector = dict(part.partition("=")[::2] for part in expressions)

    def change(found: Found) -> Tree:
        if found.resource.kind != "Service":
            raise CliError("setting a selector is only supported for Services")
        metadata = {"metadata": {"resourceVersion": options.resource_version}} if options.resource_version else {}
        return {**metadata, "spec": {"selector": {"$patch": "replace", **selector}}}

    return change_each(session, options, names, change, "selector updated")


def _flags(*more: Flag) -> tuple[Flag, ...]:
    return (
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        printer.DRY_RUN,
        writes.field_manager("kubectl-set"),
        writes.RECORD,
        Flag("all", kind="bool", help="All objects of the type in the namespace"),
        Flag("local", kind="bool", help="Change the file's object, without asking the server"),
        Flag("selector", "l", help="Only objects whose labels match"),
        *more,
    )


COMMAND = Command(
    name="set",
    summary="Change images, variables and the like of workloads",
    usage="SUBCOMMAND",
    children=(
        ENV,
        Command(
            name="image",
            summary="Set the images of containers",
            usage="(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N",
            flags=_flags(),
            run=_run_image,
            examples=(("A new image", "set image deployment/web nginx=nginx:1.27"),),
        ),
        Command(
            name="resources",
            summary="Set what containers ask for and may use",
            usage="(-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS]",
            flags=_flags(
                Flag("containers", "c", default="*", help="Names of the containers; * stands for any letters"),
                Flag("limits", help="Limits: cpu=200m,memory=512Mi"),
                Flag("requests", help="Requests: cpu=100m,memory=256Mi"),
            ),
            run=_run_resources,
            examples=(("Limits", "set resources deployment web --limits=cpu=200m,memory=512Mi"),),
        ),
        Command(
            name="selector",
            summary="Set the selector of a service",
            usage="(-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version]",
            flags=_flags(Flag("resource-version", help="Only if the object still has this version")),
            run=_run_selector,
        ),
        Command(
            name="serviceaccount",
            summary="Set the service account of pods",
            aliases=("sa",),
            usage="(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT",
            flags=_flags(),
            run=_run_serviceaccount,
        ),
        SUBJECT,
    ),
)
