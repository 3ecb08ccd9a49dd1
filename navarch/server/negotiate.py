"""Which form of answer a client accepts: the `Accept` header against the forms that can be served.

    negotiate("application/vnd.kubernetes.protobuf, application/json")  ->  protobuf, or JSON for custom resources

Two judges stand in a row, as in Kubernetes. The first looks at the bare media types and answers with
what there is; custom resources do not pass it. The second takes the clauses by quality and weighs
transformations (`as=Table`) and streams; it answers what is accepted. Pure.

Source: apiserver `endpoints/handlers/negotiation`, `endpoints/handlers/rest.go`; go-restful; goautoneg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from navarch.base.errors import Details, StatusError

JSON: Final = "application/json"
YAML: Final = "application/yaml"
PROTOBUF: Final = "application/vnd.kubernetes.protobuf"

#: In the order in which wildcards choose.
MEDIA_TYPES: Final = (JSON, YAML, PROTOBUF)
_STREAMS: Final = (f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")

#: What asks for plain JSON in as many words, and needs no judge.
ANYTHING: Final = frozenset({"", "*/*", JSON})

#: The forms into which an object or list can be transformed.
_FORMS: Final = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_FORM_GROUP: Final = "meta.k8s.io"
_FORM_VERSIONS: Final = ("v1", "v1beta1")

_DISCOVERY_GROUP: Final = "apidiscovery.k8s.io"

#: No client needs more; sorting them costs the square of their number.
MAX_CLAUSES: Final = 64

#: media type, parameters
_Clause = tuple[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Format:
    """The form of an answer: media type, and the kind it is transformed into, if any, with its version."""

    media_type: str = JSON
    as_: str = ""
    version: str = ""

    @property
    def is_yaml(self) -> bool:
        return self.media_type == YAML

    @property
    def is_protobuf(self) -> bool:
        return self.media_type == PROTOBUF

    @property
    def is_table(self) -> bool:
        return self.as_ == "Table"

    @property
    def is_partial(self) -> bool:
        return self.as_.startswith("PartialObjectMetadata")

    @property
    def api_version(self) -> str:
        """The version of the form's own type."""
        return f"{_FORM_GROUP}/{self.version}"


PLAIN: Final = Format()


def negotiate(accept: str, *, streams: bool = False, custom: bool = False, tables: bool = True) -> Format:
    """The form in which to answer an object or a list. `streams` says that the path can be watched,
    `custom` that the resource is a custom one, whose objects have no protobuf form, `tables` that it has columns;
    reviews have none.

    Raises: StatusError 406 when nothing that the client accepts can be served.
    """
    if accept in ANYTHING:
        return PLAIN
    return (_known if len(accept) <= _KEPT_LENGTH else _negotiate)(accept, streams, custom, tables)


def negotiate_error(accept: str) -> Format:
    """The form in which to answer a Status: never transformed, and JSON where nothing is accepted."""
    for media_type, parameters in () if accept in ANYTHING else _clauses(accept):
        for served in _matching(media_type):
            if parameters.keys().isdisjoint(("as", "g", "v")) and _can_stream(served, parameters):
                return Format(served)
    return PLAIN


def negotiate_discovery(accept: str) -> Format:
    """The form in which to answer `/api` and `/apis`: aggregated (`as_` set), or plain.

    Raises: StatusError 406.
    """
    if accept in ANYTHING:
        return PLAIN
    for media_type, parameters in _clauses(accept):
        for served in _matching(media_type):
            as_, version = parameters.get("as", ""), parameters.get("v", "")
            if not as_:
                return Format(served)
            named = (as_, parameters.get("g")) == ("APIGroupDiscoveryList", _DISCOVERY_GROUP)
            if named and version in ("v2", "v2beta1"):
                return Format(served, as_, version)
    raise _only(MEDIA_TYPES)


def check_stream(form: Format) -> None:
    """Can events be sent in this form? Raises: StatusError 406."""
    if form.is_yaml:
        raise _only(_STREAMS)


def not_acceptable(message: str) -> StatusError:
    return StatusError(406, "NotAcceptable", message)


def _only(media_types: Sequence[str]) -> StatusError:
    return not_acceptable(f"only the following media types are accepted: {', '.join(media_types)}")


def _negotiate(accept: str, streams: bool, custom: bool, tables: bool) -> Format:
    if not custom and not _is_known(accept):
        listed = ", ".join(MEDIA_TYPES + _STREAMS if streams else MEDIA_TYPES)
        text = f"406: Not Acceptable\n\nAvailable representations: {listed}"
        raise StatusError(406, "NotAcceptable", text, Details())
    for media_type, parameters in _clauses(accept):
        for served in _matching(media_type):
            as_ = parameters.get("as", "")
            if not _can_stream(served, parameters) or (custom and not as_ and served == PROTOBUF):
                continue
            if not (as_ or "g" in parameters or "v" in parameters):
                return Format(served)
            version = parameters.get("v", "")
            known = as_ in _FORMS and parameters.get("g") == _FORM_GROUP and version in _FORM_VERSIONS
            # The cells of a table are JSON of any form: they have no message.
            if known and not (as_ == "Table" and (served == PROTOBUF or not tables)):
                return Format(served, as_, version)
    raise _only(MEDIA_TYPES)


_known: Final = lru_cache(256)(_negotiate)
#: Longer headers are not kept: a client chooses them.
_KEPT_LENGTH: Final = 512


def _is_known(accept: str) -> bool:
    """Does any clause name a media type that is served, whatever else it says?"""
    named = {clause.partition(";")[0].strip() for clause in accept.split(",")}
    return "*/*" in named or not named.isdisjoint(MEDIA_TYPES)


def _matching(media_type: str) -> Sequence[str]:
    return MEDIA_TYPES if media_type in ("*/*", "application/*") else (media_type,) if media_type in MEDIA_TYPES else ()


def _can_stream(served: str, parameters: dict[str, str]) -> bool:
    return not (stream := parameters.get("stream")) or (stream == "watch" and served != YAML)


def _clauses(accept: str) -> list[_Clause]:
    """The clauses of an Accept header, best first: by quality, but wildcards behind what they follow."""
    ordered: list[tuple[float, _Clause]] = []
    for clause in accept.split(",", MAX_CLAUSES)[:MAX_CLAUSES]:
        parsed = _parse(clause)
        # Insertion by a comparison that is no order (wildcards lose whatever their quality), as Go's sort does.
        place = len(ordered)
        while place and _precedes(parsed, ordered[place - 1]):
            place -= 1
        ordered.insert(place, parsed)
    return [clause for _, clause in ordered]


def _parse(clause: str) -> tuple[float, _Clause]:
    media_type, *rest = (part.strip() for part in clause.split(";"))
    parameters = {k.strip(): v.strip().strip('"') for k, _, v in (p.partition("=") for p in rest)}
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 1.0
    return quality, (media_type.lower(), parameters)


def _precedes(one: tuple[float, _Clause], other: tuple[float, _Clause]) -> bool:
    (quality, (name, _)), (other_quality, (other_name, _)) = one, other
    if quality > other_quality or (other_name.startswith("*/") and not name.startswith("*/")):
        return True
    return other_name.endswith("/*") and not name.endswith("/*")
