"""The options of list, watch and write requests: parsed from the query (or a delete body) and
checked, with Kubernetes' words for what is wrong.

Source: the meta.k8s.io ListOptions, CreateOptions, UpdateOptions, PatchOptions and DeleteOptions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from navarch.base.errors import Cause, StatusError, bad_request, timeout
from navarch.base.field import FieldError, forbidden_field, invalid, invalid_value, not_supported, required, too_long
from navarch.base.times import parse_duration

Query = Mapping[str, list[str]]

FIELD_MANAGER_MAX = 128
_EXACT = "Exact"
_NOT_OLDER = "NotOlderThan"


def parse_query(raw: str) -> Query:
    """The query string as lists of values; nothing is dropped."""
    if not raw:
        return {}
    return _remembered_query(raw) if len(raw) <= _REMEMBERED_CHARS else parse_qs(raw, keep_blank_values=True)


#: Clients send the same short queries again and again.
_REMEMBERED_CHARS = 200


@lru_cache(512)
def _remembered_query(raw: str) -> Query:
    return parse_qs(raw, keep_blank_values=True)


def first(query: Query, name: str) -> str:
    values = query.get(name)
    return values[0] if values else ""


def flag(query: Query, name: str) -> bool | None:
    """A boolean parameter as Go's conversion reads it: absent None, `0` and `false` False."""
    values = query.get(name)
    if values is None:
        return None
    return values[0].lower() not in ("false", "0")


def integer(query: Query, name: str) -> int | None:
    text = first(query, name)
    if not text:
        return None
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if not -(1 << 63) <= (value := int(text)) < 1 << 63:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return value


def parse_revision(text: str) -> int:
    """A resourceVersion as a number; empty is 0. Raises: ValueError with Go's words."""
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    if (revision := int(text)) > _UINT64_MAX:
        raise ValueError(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": value out of range'
        )
    return revision


def not_yet(revision: int, current: int) -> StatusError:
    """The 504 for a revision that nothing has reached."""
    text = f"Timeout: Too large resource version: {revision}, current: {current}"
    return timeout(text, causes=[Cause("ResourceVersionTooLarge", "Too large resource version")])


_UINT64_MAX = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or a watch asks for. Empty strings are absent values."""

    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    limit: int = 0
    continue_token: str = ""
    timeout_s: int | None = None
    bookmarks: bool = False
    send_initial_events: bool | None = None

    def wants_state(self, after: int) -> bool:
        """Whether a watch from revision `after` begins with what is there."""
        return after == 0 if self.send_initial_events is None else self.send_initial_events


def list_options(query: Query, *, watch: bool) -> ListOptions:
    """Raises: StatusError 400 for what cannot be parsed, 422 for what does not go together."""
    options = ListOptions(
        label_selector=first(query, "labelSelector"),
        field_selector=first(query, "fieldSelector"),
        resource_version=first(query, "resourceVersion"),
        resource_version_match=first(query, "resourceVersionMatch"),
        limit=integer(query, "limit") or 0,
        continue_token=first(query, "continue"),
        timeout_s=integer(query, "timeoutSeconds"),
        bookmarks=bool(flag(query, "allowWatchBookmarks")),
        send_initial_events=flag(query, "sendInitialEvents"),
    )
    errors = _watch_errors(options) if watch else _list_errors(options)
    if errors:
        raise invalid("ListOptions", "meta.k8s.io", "", errors)
    return options


def _list_errors(options: ListOptions) -> list[FieldError]:
    errors = []
    match = options.resource_version_match
    path = "resourceVersionMatch"
    if match:
        if not options.resource_version:
            errors.append(forbidden_field(path, f"{path} is forbidden unless resourceVersion is provided"))
        if options.continue_token:
            errors.append(forbidden_field(path, f"{path} is forbidden when continue is provided"))
        if match not in (_EXACT, _NOT_OLDER):
            errors.append(not_supported(path, match, [_EXACT, _NOT_OLDER, ""]))
        if match == _EXACT and options.resource_version == "0":
            errors.append(forbidden_field(path, f'{path} "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events is not None:
        errors.append(forbidden_field("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return errors


def _watch_errors(options: ListOptions) -> list[FieldError]:
    errors = []
    match = options.resource_version_match
    path = "resourceVersionMatch"
    initial = options.send_initial_events is not None
    if initial and match != _NOT_OLDER:
        text = f"sendInitialEvents requires setting {path} to {_NOT_OLDER}"
        errors.append(forbidden_field(path, text))
    if match:
        if not initial:
            text = f"{path} is forbidden for watch unless sendInitialEvents is provided"
            errors.append(forbidden_field(path, text))
        if match != _NOT_OLDER:
            errors.append(not_supported(path, match, [_NOT_OLDER]))
    if options.continue_token:
        errors.append(forbidden_field(path, f"{path} is forbidden when continue is provided"))
    return errors


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Options of create, update, patch and apply."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    force: bool = False


def write_options(query: Query, kind: str, *, apply: bool = False) -> WriteOptions:
    """`kind` is CreateOptions, UpdateOptions or PatchOptions. Raises: StatusError 422."""
    if not query and not apply:
        return _NO_WRITE_OPTIONS
    errors: list[FieldError] = []
    force = flag(query, "force")
    manager = first(query, "fieldManager")
    validation = first(query, "fieldValidation")
    if kind == "PatchOptions":
        if apply and not manager:
            errors.append(required("fieldManager", "is required for apply patch"))
        elif not apply and force is not None:
            errors.append(forbidden_field("force", "may not be specified for non-apply patch"))
    errors += field_manager_errors(manager)
    errors += dry_run_errors(query.get("dryRun", []))
    if validation not in ("", "Ignore", "Warn", "Strict"):
        errors.append(not_supported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]))
    if errors:
        raise invalid(kind, "meta.k8s.io", "", errors)
    return WriteOptions(bool(query.get("dryRun")), manager, validation or "Warn", bool(force))


_NO_WRITE_OPTIONS = WriteOptions()


def field_manager_errors(manager: str) -> list[FieldError]:
    if len(manager.encode()) > FIELD_MANAGER_MAX:
        return [too_long("fieldManager", FIELD_MANAGER_MAX)]
    for position, char in enumerate(manager):
        if not char.isprintable():
            text = f"invalid character U+{ord(char):04X} (at position {position})"
            return [invalid_value("fieldManager", manager, text)]
    return []


def dry_run_errors(values: list[str]) -> list[FieldError]:
    values = [v for v in values if v]
    if set(values) - {"All"}:
        return [not_supported("dryRun", values, ["All"])]
    return []


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """Options of delete and deletecollection, from the query or the body."""

    dry_run: bool = False
    grace_period_s: int | None = None
    propagation: str = ""
    orphan_dependents: bool | None = None
    uid: str | None = None
    resource_version: str | None = None

    @property
    def keeps_default(self) -> bool:
        """Whether nothing is said about dependents."""
        return not self.propagation and self.orphan_dependents is None


_POLICIES = ("Foreground", "Background", "Orphan")


def delete_options(query: Query, body: Mapping[str, Any] | None) -> DeleteOptions:
    """A body takes the place of the query, as in Kubernetes. Raises: StatusError 400, 422."""
    if body:
        grace = body.get("gracePeriodSeconds")
        propagation = body.get("propagationPolicy") or ""
        orphan = body.get("orphanDependents")
        dry_run = body.get("dryRun") or []
        preconditions = body.get("preconditions") or {}
    else:
        grace = integer(query, "gracePeriodSeconds")
        propagation = first(query, "propagationPolicy")
        orphan = flag(query, "orphanDependents")
        dry_run = [v for v in query.get("dryRun", []) if v]
        preconditions = {}
    errors: list[FieldError] = []
    if propagation and orphan is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(invalid_value("propagationPolicy", propagation, text))
    elif propagation and propagation not in _POLICIES:
        errors.append(not_supported("propagationPolicy", propagation, [*_POLICIES, "nil"]))
    errors += dry_run_errors(list(dry_run))
    if errors:
        raise invalid("DeleteOptions", "meta.k8s.io", "", errors)
    return DeleteOptions(
        bool(dry_run), grace, propagation, orphan, preconditions.get("uid"), preconditions.get("resourceVersion")
    )


def timeout_of(query: Query) -> None:
    """Check `?timeout=`; the value itself bounds nothing here. Raises: StatusError 400."""
    if "timeout" in query and (text := first(query, "timeout")):
        try:
            parse_duration(text)
        except ValueError as error:
            raise bad_request(f"invalid timeout specified in the request URL - {error}") from None


def server_error(text: str) -> StatusError:
    """A failure that Kubernetes answers with 500 and no reason."""
    return StatusError(500, "", text)
