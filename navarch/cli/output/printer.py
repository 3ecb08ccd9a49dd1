"""The forms of `-o`, apart from tables: one function that gives an object's text.

Source: cli-runtime `genericclioptions` print flags (names, errors, the order in which forms are listed).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options
from navarch.cli.resources import Resource
from navarch.cli.session import Session

if TYPE_CHECKING:
    from navarch.schema.types import Tree


Print = Callable[["Tree"], str]

TEMPLATE_FORMS = ("go-template", "go-template-file", "jsonpath", "jsonpath-as-json", "jsonpath-file",
                  "template", "templatefile")  # fmt: skip
PLAIN_FORMS = ("json", "kyaml", "name", "yaml")

PRINT_FLAGS: tuple[Flag, ...] = (
    Flag("output", "o", help="Output form: json, yaml, name, go-template, jsonpath and so on"),
    Flag("template", help="Template, or file with it, for -o go-template and -o go-template-file"),
    Flag("allow-missing-template-keys", kind="bool", default=True, help="Ignore keys that an object lacks"),
    Flag("show-managed-fields", kind="bool", help="Keep metadata.managedFields in JSON and YAML"),
)
DRY_RUN = Flag("dry-run", default="none", bare="unchanged", help="client: print only; server: ask, but keep nothing")


def dry_run(options: Options) -> str:
    """`none`, `client` or `server`. Raises: CliError."""
    value: str = options.dry_run
    if value == "unchanged":
        raise CliError('--dry-run needs a value. Must be "none", "server", or "client".')
    if value in ("none", "client", "server"):
        return value
    raise CliError(f'Invalid dry-run value ({value}). Must be "none", "server", or "client".')


def dry_run_suffix(mode: str) -> str:
    """What stands behind a report of something that was not done."""
    return {"client": " (dry run)", "server": " (server dry run)"}.get(mode, "")


def make(session: Session, options: Options, *, sort: bool = True, extra: tuple[str, ...] = ()) -> Print | None:
    """What `-o` and `--template` ask for; None if nothing. `extra`: forms that the caller itself knows.

    Raises: CliError.
    """
    form, equals, argument = str(options.output).partition("=")
    if options.template and (not form or (form in TEMPLATE_FORMS and not equals)):
        form, argument, equals = form or "go-template", options.template, "="
    if not form:
        return None
    keep = options.show_managed_fields
    if form == "json":
        from navarch.cli.output import json

        return lambda tree: json.dump(tree if keep else unmanaged(tree), sort=sort)
    if form == "yaml":
        from navarch.cli.output import yaml

        return _Documents(lambda tree: yaml.dump(tree if keep else unmanaged(tree)))
    if form == "kyaml":
        from navarch.cli.output import kyaml

        return lambda tree: kyaml.dump(tree if keep else unmanaged(tree))
    if form == "name":
        return lambda tree: name_of(session, tree) + "\n"
    if form in TEMPLATE_FORMS:
        from navarch.cli.output.template import template_printer

        return template_printer(form, argument, bool(equals), options.allow_missing_template_keys)
    allowed = ",".join(sorted({*PLAIN_FORMS, *TEMPLATE_FORMS, *extra}))
    raise CliError(
        f'unable to match a printer suitable for the output format "{options.output}", allowed formats are: {allowed}'
    )


class _Documents:
    """YAML documents, separated from the second on."""

    def __init__(self, one: Print) -> None:
        self._one = one
        self._first = True

    def __call__(self, tree: Tree) -> str:
        separator = "" if self._first else "---\n"
        self._first = False
        return separator + self._one(tree)


def unmanaged(tree: Tree) -> Tree:
    """The object without managed fields; a list without those of its items."""
    metadata = tree.get("metadata")
    if isinstance(metadata, dict) and "managedFields" in metadata:
        tree = {**tree, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}
    if isinstance(tree.get("items"), list):
        tree = {**tree, "items": [unmanaged(item) if isinstance(item, dict) else item for item in tree["items"]]}
    return tree


def name_of(session: Session, tree: Tree) -> str:
    """`deployment.apps/web`; for a list one line each."""
    if isinstance(tree.get("items"), list) and str(tree.get("kind", "")).endswith("List"):
        return "\n".join(name_of(session, item) for item in tree["items"])
    group = str(tree.get("apiVersion", "")).rpartition("/")[0]
    kind = str(tree.get("kind", "")).lower()
    name = (tree.get("metadata") or {}).get("name", "")
    return f"{kind}.{group}/{name}" if group else f"{kind}/{name}"


class Reporter:
    """What commands that change things print for each object: a sentence, or the object in the `-o` form."""

    def __init__(self, session: Session, options: Options, *, sort: bool = True) -> None:
        self._session = session
        self._print = make(session, options, sort=sort)
        self.dry_run = dry_run(options) if hasattr(options, "dry_run") else "none"
        self._is_name = options.output == "name"

    @property
    def wants_object(self) -> bool:
        return self._print is not None and not self._is_name

    def done(self, resource: Resource | None, tree: Tree, operation: str) -> None:
        """`deployment.apps/web created (dry run)`, or the object."""
        if self._print is not None:
            self._session.write(self._print(tree))
            return
        suffix = dry_run_suffix(self.dry_run)
        title = name_of(self._session, tree)
        if resource is not None:
            title = f"{resource.singular_qualified}/{(tree.get('metadata') or {}).get('name', '')}"
        self._session.say(f"{title} {operation}{suffix}")
