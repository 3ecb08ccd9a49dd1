"""Request bodies to trees: what the API server's codecs do with the bytes of an object.

The common case is one parse, one canonical walk and one comparison of bytes that rules out repeated
keys. Everything odd goes through `diagnose.py` once more, for the exact text.

Called by the write path for POST and PUT, and by whoever turned a patch into a whole object
(`normalize`). Knows nothing of permissions, names or defaults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import orjson

from navarch.base.errors import StatusError, bad_request
from navarch.base.field import invalid, invalid_value
from navarch.base.nesting import too_deep
from navarch.schema import diagnose, facts, gojson, protobuf, structural
from navarch.schema.canon import ASKED, PLAIN, STATED, STORED, Anomaly, Empties, canon, canon_beside
from navarch.schema.types import STRING, Field, List, Map, Node, Struct, Tree

_EXCERPT: Final = 30
_SCHEMES: Final = {
    "apiextensions.k8s.io": "pkg/apiserver/apiserver.go:55",
    "apiregistration.k8s.io": "pkg/apiserver/scheme/scheme.go:28",
}
_SCHEME: Final = "pkg/api/legacyscheme/scheme.go:30"


@dataclass(slots=True)
class Decoded:
    """A body as a canonical tree. `strict_errors` are the texts of warnings (fieldValidation=Warn):
    repeated and unknown fields, which are no longer in the tree. `as_asked`: the tree may hold empty
    lists and maps that are not stored (`canon.ASKED`)."""

    tree: Tree
    strict_errors: list[str] = field(default_factory=list)
    as_asked: bool = False

    @property
    def strict_message(self) -> str:
        """All strict errors in one text, as fieldValidation=Strict answers them."""
        lines = [e for e in self.strict_errors if e.startswith("line ")]
        rest = [e for e in self.strict_errors if not e.startswith("line ")]
        if lines:
            rest.insert(0, "yaml: unmarshal errors:" + "".join(f"\n  {line}" for line in lines))
        return "strict decoding error: " + ", ".join(rest)


class DecodeError(ValueError):
    """A value that does not fit its type; the text is Go's, `conversion` what Go says where it converts a tree."""

    def __init__(self, text: str, conversion: str = "") -> None:
        super().__init__(text)
        self.conversion = conversion or text


def decode_object(raw: bytes, content_type: str, node: Struct, kind: str, api_version: str) -> Decoded:
    """The canonical tree of a body that should be a `kind` of `api_version`; both may be left out of
    the body.

    Raises: StatusError 400 with the text of the API server.
    """
    tree, repeated, is_json = _parse(raw, content_type, kind, node)
    found = _identify(tree, raw, kind, api_version)
    _check_expected(tree, found, kind, api_version)
    text = raw if is_json else b""
    odd = is_json and _has_repeated_keys(tree, raw)
    try:
        unknown, as_asked = normalize_asked(node, tree, text)
    except DecodeError as error:
        raise cannot_handle(found[1], found[0], kind, str(error)) from error
    strict = repeated + unknown
    if odd:
        strict = diagnose.Problems(node, diagnose.loads(raw)).strict
    tree.setdefault("kind", kind)
    tree.setdefault("apiVersion", api_version)
    return Decoded(tree, strict, as_asked=as_asked)


#: Custom resources are maps to the server, which have no message.
_NO_MESSAGE: Final = (
    "object *unstructured.Unstructured does not implement the protobuf marshalling interface and cannot be encoded "
    "to a protobuf message"
)


def decode_custom(raw: bytes, content_type: str, node: Struct, kind: str, api_version: str) -> Decoded:
    """The tree of a custom resource's body, pruned. `node` comes from `structural.compile_crd`.

    Raises: StatusError 400 with the text of the API server.
    """
    if content_type == protobuf.MEDIA_TYPE:
        raise cannot_handle(kind, api_version, kind, _NO_MESSAGE)
    tree, repeated, is_json = _parse(raw, content_type, kind)
    found_version, found_kind = _identify(tree, raw, kind, api_version)
    if found_kind != kind:
        why = f'no kind "{found_kind}" is registered for version "{found_version}"'
        raise cannot_handle(found_kind, found_version, kind, why)
    if found_version != api_version:
        raise _other_version(found_version, api_version)
    if is_json and _has_repeated_keys(tree, raw):
        repeated = diagnose.repeated_keys(diagnose.loads(raw))
    try:
        strict = repeated + normalize_custom(node, tree)
    except DecodeError as error:
        raise cannot_handle(kind, api_version, kind, str(error)) from error
    tree |= {"kind": kind, "apiVersion": api_version}
    return Decoded(tree, strict)


def normalize_custom(node: Struct, tree: Tree) -> list[str]:
    """Prune a custom resource, bring its metadata into canonical form, both in place, and answer the
    unknown fields it had.

    Raises: DecodeError if the metadata does not fit its type.
    """
    unknown = [f'unknown field "{path}"' for path in structural.prune(node, tree)]
    meta = {"metadata": tree.get("metadata")}
    normalize(_only_metadata(), meta)
    tree |= {"metadata": {}, **meta}
    return unknown


@cache
def _only_metadata() -> Struct:
    """The part of a custom resource that passes through Go structs."""
    metadata = facts.load().type("io.k8s.api.core.v1.ConfigMap").fields["metadata"]
    return Struct("ObjectMeta", {"metadata": metadata})


def parse_body(raw: bytes, content_type: str, kind: str, node: Struct | None = None) -> Tree:
    """A body as a tree, nulls and unknown fields included: patches and applied configurations.

    Raises: StatusError 400 if it is no JSON or YAML object.
    """
    parsed, _, _ = _parse(raw, content_type, kind, node)
    _identify(parsed, raw, kind, "")
    tree: Tree = parsed
    return tree


def plain_json(raw: bytes) -> Tree | None:
    """The tree of a JSON object without repeated keys and fractions, which YAML would read alike; None
    for any other text. It spares JSON bodies of YAML requests the slower reader."""
    if not raw.lstrip().startswith(b"{") or _FRACTION.search(raw) or too_deep(raw):
        return None
    try:
        tree: Tree = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return None if _has_repeated_keys(tree, raw) else tree


_FRACTION: Final = re.compile(rb"\d[.eE][\d+-]*\s*[,}\]]")


def normalize(node: Struct, tree: Tree, raw: bytes = b"", *, keeping: frozenset[str] = STORED) -> list[str]:
    """Bring a tree into canonical form in place and answer the unknown fields it had, which are
    dropped. `raw` is the text it came from, for the digits of numbers in errors. `keeping` says which
    form (`canon`).

    Raises: DecodeError if a value does not fit its type.
    """
    unknown: list[str] = []
    try:
        out = canon(node, keeping)(tree)
    except Anomaly:
        problems = diagnose.Problems(node, diagnose.loads(raw) if raw else tree)
        if problems.type_error:
            raise DecodeError(problems.type_error, problems.conversion_error) from None
        unknown = problems.strict
        prune(node, tree)
        out = canon(node, keeping)(tree)
    tree.clear()
    tree.update(out)
    return unknown


def normalize_asked(node: Struct, tree: Tree, raw: bytes = b"", known: Tree | None = None) -> tuple[list[str], bool]:
    """`normalize` to the form `canon.ASKED`, and whether the tree may hold empty lists and maps that are
    not stored. `known` is an object in stored form, parts of which the tree may share (`canon_beside`).

    Raises: DecodeError if a value does not fit its type.
    """
    if _is_plain(node, tree, known):
        return [], False
    return normalize(node, tree, raw, keeping=ASKED), True


def _is_plain(node: Struct, tree: Tree, known: Tree | None) -> bool:
    """Bring a tree into canonical form in place, if it fits its type and all forms of it are one."""
    try:
        out = canon(node, PLAIN)(tree) if known is None else canon_beside(node, tree, known, PLAIN)
    except (Anomaly, Empties):
        return False
    tree.clear()
    tree.update(out)
    return True


def stored(node: Struct, tree: Tree, known: Tree | None = None) -> Tree:
    """A copy of an object in the form in which it is stored, but for what it shares with `known`."""
    out: Tree = canon(node)(tree) if known is None else canon_beside(node, tree, known)
    return out


def stated(node: Struct, tree: Tree, known: Tree | None = None) -> Tree:
    """A copy of an object in the form in which a writer's fields are told from it, but for what it shares
    with `known`."""
    out: Tree = canon(node, STATED)(tree) if known is None else canon_beside(node, tree, known, STATED)
    return out


def decode_patched(node: Struct, tree: Tree, known: Tree, *, strict: bool) -> tuple[list[str], bool]:
    """`normalize_asked` for what a JSON or merge patch made of `known`.

    Raises: StatusError 422 if it does not fit its type, or `strict` and it has unknown fields.
    """
    if _is_plain(node, tree, known):
        return [], False
    # Go's merge leaves the touched levels as maps, which print sorted.
    merged = orjson.dumps(dict(sorted(tree.items()))).decode()
    try:
        unknown = normalize(node, tree, keeping=ASKED)
    except DecodeError as error:
        raise _invalid_patch(merged, str(error)) from error
    if strict and unknown:
        raise _invalid_patch(merged, Decoded(tree, unknown).strict_message)
    return unknown, True


def _invalid_patch(merged: str, why: str) -> StatusError:
    return invalid("", "", "", [invalid_value("patch", merged, why)])


def prune(node: Node, value: Any) -> None:
    """Drop unknown fields in place."""
    if isinstance(node, Struct) and isinstance(value, dict):
        for key in [k for k in value if k not in node.fields]:
            del value[key]
        for key, item in value.items():
            prune(node.fields[key].node, item)
    elif isinstance(node, Map) and isinstance(value, dict):
        for item in value.values():
            prune(node.value, item)
    elif isinstance(node, List) and isinstance(value, list):
        for item in value:
            prune(node.item, item)


def cannot_handle(found_kind: str, found_version: str, kind: str, why: str) -> StatusError:
    """The 400 for a body that is not the kind that its path wants."""
    version = found_version.rsplit("/", 1)[-1]
    return bad_request(f'{found_kind} in version "{version}" cannot be handled as a {kind}: {why}')


def _parse(raw: bytes, content_type: str, kind: str, node: Struct | None = None) -> tuple[Any, list[str], bool]:
    """(tree, repeated keys of YAML, is it JSON). Protobuf can only be read with its type."""
    if content_type == protobuf.MEDIA_TYPE and node is not None:
        try:
            return protobuf.decode(raw, node), [], False
        except (protobuf.ProtobufError, UnicodeDecodeError, orjson.JSONDecodeError) as error:
            raise bad_request(f"couldn't get version/kind; {error}") from error
    if "yaml" in content_type:
        from navarch.base import yaml  # PyYAML takes its time, and most bodies are JSON

        try:
            tree, repeated = yaml.load_strict(raw)
        except yaml.YamlError as error:
            raise _unrecognized(raw, kind, f"couldn't get version/kind; json parse error: {error}") from error
        return {} if tree is None else tree, repeated, False
    try:
        tree = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        why = gojson.syntax_error(raw) or str(error)
        raise _unrecognized(raw, kind, f"couldn't get version/kind; json parse error: {why}") from error
    return {} if tree is None else tree, [], True


def _unrecognized(raw: bytes, kind: str, why: str) -> StatusError:
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): {why} ({_excerpt(raw)})")


def _excerpt(raw: bytes) -> str:
    if not raw:
        return "<empty>"
    head = raw[:_EXCERPT]
    text = head.decode("utf-8", "replace") if raw.startswith(b"{") else head.hex()
    return text + " ..." if len(raw) > _EXCERPT else text


def _identify(tree: Any, raw: bytes, kind: str, api_version: str) -> tuple[str, str]:
    """(apiVersion, kind) of the body, the expected ones where it names none."""
    if not isinstance(tree, dict):
        shape = diagnose.Problems(_TYPE_META, tree).type_error.split(" into ")[0]
        target = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
        why = f"couldn't get version/kind; json parse error: {shape} into Go value of type {target}"
        raise _unrecognized(raw, kind, why)
    found_version, found_kind = tree.get("apiVersion"), tree.get("kind")
    for name, value in (("apiVersion", found_version), ("kind", found_kind)):
        if value is not None and not isinstance(value, str):
            what = diagnose.Problems(_TYPE_META, {name: value}).type_error.split(" into ")[0]
            why = f"couldn't get version/kind; json parse error: {what} into Go struct field .{name} of type string"
            raise _unrecognized(raw, kind, why)
    return found_version or api_version, found_kind or kind


def _check_expected(tree: Tree, found: tuple[str, str], kind: str, api_version: str) -> None:
    """Is the body of the kind and version that its path is for?"""
    found_version, found_kind = found
    if found == (api_version, kind) or found_kind == kind == "DeleteOptions":
        return  # every group-version registers DeleteOptions
    if why := misfit(tree, found, kind, api_version):
        raise cannot_handle(found_kind, found_version, kind, why)
    raise _other_version(found_version, api_version)


def misfit(tree: Tree, found: tuple[str, str], kind: str, api_version: str) -> str:
    """Why an object that says it is of another (apiVersion, kind) cannot become a `kind`: Go decodes it as what
    it says, then converts. Empty where only the version is another one."""
    found_version, found_kind = found
    group = api_version.rpartition("/")[0]
    name = facts.load().type_name(found_version, found_kind)
    if name is None and found != ("v1", "List"):
        scheme = _SCHEMES.get(group, _SCHEME)
        return f'no kind "{found_kind}" is registered for version "{found_version}" in scheme "{scheme}"'
    if found_kind == kind and found_version.rpartition("/")[0] == group:
        return ""
    if name is not None:
        try:
            normalize(facts.load().type(name), orjson.loads(orjson.dumps(tree)))
        except DecodeError as error:
            return str(error)
    version = found_version.rsplit("/", 1)[-1]
    internal = group.split(".")[0] or "core"
    return f"converting ({version}.{found_kind}) to ({internal}.{kind}): unknown conversion"


def _other_version(found: str, expected: str) -> StatusError:
    return bad_request(f"the API version in the data ({found}) does not match the expected API version ({expected})")


def _has_repeated_keys(tree: Tree, raw: bytes) -> bool:
    """May the text hold keys that the tree has lost? Never wrongly no.

    Writers of compact JSON give exactly the bytes that a fresh dump gives. For all others the keys
    are counted: outside of strings a key ends in `":`, inside of them the quote has a backslash.
    """
    dumped = orjson.dumps(tree)
    if raw == dumped or raw.rstrip() == dumped:
        return False
    if b"\\\\" in raw:
        return True
    return _count_keys(raw) != _count_keys(dumped)


def _count_keys(text: bytes) -> int:
    return text.count(b'":') - text.count(b'\\":')


_TYPE_META: Final = Struct("TypeMeta", {"kind": Field(STRING), "apiVersion": Field(STRING)})
