"""The operations of a group-version as OpenAPI paths, derived from declarations of kinds.

Called by openapi.py. Parameters that all operations of a path share stand at the path, the others
at their operation. Descriptions are the few words that the format demands.

Source: the documents of a 1.36 server (paths, operation ids, parameters, media types).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from navarch.api.kind import Kind, Subresource
from navarch.schema.openapi import V3_PREFIX
from navarch.schema.types import Tree

_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."

_BOOLEAN: Final = frozenset(
    [
        "allowWatchBookmarks",
        "follow",
        "force",
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "insecureSkipTLSVerifyBackend",
        "orphanDependents",
        "previous",
        "sendInitialEvents",
        "stderr",
        "stdin",
        "stdout",
        "timestamps",
        "tty",
        "watch",
    ]
)
_INTEGER: Final = frozenset(
    ["gracePeriodSeconds", "limit", "limitBytes", "ports", "sinceSeconds", "tailLines", "timeoutSeconds"]
)
_SELECT: Final = (
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "shardSelector",
    "timeoutSeconds",
)
_LIST: Final = ("allowWatchBookmarks", *_SELECT, "watch")
_WRITE: Final = ("dryRun", "fieldManager", "fieldValidation")
_DELETE: Final = (
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
)
_LOG: Final = (
    "container",
    "follow",
    "insecureSkipTLSVerifyBackend",
    "limitBytes",
    "previous",
    "sinceSeconds",
    "stream",
    "tailLines",
    "timestamps",
)
#: Subresources that a client connects to: (methods, name of the options, their parameters).
_PROXY_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
_CONNECT: Final[dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]]] = {
    "attach": (("get", "post"), "Attach", ("container", "stderr", "stdin", "stdout", "tty")),
    "exec": (("get", "post"), "Exec", ("command", "container", "stderr", "stdin", "stdout", "tty")),
    "portforward": (("get", "post"), "PortForward", ("ports",)),
    "proxy": (_PROXY_METHODS, "Proxy", ("path",)),
}
_PATCHES: Final = ("apply-patch+yaml", "json-patch+json", "merge-patch+json", "strategic-merge-patch+json")

#: (apiVersion, kind) -> name of the type.
TypeName = Callable[[str, str], str]


def identifier(group: str) -> str:
    """`RbacAuthorization` for rbac.authorization.k8s.io: the group inside operation ids."""
    return (
        "".join(part[:1].upper() + part[1:] for part in group.removesuffix(".k8s.io").split(".")) if group else "Core"
    )


def tag(group: str) -> str:
    name = identifier(group)
    return name[:1].lower() + name[1:]


def paths(group: str, version: str, kinds: Iterable[Kind], type_name: TypeName) -> dict[str, Tree]:
    """All paths of a group-version, sorted."""
    builder = _Builder(group, version, type_name)
    for kind in kinds:
        builder.add(kind)
    return builder.finished()


def document_path(path: str, operation_id: str, tag_name: str, type_name: str, media_types: Iterable[str]) -> Tree:
    """The path of a discovery document: one GET without parameters. No type means text."""
    schema = _refer(type_name) if type_name else {"type": "string"}
    return {path: {"get": _operation(tag_name, operation_id, {200: (schema, media_types)})}}


class _Builder:
    def __init__(self, group: str, version: str, type_name: TypeName) -> None:
        self._group, self._version, self._type_name = group, version, type_name
        self._api_version = f"{group}/{version}" if group else version
        self._root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        self._id = identifier(group) + version[:1].upper() + version[1:]
        self._tag = f"{tag(group)}_{version}"
        self._paths: dict[str, dict[str, tuple[Tree, set[str]]]] = {}

    def finished(self) -> dict[str, Tree]:
        root = document_path(
            f"{self._root}/", f"get{self._id}APIResources", self._tag, _META + "APIResourceList", PRODUCES
        )
        return root | {path: _hoist(path, operations) for path, operations in sorted(self._paths.items())}

    def add(self, kind: Kind) -> None:
        name = kind.type_name or self._type_name(self._api_version, kind.kind)
        scope = "/namespaces/{namespace}" if kind.namespaced else ""
        collection, subject = f"{scope}/{kind.plural}", ("Namespaced" if kind.namespaced else "") + kind.kind
        self._collection(kind, collection, subject, name)
        self._item(kind, f"{collection}/{{name}}", subject, name)
        if "watch" in kind.verbs:
            self._watch(kind, collection, subject)
        for sub in kind.subresources:
            self._subresource(kind, sub, f"{collection}/{{name}}/{sub.name}", subject)

    def _collection(self, kind: Kind, path: str, subject: str, name: str) -> None:
        produces, listing = _media(kind)
        listed = _refer(f"{name}List")
        if "list" in kind.verbs:
            self._put(path, "get", kind, f"list{self._id}{subject}", "list", {200: (listed, listing)}, _LIST)
            if kind.namespaced:
                everywhere = f"list{self._id}{kind.kind}ForAllNamespaces"
                self._put(f"/{kind.plural}", "get", kind, everywhere, "list", {200: (listed, listing)}, _LIST)
        if "create" in kind.verbs:
            self._create(path, kind, f"create{self._id}{subject}", kind.kind, self._group, self._version, name)
        if "deletecollection" in kind.verbs:
            answers = {200: (_refer(_META + "Status"), produces)}
            operation = f"delete{self._id}Collection{subject}"
            self._put(
                path, "delete", kind, operation, "deletecollection", answers, (*_SELECT, *_DELETE), _delete_body(kind)
            )

    def _item(self, kind: Kind, path: str, subject: str, name: str) -> None:
        produces, _ = _media(kind)
        if "get" in kind.verbs:
            self._put(path, "get", kind, f"read{self._id}{subject}", "get", {200: (_refer(name), produces)}, ())
        self._writes(path, kind, subject, "", kind.verbs, self._gvk(kind.kind), name)
        if "delete" in kind.verbs:
            answer = _refer(name if kind.delete_returns_object else _META + "Status")
            answers = {200: (answer, produces), 202: (answer, produces)}
            operation = f"delete{self._id}{subject}"
            self._put(path, "delete", kind, operation, "delete", answers, _DELETE, _delete_body(kind))

    def _watch(self, kind: Kind, path: str, subject: str) -> None:
        _, listing = _media(kind)
        answers = {200: (_refer(_META + "WatchEvent"), listing)}
        one, several = f"watch{self._id}{subject}", f"watch{self._id}{subject}List"
        self._put(f"/watch{path}", "get", kind, several, "watchlist", answers, _LIST)
        self._put(f"/watch{path}/{{name}}", "get", kind, one, "watch", answers, _LIST)
        if kind.namespaced:
            everywhere = f"watch{self._id}{kind.kind}ListForAllNamespaces"
            self._put(f"/watch/{kind.plural}", "get", kind, everywhere, "watchlist", answers, _LIST)

    def _subresource(self, kind: Kind, sub: Subresource, path: str, subject: str) -> None:
        suffix = sub.name[:1].upper() + sub.name[1:]
        produces, _ = _media(kind)
        if sub.name in _CONNECT:
            self._connect(kind, sub.name, path, subject, suffix)
            return
        if sub.name == "log":
            answers = {200: ({"type": "string"}, (*produces, "text/plain"))}
            self._put(path, "get", kind, f"read{self._id}{subject}Log", "get", answers, _LOG)
            return
        gvk = self._gvk(sub.kind, sub.group, sub.version)
        api_version = f"{gvk['group']}/{gvk['version']}" if gvk["group"] else gvk["version"]
        name = kind.type_name if sub.kind == kind.kind else ""
        name = name or self._type_name(api_version, sub.kind)
        if "create" in sub.verbs:
            operation = f"create{self._id}{subject}{suffix}"
            self._create(path, kind, operation, sub.kind, gvk["group"], gvk["version"], name)
        if "get" in sub.verbs:
            operation = f"read{self._id}{subject}{suffix}"
            self._put(path, "get", kind, operation, "get", {200: (_refer(name), produces)}, (), gvk=gvk)
        self._writes(path, kind, subject, suffix, sub.verbs, gvk, name)

    def _connect(self, kind: Kind, sub: str, path: str, subject: str, suffix: str) -> None:
        methods, options, parameters = _CONNECT[sub]
        gvk = self._gvk(f"{kind.kind}{options}Options")
        answers: _Answers = {200: ({"type": "string"}, ("*/*",))}
        for tail, with_path in (("", ""), ("/{path}", "WithPath")) if sub == "proxy" else (("", ""),):
            for method in methods:
                operation = f"connect{self._id}{method.capitalize()}{subject}{suffix}{with_path}"
                self._put(path + tail, method, kind, operation, "connect", answers, parameters, gvk=gvk, pretty=False)

    def _create(self, path: str, kind: Kind, operation: str, of: str, group: str, version: str, name: str) -> None:
        produces, _ = _media(kind)
        answers = {code: (_refer(name), produces) for code in (200, 201, 202)}
        gvk = self._gvk(of, group, version)
        self._put(path, "post", kind, operation, "post", answers, _WRITE, _body(kind, name), gvk)

    def _writes(
        self, path: str, kind: Kind, subject: str, suffix: str, verbs: Iterable[str], gvk: Tree, name: str
    ) -> None:
        """PUT and PATCH."""
        produces, _ = _media(kind)
        answers = {code: (_refer(name), produces) for code in (200, 201)}
        if "update" in verbs:
            operation = f"replace{self._id}{subject}{suffix}"
            self._put(path, "put", kind, operation, "put", answers, _WRITE, _body(kind, name), gvk)
        if "patch" in verbs:
            kinds_of_patch = _PATCHES if kind.type_name else _PATCHES[:3]
            patch = {"schema": _refer(_META + "Patch")}
            body: Tree = {"content": {f"application/{media}": patch for media in kinds_of_patch}, "required": True}
            operation = f"patch{self._id}{subject}{suffix}"
            self._put(path, "patch", kind, operation, "patch", answers, (*_WRITE, "force"), body, gvk)

    def _gvk(self, kind: str, group: str = "", version: str = "") -> Tree:
        group, version = (group, version) if version else (self._group, self._version)
        return {"group": group, "version": version, "kind": kind}

    def _put(
        self,
        path: str,
        method: str,
        kind: Kind,
        operation_id: str,
        action: str,
        answers: _Answers,
        parameters: Iterable[str],
        body: Tree | None = None,
        gvk: Tree | None = None,
        *,
        pretty: bool = True,
    ) -> None:
        operation = _operation(self._tag, operation_id, answers)
        if body is not None:
            operation["requestBody"] = body
        operation["x-kubernetes-action"] = action
        operation["x-kubernetes-group-version-kind"] = gvk or self._gvk(kind.kind)
        names = {*parameters, "pretty"} if pretty else {*parameters}
        self._paths.setdefault(self._root + path, {})[method] = (operation, names)


#: code -> (schema, media types)
_Answers = Mapping[int, tuple[Tree, Iterable[str]]]

PRODUCES: Final = ("application/json", "application/vnd.kubernetes.protobuf", "application/yaml")
_LISTING: Final = (
    "application/json",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf",
    "application/vnd.kubernetes.protobuf;stream=watch",
    "application/yaml",
)
_CUSTOM: Final = ("application/json", "application/yaml")
_PLACED: Final = ("name", "namespace", "path")
_TEXTS: Final = {200: "OK", 201: "Created", 202: "Accepted"}


def _media(kind: Kind) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Media types of single objects and of lists. Custom resources have no type in the tables."""
    return (PRODUCES, _LISTING) if kind.type_name else (_CUSTOM, _CUSTOM)


def _body(kind: Kind, name: str) -> Tree:
    consumes = ("*/*",) if kind.type_name else _CUSTOM
    return {"content": {media: {"schema": _refer(name)} for media in consumes}, "required": True}


def _delete_body(kind: Kind) -> Tree:
    body = _body(kind, _META + "DeleteOptions")
    del body["required"]
    return body


def _operation(tag_name: str, operation_id: str, answers: _Answers) -> Tree:
    responses: Tree = {
        str(code): {"description": _TEXTS[code], "content": {m: {"schema": schema} for m in media}}
        for code, (schema, media) in answers.items()
    }
    responses["401"] = {"description": "Unauthorized"}
    return {"tags": [tag_name], "operationId": operation_id, "responses": responses}


def _hoist(path: str, operations: dict[str, tuple[Tree, set[str]]]) -> Tree:
    """Operations of one path, with the parameters that all share moved to the path."""
    shared = set.intersection(*(names for _, names in operations.values()))
    out: Tree = {}
    for method, (operation, names) in operations.items():
        own = [_parameter(name) for name in sorted(names - shared)]
        out[method] = {**operation, "parameters": own} if own else operation
    placed = [_parameter(name) | {"in": "path", "required": True} for name in _PLACED if f"{{{name}}}" in path]
    out["parameters"] = sorted(placed + [_parameter(name) for name in shared], key=lambda p: (p["name"], p["in"]))
    return out


def _parameter(name: str) -> Tree:
    kind = "boolean" if name in _BOOLEAN else "integer" if name in _INTEGER else "string"
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}


def _refer(name: str) -> Tree:
    return {"$ref": V3_PREFIX + name}
