"""Which objects a command works on: `TYPE NAME...`, `TYPE/NAME...`, `TYPE -l ...`, or files.

Source: cli-runtime `resource.Builder` (argument forms and error texts).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from navarch.cli import manifest
from navarch.cli.errors import LOCAL_NEEDS_FILES, NO_RESOURCES_NAMED, ApiError, CliError
from navarch.cli.flags import Flag, Options
from navarch.cli.resources import Resource, UnknownResource
from navarch.cli.rest import Query
from navarch.cli.session import Session

if TYPE_CHECKING:
    from navarch.schema.types import Tree


SELECTOR_FLAGS: tuple[Flag, ...] = (
    Flag("selector", "l", help="Only objects whose labels match, e.g. -l key1=value1,key2 in (a,b)"),
    Flag("field-selector", help="Only objects whose fields match, e.g. --field-selector metadata.name=web"),
)
CHUNK_SIZE = Flag("chunk-size", kind="int", default=500, help="Fetch long lists in pieces of this size; 0: at once")
ALL_NAMESPACES = Flag("all-namespaces", "A", kind="bool", help="Objects of all namespaces")


class Names(NamedTuple):
    """What the words say: single objects, or whole types."""

    pairs: tuple[tuple[Resource, str], ...] = ()
    types: tuple[Resource, ...] = ()


class Found(NamedTuple):
    """One object of the server, where it is and (for files) what the file says."""

    resource: Resource
    namespace: str
    name: str
    tree: Tree
    manifest: manifest.Manifest | None = None

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace, self.name)

    @property
    def title(self) -> str:
        """`deployment.apps/web`"""
        return f"{self.resource.singular_qualified}/{self.name}"


def parse_names(session: Session, args: Sequence[str]) -> Names:
    """Read the words. Raises: CliError, UnknownResource."""
    if not args:
        return Names()
    if any("/" in arg for arg in args):
        return Names(tuple(_slashed(session, arg) for arg in args))
    types: list[Resource] = []
    for word in args[0].split(","):
        if not word:
            raise CliError("arguments in resource/name form must have a single resource and name")
        types += _types_of(session, word)
    names = args[1:]
    if names and len(types) > 1:
        return Names(tuple((resource, name) for resource in types for name in names))
    return Names(tuple((types[0], name) for name in names)) if names else Names((), tuple(types))


def _types_of(session: Session, word: str) -> list[Resource]:
    try:
        return [session.resources.find(word)]
    except UnknownResource:
        category = session.resources.in_category(word)
        if category:
            return category
        raise


def _slashed(session: Session, arg: str) -> tuple[Resource, str]:
    word, slash, name = arg.partition("/")
    if not slash:
        example = (
            "(e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'"
        )
        raise CliError(
            "there is no need to specify a resource type as a separate argument when passing arguments in "
            f"resource/name form {example}"
        )
    if not word or not name or "/" in name:
        raise CliError(
            "arguments in resource/name form may not have more than one slash"
            if "/" in name
            else "arguments in resource/name form must have a single resource and name"
        )
    if "," in word:
        raise CliError("arguments in resource/name form must have a single resource and name")
    return session.resources.find(word), name


def selector_query(options: Options) -> list[tuple[str, str]]:
    query: list[tuple[str, str]] = []
    if options.selector:
        query.append(("labelSelector", options.selector))
    if options.field_selector:
        query.append(("fieldSelector", options.field_selector))
    return query


def lookup(session: Session, resource: Resource, namespace: str, name: str) -> Found:
    """One object. Raises: ApiError."""
    place = namespace if resource.namespaced else ""
    tree = session.client.get(resource.path(place, name)).tree()
    return Found(resource, place, name, tree)


def list_all(session: Session, resource: Resource, namespace: str, query: Query = ()) -> Tree:
    """All objects in one list, fetched in pieces."""
    place = namespace if resource.namespaced else ""
    query = [*query, ("limit", str(session.chunk_size))] if session.chunk_size else list(query)
    whole: Tree | None = None
    token = ""
    while True:
        page = [*query, ("continue", token)] if token else query
        try:
            part = session.client.get(resource.path(place), page).tree()
        except ApiError as error:
            raise explain_selector(error, resource, query) from error
        if whole is None:
            whole = part
        else:
            whole["items"] = (whole.get("items") or []) + (part.get("items") or [])
        token = (part.get("metadata") or {}).get("continue") or ""
        if not token:
            (whole.get("metadata") or {}).pop("continue", None)
            return whole


def explain_selector(error: ApiError, resource: Resource, query: Query) -> ApiError:
    """A refused selector is named in the message, as kubectl does."""
    given = dict(query)
    labels, fields = given.get("labelSelector", ""), given.get("fieldSelector", "")
    if error.reason != "BadRequest" or not (labels or fields):
        return error
    resource_text = f"{resource.group}/{resource.version}, Resource={resource.plural}"
    message = (
        f'Unable to find "{resource_text}" that match label selector "{labels}", field selector "{fields}": '
        f"{error.message}"
    )
    return ApiError({**error.status, "message": message})


def items_of(resource: Resource, listed: Tree) -> Iterator[Found]:
    """The objects of a list, each with its kind filled in."""
    kind = {"kind": resource.kind, "apiVersion": resource.api_version}
    for item in listed.get("items") or []:
        metadata = item.get("metadata") or {}
        tree = {"apiVersion": kind["apiVersion"], "kind": kind["kind"], **item}
        yield Found(resource, metadata.get("namespace", ""), metadata.get("name", ""), tree)


def select(
    session: Session,
    options: Options,
    args: Sequence[str],
    *,
    all_namespaces: bool = False,
    need_name: bool = True,
    local: bool = False,
) -> Iterator[Found | CliError]:
    """The objects that words, selectors or files name, as the server has them.

    `need_name`: a bare type is an error unless a selector or --all is there. `local`: files are taken as they are,
    without asking the server; under --local there are only files. Failures come in their places. Raises: CliError.
    """
    if manifest.given(options):
        if args:
            raise CliError(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
            )
        yield from _from_files(session, options, local=local)
        return
    if getattr(options, "local", False):
        raise CliError(LOCAL_NEEDS_FILES)
    names = parse_names(session, args)
    if not names.pairs and not names.types:
        raise CliError(NO_RESOURCES_NAMED)
    wants_all = bool(getattr(options, "all", False))
    query = selector_query(options) if hasattr(options, "field_selector") else _label_query(options)
    if names.pairs and (query or wants_all):
        raise CliError("name cannot be provided when a selector is specified")
    if names.types and need_name and not query and not wants_all:
        raise CliError("resource(s) were provided, but no name was specified")
    for resource, name in names.pairs:
        if all_namespaces:
            raise CliError("a resource cannot be retrieved by name across all namespaces")
        try:
            yield lookup(session, resource, session.namespace, name)
        except CliError as error:
            yield error
    for resource in names.types:
        try:
            listed = list_all(session, resource, "" if all_namespaces else session.namespace, query)
        except CliError as error:
            yield error
            continue
        yield from items_of(resource, listed)


def _label_query(options: Options) -> list[tuple[str, str]]:
    selector = getattr(options, "selector", "")
    return [("labelSelector", selector)] if selector else []


def _from_files(session: Session, options: Options, *, local: bool) -> Iterator[Found | CliError]:
    for item in manifest.read(session, options):
        if isinstance(item, CliError):
            yield item
        elif local:
            yield Found(item.resource, item.namespace, item.name, item.tree, item)
        else:
            try:
                yield lookup(session, item.resource, item.namespace, item.name)._replace(manifest=item)
            except CliError as error:
                yield error
