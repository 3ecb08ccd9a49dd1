"""What a path, a method and a query ask for: the `RequestInfo` that authorization works on.

    GET  /api/v1/namespaces/default/pods/web/log  -> get pods/log "web" in default
    GET  /apis/apps/v1/deployments?watch=1        -> watch deployments.apps in all namespaces
    GET  /healthz                                 -> get, no resource

Pure. Source: apiserver `RequestInfoFactory` (order of the rules, what counts as watching).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs

from navarch.wire.messages import RequestInfo

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

#: Path elements after `namespaces/<name>` that belong to the namespace itself.
_NAMESPACE_SUBRESOURCES = ("status", "finalize")

#: First path elements after the version that name a verb. `proxy` is a verb of old only.
_VERB_PREFIXES = ("watch", "proxy")


#: Longer paths and queries are not remembered: a client chooses them.
_REMEMBERED_CHARS: Final = 512


def request_info(method: str, path: str, query: str = "") -> RequestInfo:
    """Never fails: what is no API resource is a plain path."""
    if len(path) + len(query) <= _REMEMBERED_CHARS:
        return _remembered(method, path, query)
    return _parse(method, path, query)


def exact_match(field_selector: str, key: str) -> str:
    """The value that `field_selector` demands of `key`, empty if it demands none."""
    for term in field_selector.split(","):
        name, operator, value = term.partition("=")
        if operator and name.strip() == key and not name.endswith("!"):
            return value.removeprefix("=").strip()
    return ""


def parameter(query: str, name: str) -> str | None:
    """The first value of a query parameter, None when it is absent."""
    if name not in query:
        return None
    values = parse_qs(query, keep_blank_values=True).get(name)
    return values[0] if values else None


def is_true(value: str | None) -> bool:
    """A boolean parameter: absent, `0` and `false` are false, anything else is true."""
    return value is not None and value.lower() not in ("0", "false")


def _parse(method: str, path: str, query: str) -> RequestInfo:
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return RequestInfo(method.lower(), False)
    verb, namespace = _VERBS.get(method, ""), ""
    if rest[0] in _VERB_PREFIXES and len(rest) > 1:
        verb, *rest = rest
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource, name, subresource, *beyond = [*rest, *[""] * (3 - len(rest))]
    if not name:
        verb, name = _of_collection(verb, query)
    return RequestInfo(
        verb, True, group, version, resource, subresource, namespace, name, _tail(subresource, beyond, path)
    )


#: Clients ask for the same again and again: kubelets for their leases, people for what they wait for.
_remembered: Final = lru_cache(4096)(_parse)


def _tail(subresource: str, beyond: list[str], path: str) -> str:
    """What follows the subresource, as it was written: with its slash at the end."""
    ending = "/" if path.endswith("/") else ""
    if beyond:
        return f"/{'/'.join(beyond)}".rstrip("/" if ending else "") + ending
    return ending if subresource == "proxy" else ""


def _of_collection(verb: str, query: str) -> tuple[str, str]:
    """The verb of a request without a name, which concerns the collection, and the name that a selector gives."""
    if verb == "get":
        verb = "watch" if is_true(parameter(query, "watch")) else "list"
    elif verb == "delete":
        verb = "deletecollection"
    if verb not in ("list", "watch") or "metadata.name" not in query:
        return verb, ""
    return verb, _path_segment(exact_match(parameter(query, "fieldSelector") or "", "metadata.name"))


def _path_segment(name: str) -> str:
    """The name, if it could stand in a path."""
    return "" if name in (".", "..") or "/" in name or "%" in name else name
