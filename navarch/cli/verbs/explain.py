"""`kubectl explain`: what the fields of a type mean."""

from __future__ import annotations

from navarch.cli.command import Command
from navarch.cli.errors import CliError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.output.explain import Kind, Missing, explain
from navarch.cli.resources import Resource
from navarch.cli.session import Session

_FORMS = ("plaintext", "plaintext-openapiv2")


def run(session: Session, options: Options, words: Words) -> int:
    if not words.args:
        raise CliError(
            "You must specify the type of resource to explain. "
            'Use "kubectl api-resources" for a complete list of supported resources.'
        )
    if len(words.args) > 1:
        raise CliError("We accept only this format: explain RESOURCE")
    if options.output not in _FORMS:
        raise CliError(f"unrecognized format: {options.output}. Available formats: {', '.join(_FORMS)}")
    resource, path = _resource(session, words.args[0].rstrip("."), options.api_version)
    document = session.client.get(_document_path(session, resource)).tree()
    kind = Kind(resource.group, resource.version, resource.kind)
    try:
        session.write(explain(document, kind, path, options.recursive))
    except Missing as error:
        session.write(error.heading)
        raise
    return 0


def _resource(session: Session, word: str, api_version: str) -> tuple[Resource, list[str]]:
    """`deployments.spec.strategy` and `deployments.apps.spec`: the type, and the path of the field."""
    name, *path = word.split(".")
    found = session.resources.find(name)
    if api_version:
        group, _, version = api_version.rpartition("/")
        for row in session.resources.all():
            if (row.plural, row.group, row.version) == (found.plural, group, version):
                return row, path
        raise CliError(f'couldn\'t find resource for "{api_version}, Resource={found.plural}"')
    group_words = found.group.split(".") if found.group else []
    if group_words and path[: len(group_words)] == group_words:
        path = path[len(group_words) :]
    return found, path


def _document_path(session: Session, resource: Resource) -> str:
    index = session.client.get("/openapi/v3").tree().get("paths") or {}
    place = f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"
    if place not in index:
        raise CliError(f'couldn\'t find resource for "{resource.api_version}, Resource={resource.plural}"')
    return str(index[place]["serverRelativeURL"]).partition("?")[0]


COMMAND = Command(
    name="explain",
    summary="Show what the fields of a type mean",
    about="Describe a type, or one of its fields, with the fields below it. The server says what there is.",
    usage="TYPE[.FIELD...] [--recursive] [--api-version=GROUP/VERSION]",
    examples=(
        ("A type", "explain pods"),
        ("A field", "explain pods.spec.containers"),
        ("The names of all fields", "explain deployment --recursive"),
    ),
    flags=(
        Flag("api-version", help="The version to show: GROUP/VERSION"),
        Flag("output", "o", default="plaintext", help="plaintext; plaintext-openapiv2 is taken for the same"),
        Flag("recursive", "R", kind="bool", help="Only the names and types of all fields below"),
    ),
    run=run,
)
