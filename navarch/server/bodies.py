"""Request bodies: decoded along the kind's schema, pruned, defaulted, with what was wrong reported as
the request's fieldValidation asks."""

from __future__ import annotations

from functools import lru_cache

from navarch.base.errors import StatusError, bad_request, unsupported_media_type
from navarch.schema.decode import (
    Decoded,
    DecodeError,
    cannot_handle,
    decode_custom,
    decode_object,
    normalize,
    normalize_asked,
    normalize_custom,
    parse_body,
    plain_json,
)
from navarch.schema.defaults import apply_defaults
from navarch.schema.facts import load
from navarch.schema.types import Tree
from navarch.server.options import WriteOptions
from navarch.server.pipeline import Write
from navarch.server.served import Served
from navarch.wire.messages import Request

ACCEPTED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")


@lru_cache(64)
def media_type(header: str) -> str:
    """The body's content type without parameters; JSON where none is named.

    Raises: StatusError 415.
    """
    media = header.partition(";")[0].strip().lower()
    if media in ("", "*/*"):
        return "application/json"
    if media not in ACCEPTED:
        raise unsupported_media_type(ACCEPTED)
    return media


def decode(write: Write, raw: bytes, media: str) -> Tree:
    """The tree of a body, pruned and with all defaults.

    Raises: StatusError 400 for what cannot be decoded, and with fieldValidation Strict for unknown and
    duplicate fields; with Warn these go to `warnings`.
    """
    served = write.served
    decoder = decode_object if served.builtin else decode_custom
    decoded = decoder(raw, media, served.node, served.kind.kind, served.api_version)
    report_strict(served, decoded.strict_errors, write.options, write.warnings)
    write.as_asked = decoded.as_asked
    apply_all_defaults(served, decoded.tree)
    return decoded.tree


def report_strict(served: Served, errors: list[str], options: WriteOptions, warnings: list[str]) -> None:
    """Unknown and repeated fields, as fieldValidation asks. Raises: StatusError 400 with Strict."""
    if not errors or options.field_validation == "Ignore":
        return
    if options.field_validation == "Strict":
        kind = served.kind
        raise cannot_handle(kind.kind, kind.version, kind.kind, Decoded({}, errors).strict_message)
    warnings.extend(errors)


def settle(served: Served, tree: Tree, known: Tree | None = None) -> tuple[list[str], bool]:
    """Bring an object that was made of `known` (None: of nothing) into normal form, in place. The unknown
    fields that it had, and whether it may hold empty lists and maps that are not stored (`canon.ASKED`).

    Raises: DecodeError if a value does not fit its type.
    """
    if served.builtin:
        return normalize_asked(served.node, tree, known=known)
    return normalize_custom(served.node, tree), False


def settle_stored(served: Served, tree: Tree) -> None:
    """Bring an object that admission changed into the form in which it is stored, in place.

    Raises: DecodeError if a value does not fit its type.
    """
    (normalize if served.builtin else normalize_custom)(served.node, tree)


def apply_all_defaults(served: Served, tree: Tree) -> None:
    """Constant defaults from the type's facts, then those that need code."""
    if served.builtin:
        apply_defaults(served.node, tree)
    served.kind.default(tree)


def decode_applied(write: Write, raw: bytes) -> Tree:
    """The configuration of a server-side apply, just as it was written: what it leaves out is not the
    applier's. Raises: StatusError 400."""
    served = write.served
    return decode_applied_as(raw, served.kind.kind, served.api_version, write.options, write.warnings)


def decode_applied_as(raw: bytes, kind: str, api_version: str, options: WriteOptions, warnings: list[str]) -> Tree:
    """The same for a kind that is no resource of its own (Scale). Raises: StatusError 400."""
    repeated: list[str] = []
    tree = plain_json(raw)
    if tree is None:
        from navarch.base import yaml  # PyYAML takes its time, and most bodies are JSON

        try:
            tree, repeated = yaml.load_strict(raw)
        except yaml.YamlError as error:
            raise bad_request(f"error decoding YAML: error converting YAML to JSON: {error}") from None
    if repeated and options.field_validation == "Strict":
        listed = "".join(f"\n  {line}" for line in repeated)
        text = f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:{listed}"
        raise bad_request(text)
    if options.field_validation == "Warn":
        warnings.extend(repeated)
    if not isinstance(tree, dict | None):
        raise bad_request("error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}")
    found_kind, found_version = (tree or {}).get("kind", ""), (tree or {}).get("apiVersion", "")
    if (found_kind, found_version) != (kind, api_version):
        shown = str(found_version) if "/" in str(found_version) else f"/{found_version}"
        raise bad_request(f"invalid object type: {shown}, Kind={found_kind}")
    assert isinstance(tree, dict)
    applied: Tree = tree
    if not isinstance(applied.setdefault("metadata", {}), dict):
        raise bad_request("error decoding YAML: json: cannot unmarshal metadata into Go struct field ObjectMeta")
    return applied


def complete_applied(write: Write, tree: Tree, live: Tree | None) -> None:
    """Bring what an apply made of the live object into normal form, with all defaults. Raises: StatusError 500."""
    try:
        _, write.as_asked = settle(write.served, tree, live)
    except DecodeError as error:
        raise StatusError(500, "", str(error)) from None
    apply_all_defaults(write.served, tree)


def decode_delete_options(request: Request) -> Tree | None:
    """The DeleteOptions in a body, None without one. Raises: StatusError 400, 415."""
    if not request.body:
        return None
    media = media_type(request.headers.get("content-type", ""))
    tree = parse_body(request.body, media, "DeleteOptions", load().type(_SMALL["DeleteOptions"]))
    kind = tree.get("kind", "DeleteOptions")
    if kind != "DeleteOptions":
        version = tree.get("apiVersion", "")
        scheme = "pkg/apis/meta/internalversion/scheme/register.go:27"
        raise bad_request(f'no kind "{kind}" is registered for version "{version}" in scheme "{scheme}"')
    return fitted(tree, "DeleteOptions")


def decode_object_body(request: Request, kind: str) -> Tree:
    """A small body that is an object (Binding, Eviction, Scale, TokenRequest).

    Raises: StatusError 400, 415.
    """
    media = media_type(request.headers.get("content-type", ""))
    return fitted(parse_body(request.body, media, kind, load().type(_SMALL[kind])), kind)


def fitted(tree: Tree, kind: str) -> Tree:
    """Such a body in canonical form, without what its type does not know. Raises: StatusError 400."""
    try:
        normalize(load().type(_SMALL[kind]), tree)
    except DecodeError as error:
        raise cannot_handle(kind, str(tree.get("apiVersion", "v1")), kind, str(error)) from None
    return tree


#: The types of bodies that are not objects of the resource they are sent to.
_SMALL = {
    "Binding": "io.k8s.api.core.v1.Binding",
    "DeleteOptions": "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "Eviction": "io.k8s.api.policy.v1.Eviction",
    "Scale": "io.k8s.api.autoscaling.v1.Scale",
    "TokenRequest": "io.k8s.api.authentication.v1.TokenRequest",
}
