"""Manifests: files, directories, URLs and standard input, as objects with their resources.

Source: cli-runtime `resource.Builder` (what is read in which order, error texts).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options
from navarch.cli.resources import Resource
from navarch.cli.session import Session

if TYPE_CHECKING:
    from navarch.schema.types import Tree


EXTENSIONS = (".json", ".yaml", ".yml")
FILE_FLAGS: tuple[Flag, ...] = (
    Flag("filename", "f", kind="list", help="File, directory or URL with the objects; - is standard input"),
    Flag("kustomize", "k", help="Directory with a kustomization to build"),
    Flag("recursive", "R", kind="bool", help="Look into the directories below the given one too"),
)
_SEPARATOR = re.compile(rb"^---(?:[ \t].*)?\r?$\n?", re.MULTILINE)


class Manifest(NamedTuple):
    """One object as it stands in a file. `namespace` is where it belongs, empty for cluster-wide kinds.

    `advice`: what to say below the server's refusal, if the file has blanks that YAML takes for letters.
    """

    tree: Tree
    source: str
    resource: Resource
    namespace: str
    advice: str = ""

    @property
    def name(self) -> str:
        return str((self.tree.get("metadata") or {}).get("name") or "")

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace, self.name)


class Text(NamedTuple):
    """The bytes of one file and what messages call it."""

    source: str
    data: bytes


def given(options: Options) -> bool:
    """Whether the command line names files."""
    return bool(options.filename or options.kustomize)


def read(session: Session, options: Options, *, validating: bool = False) -> Iterator[Manifest | CliError]:
    """All objects in order. What cannot be read comes as an error in its place; the rest still comes.

    `validating`: the command honours `--validate`, which has words of its own for what lacks a kind.
    """
    checked = validating and options.validate.lower() not in ("false", "ignore")
    for text in texts(session, options):
        try:
            advice = _advice_on_fields(text.data)
            for tree in trees(text):
                for item in _manifests(session, tree, text.source, checked):
                    yield item._replace(advice=advice) if isinstance(item, Manifest) else item
        except CliError as error:
            yield error


def refused(item: Manifest | CliError, error: CliError) -> CliError:
    """The error about the item, with the advice on its file."""
    if isinstance(item, Manifest):
        error.advice = item.advice
    return error


def _advice_on_fields(data: bytes) -> str:
    if b"\xc2\xa0" not in data and b"\xe3\x80\x80" not in data:
        return ""
    from navarch.cli.manifest_advice import advice_on_fields

    return advice_on_fields(data)


def texts(session: Session, options: Options) -> Iterator[Text]:
    """The files that the flags name. Raises: CliError if one does not exist."""
    if options.filename and options.kustomize:
        raise CliError("only one of -f or -k can be specified")
    if options.kustomize:
        from navarch.cli.kustomize.build import build

        trees = build(options.kustomize, session.complain)
        yield Text(options.kustomize, b"\n---\n".join(map(orjson.dumps, trees)))
        return
    paths: list[Text | str] = []
    for name in options.filename:
        paths += [name] if name == "-" or name.startswith(("http://", "https://")) else _expand(name, options.recursive)
    for path in paths:
        assert isinstance(path, str)
        yield _open(session, path)


def _open(session: Session, path: str) -> Text:
    if path == "-":
        return Text("STDIN", session.read_input_bytes())
    if path.startswith(("http://", "https://")):
        return Text(path, _download(path))
    try:
        with open(path, "rb") as file:
            return Text(path, file.read())
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or '').lower()}") from error


def _download(url: str) -> bytes:
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    try:
        with urlopen(url) as response:
            data: bytes = response.read()
    except HTTPError as error:
        raise CliError(
            f'unable to read URL "{url}", server reported {error.code} {error.reason}, status code={error.code}'
        ) from error
    except URLError as error:
        raise CliError(f'unable to read URL "{url}": {error.reason}') from error
    return data


def _expand(name: str, recursive: bool) -> list[str]:
    """A file, the manifests of a directory, or what a pattern matches."""
    if not os.path.exists(name) and any(char in name for char in "*?["):
        import glob

        found = [path for match in sorted(glob.glob(name)) for path in _expand(match, recursive)]
        if found:
            return found
    if not os.path.exists(name):
        raise CliError(f'the path "{name}" does not exist')
    if not os.path.isdir(name):
        return [name]
    found = []
    for directory, below, files in os.walk(name):
        below.sort()
        if not recursive:
            below.clear()
        found += [os.path.join(directory, file) for file in sorted(files) if file.endswith(EXTENSIONS)]
    if not found:
        raise CliError(f"error reading [{name}]: recognized file extensions are [.json .yaml .yml]")
    return found


def trees(text: Text) -> Iterator[Any]:
    """The documents of one file. Raises: CliError with Go's message, and advice for common slips."""
    if text.data.lstrip()[:1] in (b"{", b"["):
        try:
            yield orjson.loads(text.data)
            return
        except orjson.JSONDecodeError:
            several = _json_in_a_row(text.data)
        if several:
            yield from several
            return
    from navarch.base.yaml import YamlError, load
    from navarch.cli.manifest_advice import advice

    for document in _SEPARATOR.split(text.data):
        if not document.strip():
            continue
        try:
            tree = load(document)
        except YamlError as error:
            message = f"error parsing {text.source}: error converting YAML to JSON: {error}"
            raise CliError(message + advice(text.data)) from error
        if tree is not None:
            yield tree


def _json_in_a_row(data: bytes) -> list[Any]:
    """JSON documents one after the other; none if it is YAML in flow style."""
    import json  # orjson reads one document

    text, found, at = data.decode(errors="replace"), [], 0
    decoder = json.JSONDecoder()
    while (rest := text[at:].lstrip()) != "":
        try:
            tree, length = decoder.raw_decode(rest)
        except json.JSONDecodeError:
            return []
        found.append(tree)
        at = len(text) - len(rest) + length
    return found


def _manifests(session: Session, tree: Any, source: str, checked: bool) -> Iterator[Manifest | CliError]:
    if not isinstance(tree, dict):
        yield CliError(
            f'unable to decode "{source}": json: cannot unmarshal {_go_kind(tree)} into Go value of type '
            "unstructured.detector"
        )
        return
    if str(tree.get("kind", "")).endswith("List") and isinstance(tree.get("items"), list):
        for item in tree["items"]:
            yield from _manifests(session, item, source, checked)
        return
    try:
        yield locate(session, tree, source, checked)
    except CliError as error:
        yield error


def locate(session: Session, tree: Tree, source: str, checked: bool = True) -> Manifest:
    """The object with its resource and namespace. `checked`: the command validates what it reads. Raises: CliError."""
    kind, api_version = tree.get("kind"), tree.get("apiVersion")
    if checked and not (kind and api_version):
        missing = [f"{key} not set" for key in ("apiVersion", "kind") if not tree.get(key)]
        problem = missing[0] if len(missing) == 1 else f"[{', '.join(missing)}]"
        raise CliError(
            f'error validating "{source}": error validating data: {problem}; if you choose to ignore these errors, '
            "turn validation off with --validate=false"
        )
    if not kind:
        shown = orjson.dumps(tree, option=orjson.OPT_SORT_KEYS).decode()
        raise CliError(f"unable to decode \"{source}\": Object 'Kind' is missing in '{shown}'")
    metadata = tree.get("metadata") or {}
    resource = session.resources.of_kind(kind, api_version or "")
    if resource is None:
        raise CliError(
            f'resource mapping not found for name: "{metadata.get("name", "")}" namespace: '
            f'"{metadata.get("namespace", "")}" from "{source}": no matches for kind "{kind}" in version '
            f'"{api_version or ""}"\nensure CRDs are installed first'
        )
    if not resource.namespaced:
        return Manifest(tree, source, resource, "")
    own = metadata.get("namespace") or ""
    if own and session.namespace_given and own != session.namespace:
        raise CliError(
            f'the namespace from the provided object "{own}" does not match the namespace "{session.namespace}". '
            f"You must pass '--namespace={own}' to perform this operation."
        )
    return Manifest(tree, source, resource, own or session.namespace)


def selected(item: Manifest, selector: str) -> bool:
    """Whether the file's labels match."""
    from navarch.base.selector import parse_labels

    return parse_labels(selector).matches((item.tree.get("metadata") or {}).get("labels") or {})


def require_files(options: Options) -> None:
    """Raises: UsageError without any -f or -k."""
    if not given(options):
        raise UsageError("must specify one of -f and -k")


def _go_kind(value: Any) -> str:
    return "array" if isinstance(value, list) else "string" if isinstance(value, str) else "number"
