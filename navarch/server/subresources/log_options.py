"""Which wishes about a log can be fulfilled. Pure.

Called by `relay.py` before anybody looks for the pod.

Source: core validation of PodLogOptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from navarch.base.errors import bad_request
from navarch.base.field import FieldError, forbidden_field, invalid, invalid_value, not_supported
from navarch.base.times import parse

_STREAMS: Final = ("All", "Stderr", "Stdout")
#: Option -> the least that it can be, and how that is said.
_COUNTS: Final = {
    "tailLines": (0, "must be greater than or equal to 0"),
    "limitBytes": (1, "must be greater than 0"),
    "sinceSeconds": (1, "must be greater than 0"),
}


def check_log_options(pod: str, query: Mapping[str, str]) -> None:
    """Raises: StatusError 400 for what is no number or time, 422 for what cannot be."""
    counts = {name: _number(query[name]) for name in _COUNTS if query.get(name)}
    since = query.get("sinceTime", "")
    if since:
        _check_time(since)
        counts.pop("sinceSeconds", None)
    errors = [
        invalid_value(name, count, text)
        for name, (least, text) in _COUNTS.items()
        if (count := counts.get(name)) is not None and count < least
    ]
    if since and query.get("sinceSeconds"):
        errors.append(forbidden_field("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    errors += _stream_errors(query.get("stream", "All"), "tailLines" in counts)
    if errors:
        raise invalid("PodLogOptions", "", pod, errors)


def _stream_errors(stream: str, tail: bool) -> list[FieldError]:
    if stream not in _STREAMS:
        return [not_supported("stream", stream, _STREAMS)]
    if stream != "All" and tail:
        return [forbidden_field("[]", "`tailLines` and specific `stream` are mutually exclusive for now")]
    return []


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _check_time(text: str) -> None:
    try:
        parse(text)
    except ValueError:
        layout = "2006-01-02T15:04:05Z07:00"
        raise bad_request(f'parsing time "{text}" as "{layout}": cannot parse "{text}" as "2006"') from None
