"""Objects as a test reads them: plain dicts whose fields are attributes too.

A field that is absent is None, so that a test can say `pod.status.startTime is None`; nested absent
fields read as empty objects only if the parent is there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import orjson

from navarch.base.errors import UsageError
from navarch.base.resource import Resource
from navarch.schema.types import Tree
from navarch.server.served import Resources


class Obj(dict[str, Any]):
    """A JSON object. `obj.metadata.name` is `obj["metadata"]["name"]`. Fields that are called like a method of
    dict (`items`, `keys`) are reached by index alone."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    @property
    def name(self) -> Any:
        """metadata.name of an object; of what is within one (its metadata, a container), the field `name`."""
        return self.get("metadata", self).get("name")

    def condition(self, type_: str) -> Obj:
        """The condition of that type in the status; empty if there is none."""
        for condition in (self.get("status") or {}).get("conditions") or ():
            if condition.get("type") == type_:
                return Obj(condition)
        return Obj()


def obj_of(raw: bytes) -> Obj:
    """An object's bytes as an Obj, all the way down."""
    converted: Obj = _convert(orjson.loads(raw))
    return converted


def _convert(value: Any) -> Any:
    if isinstance(value, dict):
        return Obj((key, _convert(item)) for key, item in value.items())
    if isinstance(value, list):
        return [_convert(item) for item in value]
    return value


class Names:
    """Finds resources by what people call them: `deploy`, `deployment`, `deployments.apps`, `Deployment`. Custom
    resources are among them as long as they are served."""

    def __init__(self, resources: Resources) -> None:
        self._by_name: dict[str, Resource] = {}
        self._resources = resources
        self._generation = -1

    def _read(self) -> None:
        self._by_name.clear()
        self._generation = self._resources.generation
        for served in self._resources:
            kind = served.kind
            for name in (kind.plural, kind.singular, kind.kind.lower(), *kind.short_names):
                self._by_name.setdefault(name, served.resource)
                self._by_name.setdefault(f"{name}.{kind.group}", served.resource)

    def find(self, name: str | Resource) -> Resource:
        """Raises: UsageError with the nearest names for one that is not served."""
        if isinstance(name, Resource):
            return name
        if self._generation != self._resources.generation:
            self._read()
        found = self._by_name.get(name.lower())
        if found is None:
            raise UsageError(f"no resource is called {name!r}{_nearest(name.lower(), self._by_name)}")
        return found

    def of_tree(self, tree: Tree) -> Resource:
        """The resource of an object by its apiVersion and kind. Raises: UsageError."""
        group, _, version = str(tree.get("apiVersion", "")).rpartition("/")
        for served in self._resources:
            kind = served.kind
            if (kind.kind, kind.group, kind.version) == (tree.get("kind"), group, version) and "get" in kind.verbs:
                return served.resource
        raise UsageError(f"no kind {tree.get('kind')!r} is served in {tree.get('apiVersion')!r}")


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3)
    return f": did you mean {', '.join(close)}?" if close else ""
