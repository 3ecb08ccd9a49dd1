"""What commands share that make an object of flags: create it, or print it.

A generator is a plain function `(name, options, words) -> tree`; the trees have Go's order of fields,
which `-o json` shows.
"""

from __future__ import annotations

from collections.abc import Callable

from navarch.cli import writes
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.session import Session
from navarch.schema.types import Tree

Generate = Callable[[str, Options, Words], Tree]

CREATE_FLAGS: tuple[Flag, ...] = (
    *printer.PRINT_FLAGS,
    printer.DRY_RUN,
    writes.SAVE_CONFIG,
    writes.VALIDATE,
    writes.field_manager("kubectl-create"),
)
OVERRIDES: tuple[Flag, ...] = (
    Flag("overrides", help="JSON to merge into the object that is made"),
    Flag("override-type", default="merge", help="How: json, merge or strategic"),
)


def command(
    name: str,
    summary: str,
    generate: Generate,
    flags: tuple[Flag, ...] = (),
    *,
    failure: str = "",
    aliases: tuple[str, ...] = (),
    usage: str = "NAME",
    example: str = "",
) -> Command:
    """A `create` command around a generator. `failure`: what messages of the server stand behind."""

    def run(session: Session, options: Options, words: Words) -> int:
        tree = generate(one_name(words), options, words)
        reporter = printer.Reporter(session, options, sort=False)
        make(session, options, tree, reporter, failure=failure)
        return 0

    examples = ((summary, example),) if example else ()
    return Command(
        name=name,
        summary=summary,
        flags=(*CREATE_FLAGS, *flags),
        run=run,
        usage=usage,
        aliases=aliases,
        examples=examples,
    )


def overridden(tree: Tree, options: Options) -> Tree:
    """The object with what `--overrides` says. Raises: CliError."""
    if not options.overrides:
        return tree
    from navarch.base.patch import apply_json_patch, apply_merge_patch
    from navarch.base.yaml import load

    patch = load(options.overrides)
    result: Tree
    if options.override_type == "json":
        result = apply_json_patch(tree, patch)
    elif options.override_type == "strategic":
        from navarch.schema.facts import load as facts
        from navarch.schema.strategic import merge

        name = facts().type_name(tree["apiVersion"], tree["kind"])
        assert name is not None
        result = merge(facts().type(name), tree, patch)
    elif options.override_type == "merge":
        result = apply_merge_patch(tree, patch)
    else:
        raise CliError(f"invalid override type: {options.override_type}")
    return result


def one_name(words: Words) -> str:
    """The one argument before `--`. Raises: UsageError."""
    names = words.before_dash()
    if len(names) != 1:
        raise UsageError(f"exactly one NAME is required, got {len(names)}")
    return names[0]


def make(
    session: Session,
    options: Options,
    tree: Tree,
    reporter: printer.Reporter,
    *,
    failure: str = "",
    operation: str = "created",
) -> Tree:
    """Create the object and report it; the object as it is then. Raises: ApiError, CliError."""
    dry = printer.dry_run(options)
    if session.namespace_given:
        tree = place(session, tree)
    if options.save_config:
        tree = writes.with_last_applied(tree)
    if dry != "client":
        resource = session.resources.of_kind(tree["kind"], tree["apiVersion"])
        if resource is None:
            raise CliError(f'no matches for kind "{tree["kind"]}" in version "{tree["apiVersion"]}"')
        namespace = session.namespace if resource.namespaced else ""
        try:
            tree = writes.create(session, options, resource, namespace, writes.in_namespace(tree, namespace))
        except ApiError as error:
            raise (CliError(f"{failure}: {error.message}") if failure else error) from error
    reporter.done(None, tree, operation)
    return tree


#: The kinds made of flags that live in no namespace.
_CLUSTER_WIDE = frozenset(("Namespace", "ClusterRole", "ClusterRoleBinding", "PriorityClass"))


def place(session: Session, tree: Tree) -> Tree:
    """The object in the namespace of the command line, behind its name as Go has it."""
    if tree["kind"] in _CLUSTER_WIDE:
        return tree
    metadata: Tree = {"name": tree["metadata"]["name"], "namespace": session.namespace, **tree["metadata"]}
    return {**tree, "metadata": metadata}


def key_value(text: str, what: str) -> tuple[str, str]:
    """`key=value`. Raises: CliError."""
    key, equals, value = text.partition("=")
    if not equals:
        raise CliError(f"invalid {what} {text}, expected key=value")
    return key, value
