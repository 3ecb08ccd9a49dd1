"""`kubectl get`: tables that the server makes, or whole objects in the form of `-o`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from navarch.cli import manifest
from navarch.cli.command import Command
from navarch.cli.errors import ApiError, CliError, UsageError, raise_all
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import printer
from navarch.cli.output.tables import Aligner, TableOptions, cells, header
from navarch.cli.resources import Resource
from navarch.cli.rest import JSON, TABLE
from navarch.cli.selection import (
    ALL_NAMESPACES,
    CHUNK_SIZE,
    SELECTOR_FLAGS,
    explain_selector,
    parse_names,
    selector_query,
)
from navarch.cli.session import Session

if TYPE_CHECKING:
    from navarch.schema.types import Tree


FORMS = ("custom-columns", "custom-columns-file", "wide")
NO_TYPE = (
    'You must specify the type of resource to {verb}. Use "kubectl api-resources" for a complete list of '
    "supported resources."
)


class Wanted(NamedTuple):
    """One request: a type's list, or one object."""

    resource: Resource
    namespace: str
    name: str = ""

    def path(self, subresource: str = "") -> str:
        return self.resource.path(self.namespace, self.name, subresource)


def run(session: Session, options: Options, words: Words) -> int:
    if options.raw:
        return _raw(session, options, words.args)
    if not words.args and not manifest.given(options):
        session.complain(NO_TYPE.format(verb="get") + "\n")
        raise UsageError("Required resource not specified.")
    if options.watch or options.watch_only:
        from navarch.cli.verbs.get_watch import watch

        return watch(session, options, _one_wanted(session, options, words.args))
    problems: list[CliError] = []
    requests: list[Wanted] = []
    for wanted in wanted_of(session, options, words.args):
        problems.append(wanted) if isinstance(wanted, CliError) else requests.append(wanted)
    if options.output in ("", "wide") and not options.template and options.server_print:
        _print_tables(session, options, requests, _several_kinds(words.args, requests), problems)
    else:
        _print_objects(session, options, requests, problems)
    raise_all(problems)
    return 0


def wanted_of(session: Session, options: Options, args: list[str]) -> Iterator[Wanted | CliError]:
    """What the words or files ask for. Raises: CliError."""
    if manifest.given(options):
        for item in manifest.read(session, options):
            yield item if isinstance(item, CliError) else Wanted(item.resource, item.namespace, item.name)
        return
    names = parse_names(session, args)
    if names.pairs and options.all_namespaces:
        raise CliError("a resource cannot be retrieved by name across all namespaces")
    if names.pairs and selector_query(options):
        raise CliError("name cannot be provided when a selector is specified")
    for resource, name in names.pairs:
        yield Wanted(resource, session.namespace if resource.namespaced else "", name)
    for resource in names.types:
        everywhere = options.all_namespaces or not resource.namespaced
        yield Wanted(resource, "" if everywhere else session.namespace)


def _one_wanted(session: Session, options: Options, args: list[str]) -> Wanted:
    found = list(wanted_of(session, options, args))
    if len(found) != 1:
        raise CliError(
            f"you may only specify a single resource type or object when watching; {len(found)} were found"
            if not found
            else "watch is only supported on individual resources and resource collections - "
            f"{len(found)} resources were found"
        )
    if isinstance(found[0], CliError):
        raise found[0]
    return found[0]


def _several_kinds(args: list[str], requests: list[Wanted]) -> bool:
    """Whether names carry their kind: always where several types were asked for."""
    if args and ("," in args[0] or args[0] == "all" or sum("/" in arg for arg in args) > 1):
        return True
    return len({wanted.resource.qualified for wanted in requests}) > 1


def table_options(options: Options, wanted: Wanted, several: bool) -> TableOptions:
    return TableOptions(
        wide=options.output == "wide",
        namespace=options.all_namespaces and wanted.resource.namespaced,
        no_headers=options.no_headers,
        show_labels=options.show_labels,
        label_columns=options.label_columns,
        prefix=wanted.resource.singular_qualified if several or options.show_kind else "",
    )


def _print_tables(
    session: Session, options: Options, requests: list[Wanted], several: bool, problems: list[CliError]
) -> None:
    """One aligned block for each run of requests of the same resource."""
    block: list[list[str]] = []
    last: Resource | None = None
    printed = False
    for wanted in requests:
        try:
            table = fetch(session, options, wanted, accept=TABLE)
        except CliError as error:
            _note(error, options, problems)
            continue
        rows = table.get("rows") or []
        if not rows:
            continue
        if options.sort_by:
            from navarch.cli.output.sorting import sort_rows

            rows = sort_rows(rows, options.sort_by)
            if not rows:
                continue
        style = table_options(options, wanted, several)
        if last is not wanted.resource:
            if block:
                session.write(Aligner().lay_out(block) + ("" if options.no_headers else "\n"))
            block = [] if options.no_headers else [header(table["columnDefinitions"], style)]
            last = wanted.resource
        block += [cells(table["columnDefinitions"], row, style) for row in rows]
        printed = True
    session.write(Aligner().lay_out(block))
    if not printed and not options.ignore_not_found and not problems:
        session.complain(nothing_found(session, options, requests))


def nothing_found(session: Session, options: Options, requests: list[Wanted]) -> str:
    if not options.all_namespaces and all(wanted.resource.namespaced for wanted in requests):
        return f"No resources found in {session.namespace} namespace."
    return "No resources found"


def _print_objects(session: Session, options: Options, requests: list[Wanted], problems: list[CliError]) -> None:
    show = object_printer(session, options)
    items: list[Tree] = []
    single = len(requests) == 1 and bool(requests[0].name)
    for wanted in requests:
        try:
            answer = fetch(session, options, wanted, accept=JSON)
        except CliError as error:
            _note(error, options, problems)
            continue
        if wanted.name:
            items.append(answer)
        else:
            kind = {"apiVersion": wanted.resource.api_version, "kind": wanted.resource.kind}
            items += [{**kind, **item} for item in answer.get("items") or []]
    if options.sort_by:
        from navarch.cli.output.sorting import sort_objects

        items = sort_objects(items, options.sort_by)
    if single and not items:
        return
    if problems and not items:
        return
    if options.output == "name":
        session.write("".join(map(show, items)))
        return
    session.write(show(items[0] if single else as_list(items)))


def as_list(items: list[Tree]) -> Tree:
    """Objects of any kinds as one `List`."""
    return {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}


def object_printer(session: Session, options: Options) -> printer.Print:
    """The printer for whole objects. Raises: CliError."""
    form, _, argument = str(options.output).partition("=")
    if form.startswith("custom-columns"):
        from navarch.cli.output.custom_columns import column_printer

        return column_printer(form, argument, no_headers=options.no_headers)
    show = printer.make(session, options, extra=FORMS)
    if show is not None:
        return show
    from navarch.cli.output.plain_table import plain_printer

    return plain_printer(namespace=options.all_namespaces, no_headers=options.no_headers)


def fetch(session: Session, options: Options, wanted: Wanted, *, accept: str) -> Tree:
    """A Table or list with all pages, or one object. Raises: ApiError."""
    query = selector_query(options)
    if accept == TABLE and options.sort_by:
        query.append(("includeObject", "Object"))
    if wanted.name:
        return session.client.get(wanted.path(options.subresource), query, accept=accept).tree()
    paged = [*query, ("limit", str(options.chunk_size))] if options.chunk_size else query
    key = "rows" if accept == TABLE else "items"
    whole: Tree | None = None
    token = ""
    while True:
        page = [*paged, ("continue", token)] if token else paged
        try:
            part = session.client.get(wanted.path(), page, accept=accept).tree()
        except ApiError as error:
            raise explain_selector(error, wanted.resource, query) from error
        if whole is None:
            whole = part
        else:
            whole[key] = (whole.get(key) or []) + (part.get(key) or [])
        token = (part.get("metadata") or {}).get("continue") or ""
        if not token:
            return whole


def _note(error: CliError, options: Options, problems: list[CliError]) -> None:
    if not (options.ignore_not_found and isinstance(error, ApiError) and error.reason == "NotFound"):
        problems.append(error)


def _raw(session: Session, options: Options, args: list[str]) -> int:
    if args or manifest.given(options) or options.watch:
        raise UsageError("arguments may not be passed when --raw is specified")
    session.write_bytes(session.client.get(options.raw).body)
    return 0


COMMAND = Command(
    name="get",
    summary="Show objects",
    about=(
        "Show objects: a table of the most important facts, or whole objects with -o.\n\n"
        'Use "kubectl api-resources" for the types that the server has.'
    ),
    usage="[(-o|--output=)FORM] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags]",
    examples=(
        ("All pods", "get pods"),
        ("Pods with their nodes and addresses", "get pods -o wide"),
        ("A deployment in YAML", "get deployment web -o yaml"),
        ("Pods and services with a label, in all namespaces", "get pods,services -l app=web -A"),
        ("Follow what happens to pods", "get pods --watch"),
        ("One field", "get pod web-0 -o jsonpath={.status.podIP}"),
    ),
    flags=(
        *printer.PRINT_FLAGS,
        *manifest.FILE_FLAGS,
        *SELECTOR_FLAGS,
        ALL_NAMESPACES,
        CHUNK_SIZE,
        Flag("ignore-not-found", kind="bool", help="An object that does not exist is no error"),
        Flag("label-columns", "L", kind="list", help="Labels to show as columns"),
        Flag("no-headers", kind="bool", help="Leave out the column headers"),
        Flag("output-watch-events", kind="bool", help="Show what happened to each object with --watch"),
        Flag("raw", help="A path on the server to get as it is"),
        Flag("server-print", kind="bool", default=True, help="Let the server make the columns"),
        Flag("show-kind", kind="bool", help="Show the type before each name"),
        Flag("show-labels", kind="bool", help="Show all labels in the last column"),
        Flag("sort-by", help="Sort by this JSONPath, e.g. .metadata.name"),
        Flag("subresource", help="Show this subresource: status, scale or resize"),
        Flag("watch", "w", kind="bool", help="Go on and show changes"),
        Flag("watch-only", kind="bool", help="Show only changes"),
    ),
    run=run,
)
