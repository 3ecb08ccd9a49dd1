"""The API as the conformance suite's client uses it: bodies of built-in kinds in protobuf, answers too.

Custom resources, patches, watches and whatever is asked as dynamic client travel as JSON, as there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from navarch.schema import protobuf, protobuf_encode
from navarch.schema.canon import canon
from navarch.schema.protobuf_types import message_type
from navarch.schema.types import Struct
from tests.kubectl.site import PATIENCE_S, Site, Tree

PROTOBUF = {"Accept": "application/vnd.kubernetes.protobuf,application/json"}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#: Nothing of an object but its kind.
_HEAD = Struct("Head", {})
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class ApiError(Exception):
    """An answer of 400 and above; `status` is its Status object."""

    def __init__(self, code: int, status: Tree) -> None:
        super().__init__(f"{code}: {status.get('message')}")
        self.code = code
        self.status = status

    @property
    def reason(self) -> str:
        text: str = self.status.get("reason", "")
        return text


@dataclass(frozen=True)
class Answer:
    """`tree` is None for what is no object; `warnings` are the texts of the Warning headers."""

    code: int
    tree: Tree
    warnings: tuple[str, ...] = ()


@dataclass
class Api:
    """Calls as administrator; namespaced resources are those of `namespace` unless the path says otherwise."""

    site: Site
    namespace: str
    _scopes: dict[str, dict[str, bool]] = field(default_factory=dict)

    # --- paths

    def path(self, resource: str, name: str = "", sub: str = "", namespace: str | None = None) -> str:
        """`resource` is `apps/v1/deployments` or `v1/pods`; namespace "" means all."""
        version, _, plural = resource.rpartition("/")
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        chosen = self.namespace if namespace is None else namespace
        where = f"/namespaces/{chosen}" if chosen and self._namespaced(base, plural) else ""
        return base + where + f"/{plural}" + (f"/{quote(name)}" if name else "") + (f"/{sub}" if sub else "")

    def _namespaced(self, base: str, plural: str) -> bool:
        if plural not in self._scopes.get(base, {}):
            listed = self.json("GET", base)["resources"]
            self._scopes[base] = {each["name"]: each["namespaced"] for each in listed}
        return self._scopes[base][plural]

    # --- calls

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
        """The body of an answer. Raises: ApiError."""
        code, raw = self.site.request(method, path, body, headers)
        if code >= 400:
            raise ApiError(code, _read(raw))
        return raw

    def json(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Tree:
        tree: Tree = json.loads(self.send(method, path, body, headers))
        return tree

    def typed(self, method: str, path: str, body: Tree | None = None) -> Tree:
        """A call of the typed client: protobuf both ways where the kind has a message."""
        headers = dict(PROTOBUF)
        raw: bytes | None = None
        if body is not None:
            node = message_type(body["apiVersion"], body["kind"])
            raw = protobuf_encode.encode(canon(node)(body), node) if node else json.dumps(body).encode()
            headers["Content-Type"] = "application/vnd.kubernetes.protobuf" if node else "application/json"
        return _read(self.send(method, path, raw, headers))

    def create(self, resource: str, tree: Tree, **query: str) -> Tree:
        return self.typed("POST", self.path(resource, **self._where(tree)) + _query(query), tree)

    def get(self, resource: str, name: str, sub: str = "") -> Tree:
        return self.typed("GET", self.path(resource, name, sub))

    def list(self, resource: str, namespace: str | None = None, **query: str) -> Tree:
        return self.typed("GET", self.path(resource, namespace=namespace) + _query(query))

    def update(self, resource: str, tree: Tree, sub: str = "", **query: str) -> Tree:
        name = tree["metadata"]["name"]
        return self.typed("PUT", self.path(resource, name, sub, **self._where(tree)) + _query(query), tree)

    def patch(self, resource: str, name: str, patch: Any, kind: str = "merge", sub: str = "", **query: str) -> Tree:
        headers = {"Content-Type": PATCHES[kind]}
        return self.json("PATCH", self.path(resource, name, sub) + _query(query), patch, headers)

    def apply(self, resource: str, tree: Tree, sub: str = "", manager: str = "test", force: bool = True) -> Tree:
        query = {"fieldManager": manager, "force": str(force).lower()}
        return self.patch(resource, tree["metadata"]["name"], tree, "apply", sub, **query)

    def delete(self, resource: str, name: str, options: Tree | None = None, **query: str) -> Tree:
        body = None if options is None else {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        return self.json("DELETE", self.path(resource, name) + _query(query), body)

    def delete_collection(self, resource: str, options: Tree | None = None, **query: str) -> Tree:
        body = None if options is None else {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        return self.json("DELETE", self.path(resource) + _query(query), body)

    def gone(self, resource: str, name: str) -> bool:
        try:
            self.get(resource, name)
        except ApiError as error:
            assert (error.code, error.reason) == (404, "NotFound")
            return True
        return False

    def names(self, resource: str, namespace: str | None = None, **query: str) -> list[str]:
        return [each["metadata"]["name"] for each in self.list(resource, namespace, **query).get("items") or []]

    # --- what is waited for

    def watch(self, resource: str, namespace: str | None = None, **query: str) -> Iterator[Tree]:
        return self.site.events(self.path(resource, namespace=namespace), query)

    def typed_watch(self, resource: str, **query: str) -> Iterator[Tree]:
        """The events of a watch as the typed client reads them: frames of protobuf."""
        for raw in self.site.frames(self.path(resource), query, PROTOBUF["Accept"]):
            kind, wrapped = _strings(raw)
            (body,) = _strings(wrapped)
            yield {"type": kind.decode(), "object": _read(body)}

    def until(self, resource: str, holds: Callable[[dict[str, Tree]], bool], **query: str) -> dict[str, Tree]:
        """Wait until `holds` is true of the objects by name, and answer them."""
        listed = self.json("GET", self.path(resource) + _query(query))
        found = {each["metadata"]["name"]: each for each in listed["items"]}
        if holds(found):
            return found
        for event in self.watch(resource, resourceVersion=listed["metadata"]["resourceVersion"], **query):
            name = event["object"]["metadata"]["name"]
            if event["type"] == "DELETED":
                found.pop(name, None)
            else:
                found[name] = event["object"]
            if holds(found):
                return found
        raise AssertionError(f"not within {PATIENCE_S} s: {resource}: {json.dumps(found)[:2000]}")

    def _where(self, tree: Tree) -> dict[str, str]:
        namespace = tree["metadata"].get("namespace")
        return {"namespace": namespace} if namespace else {}


def _query(query: Mapping[str, str]) -> str:
    return f"?{urlencode(query)}" if query else ""


def _strings(message: bytes) -> list[bytes]:
    """The fields of a message that has none but strings and messages, in order."""
    found, at = [], 0
    while at < len(message):
        size, shift, at = 0, 0, at + 1
        while True:
            byte, at = message[at], at + 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        found.append(message[at : at + size])
        at += size
    return found


def _read(raw: bytes) -> Tree:
    """The tree of an answer in either form."""
    if not raw.startswith(protobuf.MAGIC):
        try:
            tree: Tree = json.loads(raw)
        except ValueError:
            return {"message": raw.decode(errors="replace")}
        return tree
    head = protobuf.decode(raw, _HEAD)
    node = message_type(head["apiVersion"], head["kind"])
    assert node is not None, head
    return canon(node)(protobuf.decode(raw, node))
