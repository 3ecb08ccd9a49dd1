"""What the server serves, and which of it a word on the command line means.

Discovery is asked once and kept on disk per server, as kubectl does; a word that is not found there is
looked up anew. `pods`, `pod`, `po`, `deployments.apps`, `deployments.v1.apps` and `pod/web` are read here.

Source: client-go `restmapper` (precedence of resources, short names) and `discovery/cached/disk`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from navarch.cli.errors import ApiError, CliError
from navarch.cli.rest import Client, segment

if TYPE_CHECKING:
    from navarch.schema.types import Tree


#: How long discovery is believed. Source: kubectl's disk cache.
CACHE_TTL_S = 6 * 3600.0
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


class Resource(NamedTuple):
    """One served resource of one version."""

    plural: str
    singular: str
    kind: str
    group: str
    version: str
    namespaced: bool
    short_names: tuple[str, ...]
    verbs: tuple[str, ...]
    categories: tuple[str, ...]
    subresources: tuple[str, ...]
    #: The first version of its group that has it.
    preferred: bool

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`deployments.apps`"""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular_qualified(self) -> str:
        """`deployment.apps`, as messages and `-o name` have it."""
        return f"{self.kind.lower()}.{self.group}" if self.group else self.kind.lower()

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            root += f"/namespaces/{segment(namespace)}"
        root += f"/{self.plural}"
        if name:
            root += f"/{segment(name)}"
        return f"{root}/{subresource}" if subresource else root


class UnknownResource(CliError):
    """No resource goes by this word."""

    def __init__(self, word: str, group: str = "", version: str = "") -> None:
        text = f'the server doesn\'t have a resource type "{word}"'
        if group and version:
            text += f' in group "{group}" and version "{version}"'
        elif group:
            text += f' in group "{group}"'
        elif version:
            text += f' in version "{version}"'
        super().__init__(text)
        self.word = word


class Resources:
    """All resources of one server, in the order of discovery. `warn` gets ambiguities of short names."""

    def __init__(self, client: Client, cache_file: str, warn: Callable[[str], None]) -> None:
        self._client = client
        self._cache_file = cache_file
        self._warn = warn
        self._rows: list[Resource] | None = None
        self._fresh = False

    def all(self) -> list[Resource]:
        """Raises: ApiError, CliError."""
        if self._rows is None:
            self._rows = self._cached() or self.refresh()
        return self._rows

    def refresh(self) -> list[Resource]:
        """Ask the server again, and keep the answer."""
        rows = discover(self._client)
        self._rows, self._fresh = rows, True
        try:
            os.makedirs(os.path.dirname(self._cache_file), exist_ok=True)
            temporary = f"{self._cache_file}.{os.getpid()}"
            with open(temporary, "wb") as file:
                file.write(orjson.dumps([tuple(row) for row in rows]))
            os.replace(temporary, self._cache_file)
        except OSError:
            pass  # a home that cannot be written only costs time
        return rows

    def find(self, word: str) -> Resource:
        """The resource that a word names. Raises: UnknownResource."""
        found = self._lookup(word)
        if found is None and not self._fresh:
            self.refresh()
            found = self._lookup(word)
        if found is None:
            from navarch.cli.plugins import hint

            name, _, group = word.partition(".")
            error = UnknownResource(name, group)
            error.advice = hint(name, {row.plural for row in self.all()})
            raise error
        return found

    def of_kind(self, kind: str, api_version: str) -> Resource | None:
        """The resource of a manifest's kind."""
        group, _, version = api_version.rpartition("/")
        for _ in range(2):
            for row in self.all():
                if row.kind == kind and row.version == version and row.group == group:
                    return row
            if self._fresh:
                return None
            self.refresh()
        return None

    def in_category(self, category: str) -> list[Resource]:
        return [row for row in self.all() if row.preferred and category in row.categories]

    def _lookup(self, word: str) -> Resource | None:
        lowered = word.lower()
        if "." not in lowered:
            return self._by_name(lowered, lambda row: True)
        name, _, rest = lowered.partition(".")
        version, _, group = rest.partition(".")
        if re.fullmatch(r"v\d\w*", version):
            found = self._by_name(name, lambda row: (row.version, row.group) == (version, group), any_version=True)
            if found is not None:
                return found
        exact = self._by_name(name, lambda row: row.group == rest)
        return exact or self._by_name(name, lambda row: bool(rest) and row.group.startswith(rest))

    def _by_name(self, name: str, fits: Callable[[Resource], bool], any_version: bool = False) -> Resource | None:
        rows = [row for row in self.all() if (row.preferred or any_version) and fits(row)]
        for row in rows:
            if name == row.plural:
                return row
        for row in rows:
            if name in (row.singular, row.kind.lower()):
                return row
        short = [row for row in rows if name in row.short_names]
        for other in short[1:]:
            self._warn(f'short name "{name}" could also match lower priority resource {other.qualified}')
        return short[0] if short else None

    def _cached(self) -> list[Resource] | None:
        try:
            if time.time() - os.stat(self._cache_file).st_mtime > CACHE_TTL_S:
                return None
            with open(self._cache_file, "rb") as file:
                return [_row(values) for values in orjson.loads(file.read())]
        except (OSError, ValueError, TypeError):
            return None


def _row(values: list[Any]) -> Resource:
    plural, singular, kind, group, version, namespaced, short_names, verbs, categories, subresources, preferred = values
    return Resource(
        plural, singular, kind, group, version, namespaced,
        tuple(short_names), tuple(verbs), tuple(categories), tuple(subresources), preferred,
    )  # fmt: skip


def discover(client: Client) -> list[Resource]:
    """Ask the server for everything it serves. Raises: ApiError, CliError."""
    rows: list[Resource] = []
    for path in ("/api", "/apis"):
        answer = client.get(path, accept=_AGGREGATED).tree()
        if answer.get("kind") != "APIGroupDiscoveryList":
            return _discover_plainly(client)
        for group in answer.get("items") or []:
            rows += _group_rows(group)
    return rows


def _group_rows(group: Tree) -> list[Resource]:
    rows: list[Resource] = []
    seen: set[str] = set()
    name = (group.get("metadata") or {}).get("name", "")
    for version in group.get("versions") or []:
        for item in version.get("resources") or []:
            kind = item.get("responseKind") or {}
            plural = item["resource"]
            rows.append(
                Resource(
                    plural, item.get("singularResource", ""), kind.get("kind", ""), name, version["version"],
                    item.get("scope") == "Namespaced", tuple(item.get("shortNames") or ()),
                    tuple(item.get("verbs") or ()), tuple(item.get("categories") or ()),
                    tuple(sub["subresource"] for sub in item.get("subresources") or ()), plural not in seen,
                )
            )  # fmt: skip
            seen.add(plural)
    return rows


def _discover_plainly(client: Client) -> list[Resource]:
    """Servers before 1.26 answer one document per group and version."""
    documents = [("", "v1", client.get("/api/v1").tree())]
    for group in client.get("/apis").tree().get("groups") or []:
        for version in group["versions"]:
            try:
                answer = client.get(f"/apis/{version['groupVersion']}")
            except ApiError:
                continue  # an aggregated API that is down hides only its own resources
            documents.append((group["name"], version["version"], answer.tree()))
    rows: list[Resource] = []
    seen: set[tuple[str, str]] = set()
    for name, version, document in documents:
        items = document.get("resources") or []
        for item in items:
            plural = item["name"]
            if "/" in plural:
                continue
            subresources = [i["name"].partition("/")[2] for i in items if i["name"].startswith(plural + "/")]
            rows.append(
                Resource(
                    plural, item.get("singularName") or item["kind"].lower(), item["kind"], name, version,
                    item["namespaced"], tuple(item.get("shortNames") or ()), tuple(item.get("verbs") or ()),
                    tuple(item.get("categories") or ()), tuple(subresources), (name, plural) not in seen,
                )
            )  # fmt: skip
            seen.add((name, plural))
    return rows
