"""`kubectl api-resources` and `kubectl api-versions`."""

from __future__ import annotations

from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output import json, yaml
from navarch.cli.output.tables import lines
from navarch.cli.resources import Resource
from navarch.cli.session import Session
from navarch.schema.types import Tree

_FORMS = ("", "wide", "name", "json", "yaml", "kyaml")


def run(session: Session, options: Options, words: Words) -> int:
    if words.args:
        raise UsageError(f"unexpected arguments: {words.args}")
    if options.output not in _FORMS:
        raise CliError(
            f'unable to match a printer suitable for the output format "{options.output}", allowed formats are: '
            "json,kyaml,name,wide,yaml"
        )
    if options.sort_by not in ("", "name", "kind"):
        raise CliError("--sort-by accepts only name or kind")
    rows = [
        row
        for row in (session.resources.all() if options.cached else session.resources.refresh())
        if row.preferred and _wanted(row, options)
    ]
    if options.sort_by:
        rows.sort(key=lambda row: row.plural if options.sort_by == "name" else row.kind)
    else:
        rows.sort(key=lambda row: (row.group, row.plural))
    if options.output == "name":
        session.write("".join(f"{row.qualified}\n" for row in rows))
    elif options.output in ("json", "yaml", "kyaml"):
        _print_list(session, options.output, rows)
    else:
        _print_table(session, options, rows)
    return 0


def _wanted(row: Resource, options: Options) -> bool:
    if "api-group" in options.given and row.group != options.api_group:
        return False
    if "namespaced" in options.given and row.namespaced != options.namespaced:
        return False
    return set(options.verbs) <= set(row.verbs) and set(options.categories) <= set(row.categories)


def _print_table(session: Session, options: Options, rows: list[Resource]) -> None:
    wide = options.output == "wide"
    table = [] if options.no_headers else [["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]]
    if table and wide:
        table[0] += ["VERBS", "CATEGORIES"]
    for row in rows:
        namespaced = "true" if row.namespaced else "false"
        cells = [row.plural, ",".join(row.short_names), row.api_version, namespaced, row.kind]
        if wide:
            cells += [",".join(row.verbs), ",".join(row.categories)]
        table.append(cells)
    session.write(lines(table))


def _print_list(session: Session, form: str, rows: list[Resource]) -> None:
    listed: Tree = {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "",
        "resources": [_described(row) for row in rows],
    }
    if form == "json":
        session.write(json.dump(listed, sort=False))
    elif form == "yaml":
        session.write(yaml.dump(listed))
    else:
        from navarch.cli.output import kyaml

        session.write(kyaml.dump(listed))


def _described(row: Resource) -> Tree:
    tree: Tree = {"name": row.plural, "singularName": row.singular, "namespaced": row.namespaced}
    tree |= {"group": row.group} if row.group else {}
    tree |= {"version": row.version, "kind": row.kind, "verbs": list(row.verbs)}
    tree |= {"shortNames": list(row.short_names)} if row.short_names else {}
    return tree | ({"categories": list(row.categories)} if row.categories else {})


def _run_versions(session: Session, options: Options, words: Words) -> int:
    if words.args:
        raise UsageError(f"unexpected arguments: {words.args}")
    found = {row.api_version for row in session.resources.refresh()}
    session.write("".join(f"{version}\n" for version in sorted(found)))
    return 0


RESOURCES = Command(
    name="api-resources",
    summary="List the types that the server has",
    flags=(
        Flag("api-group", help="Only types of this group"),
        Flag("cached", kind="bool", help="Use what is known from before"),
        Flag("categories", kind="list", help="Only types of these categories"),
        Flag("namespaced", kind="bool", default=True, help="false: only types that live in no namespace"),
        Flag("no-headers", kind="bool", help="Leave out the column headers"),
        Flag("output", "o", help="wide, name, json or yaml"),
        Flag("show-managed-fields", kind="bool", hidden=True),
        Flag("sort-by", help="name or kind"),
        Flag("verbs", kind="list", help="Only types that know these verbs"),
    ),
    run=run,
    examples=(("All types", "api-resources"), ("Types of a group", "api-resources --api-group=apps")),
)
VERSIONS = Command(name="api-versions", summary="List the API versions that the server has", run=_run_versions)
