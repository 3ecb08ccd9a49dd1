"""What a path, a method and a query ask for: the `RequestInfo` that authorization works on.

    GET  /api/v1/namespaces/default/pods/web/log  -> get pods/log "web" in default
    GET  /apis/apps/v1/deployments?watch=1        -> watch deployments.apps in all namespaces
    GET  /healthz                                 -> get, no resource

Pure. Source: apiserver `RequestInfoFactory` (order of the rules, what counts as watching).
"""

from __future__ import annotations

from urllib.parse import parse_qs

from navarch.wire.messages import RequestInfo

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

#: Path elements after `namespaces/<name>` that belong to the namespace itself.
_NAMESPACE_SUBRESOURCES = ("status", "finalize")

#: First path elements after the version that name a verb. `proxy` is a verb of old only.
_VERB_PREFIXES = ("watch", "proxy")


def request_info(method: str, path: str, query: str = "") -> RequestInfo:
    """Never fails: what is no API resource is a plain path."""
    parts = path.strip("/").split("/")
    root = parts[0]
    if root == "api" and len(parts) >= 3:
        info = _resource(parts[2:], RequestInfo(_VERBS.get(method, ""), True, "", parts[1]))
    elif root == "apis" and len(parts) >= 4:
        info = _resource(parts[3:], RequestInfo(_VERBS.get(method, ""), True, parts[1], parts[2]))
    else:
        return RequestInfo(method.lower(), False)
    if info.tail and path.endswith("/"):
        info.tail = info.tail.rstrip("/") + "/"
    elif info.subresource == "proxy" and path.endswith("/"):
        info.tail = "/"
    if not info.name:
        _refine_collection(info, query)
    return info


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


def _resource(parts: list[str], info: RequestInfo) -> RequestInfo:
    """Fill in what the path elements after the version say."""
    if parts[0] in _VERB_PREFIXES and len(parts) > 1:
        info.verb = parts[0]
        parts = parts[1:]
    if parts[0] == "namespaces" and len(parts) > 1:
        info.namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    info.resource = parts[0]
    if len(parts) > 1:
        info.name = parts[1]
    if len(parts) > 2:
        info.subresource = parts[2]
    if len(parts) > 3:
        info.tail = "/" + "/".join(parts[3:])
    return info


def _refine_collection(info: RequestInfo, query: str) -> None:
    """A get or delete without a name concerns the collection; a selector may name one object."""
    if info.verb == "get":
        info.verb = "watch" if is_true(parameter(query, "watch")) else "list"
    elif info.verb == "delete":
        info.verb = "deletecollection"
    if info.verb in ("list", "watch") and "metadata.name" in query:
        info.name = _path_segment(exact_match(parameter(query, "fieldSelector") or "", "metadata.name"))


def _path_segment(name: str) -> str:
    """The name, if it could stand in a path."""
    return "" if name in (".", "..") or "/" in name or "%" in name else name
