"""What the server serves, as discovery tells it: /api, /apis and below, /version, and /.

Legacy discovery is one document per path; aggregated discovery answers `/api` and `/apis` with
everything at once, and has an ETag. All answers are bytes made once, when the set of kinds
changes (`set_kinds`: CustomResourceDefinitions come and go).

Source: discovery API, KEP-3352 (aggregated discovery); orders as recorded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from navarch.api.kind import Kind, Subresource
from navarch.base.errors import no_such_resource
from navarch.schema.types import Tree
from navarch.server.aggregation import CUSTOM_PRIORITY, Offer
from navarch.server.negotiate import Format, negotiate, negotiate_discovery
from navarch.server.respond import bytes_response, indented, page_not_found
from navarch.wire.messages import Request, Response

#: The order of groups in /apis; groups that are not here follow by name.
GROUP_ORDER = (
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
)

#: The Kubernetes release whose API this is. Clients compare `gitVersion` as a semantic version.
VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "cpython",
    "platform": "linux/amd64",
}

_AGGREGATED = "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class Discovery:
    """`server_address` is `host:port` as clients reach it. `paths` are those that the root lists beside
    discovery's own (health checks, metrics, OpenAPI, ...). `offers` is what aggregated servers serve."""

    def __init__(
        self, kinds: Iterable[Kind], server_address: str, paths: Sequence[str] = (), offers: Sequence[Offer] = ()
    ) -> None:
        self._server_address = server_address
        self._paths = tuple(paths)
        self.set_kinds(kinds, offers)

    def set_kinds(self, kinds: Iterable[Kind], offers: Sequence[Offer] = ()) -> None:
        """The kinds that are served from now on."""
        groups = _grouped(kinds, offers)
        documents: dict[str, Tree] = {"/version": dict(VERSION)}
        core = groups.pop("", {})
        documents["/api"] = _api_versions(list(core), self._server_address)
        documents["/apis"] = _group_list(groups)
        for version, of_version in core.items():
            assert isinstance(of_version, list), "nobody else serves the core group"
            documents[f"/api/{version}"] = _resource_list(version, of_version)
        for group, versions in groups.items():
            documents[f"/apis/{group}"] = _group(group, list(versions))
            for version, of_version in versions.items():
                if isinstance(of_version, list):
                    documents[f"/apis/{group}/{version}"] = _resource_list(f"{group}/{version}", of_version)
        elsewhere = {offer.remote.path for offer in offers}
        documents["/"] = {"paths": sorted({*documents, *elsewhere, "/apis/", *self._paths} - {"/"})}
        self._documents = {path: orjson.dumps(tree) + b"\n" for path, tree in documents.items()}
        # People look at these two.
        self._documents |= {path: indented(documents[path]) for path in ("/", "/version")}
        self._aggregated = {"/api": _aggregate({"": core}), "/apis": _aggregate(groups)}

    def answer(self, request: Request) -> Response | None:
        """The answer to a GET, None for paths that are not discovery's.

        Raises: StatusError 404 for an unknown version of a group, 406.
        """
        path = request.path.rstrip("/") or "/"
        accept = request.headers.get("accept", "")
        if path in self._aggregated:
            form = negotiate_discovery(accept)
            if form.version == "v2beta1":
                # Gone since 1.36: only what the client accepts beside it counts.
                form = negotiate_discovery(_without_beta(accept))
            if form.as_:
                return self._answer_aggregated(path, form, request.headers.get("if-none-match", ""))
            return bytes_response(self._documents[path], Format(form.media_type))
        document = self._documents.get(path)
        if document is not None:
            return bytes_response(document, negotiate(accept))
        parts = path.split("/")
        if parts[1] not in ("api", "apis"):
            return None
        if parts[1] == "apis" and len(parts) == 3:
            return page_not_found()
        if len(parts) == (3 if parts[1] == "api" else 4):
            raise no_such_resource()
        return None

    def _answer_aggregated(self, path: str, form: Format, known: str) -> Response:
        """The tag is that of the JSON document, whatever the form."""
        body, etag = self._aggregated[path]
        headers = [("Cache-Control", "public"), ("Etag", etag), ("Vary", "Accept")]
        if etag in (tag.strip() for tag in known.split(",")):
            return Response(304, headers=headers)
        response = bytes_response(body, form)
        response.content_type = f"{form.media_type};{_AGGREGATED}"
        response.headers.extend(headers)
        return response


def version_key(version: str) -> tuple[int, int, int, str]:
    """Sorts versions as Kubernetes prefers them: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name."""
    parsed = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if parsed is None:
        return (3, 0, 0, version)
    major, stage, minor = parsed.groups()
    return ({None: 0, "beta": 1, "alpha": 2}[stage], -int(major), -int(minor or 0), "")


#: What one version of a group has: kinds of this server, or what another one offers.
Served = list[Kind] | Offer


def _grouped(kinds: Iterable[Kind], offers: Sequence[Offer]) -> dict[str, dict[str, Served]]:
    """Group -> version -> what is served, all in the order in which they are shown."""
    found: dict[str, dict[str, Served]] = {}
    for kind in sorted(kinds, key=lambda k: k.plural):
        of_version = found.setdefault(kind.group, {}).setdefault(kind.version, [])
        assert isinstance(of_version, list)
        of_version.append(kind)
    priorities = {offer.remote.group: offer.remote.group_priority for offer in offers}
    for offer in offers:
        found.setdefault(offer.remote.group, {})[offer.remote.version] = offer
    rank = {group: i for i, group in enumerate(GROUP_ORDER)}

    def place(group: str) -> tuple[int, int, str]:
        return rank.get(group, len(rank)), -priorities.get(group, CUSTOM_PRIORITY), group

    return {
        group: dict(sorted(found[group].items(), key=lambda item: (_rank(item[1]), version_key(item[0]))))
        for group in sorted(found, key=place)
    }


def _rank(served: Served) -> int:
    return -served.remote.version_priority if isinstance(served, Offer) else 0


# --- legacy documents


def _api_versions(versions: list[str], server_address: str) -> Tree:
    address = {"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}
    return {"kind": "APIVersions", "versions": versions, "serverAddressByClientCIDRs": [address]}


def _group_list(groups: dict[str, dict[str, Served]]) -> Tree:
    listed = []
    for group, versions in groups.items():
        tree = _group(group, list(versions))
        del tree["kind"], tree["apiVersion"]
        listed.append(tree)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def _group(group: str, versions: list[str]) -> Tree:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": listed, "preferredVersion": listed[0]}


def _resource_list(group_version: str, kinds: list[Kind]) -> Tree:
    resources = []
    for kind in kinds:
        resources.append(_resource(kind))
        resources.extend(_subresource(kind, sub) for sub in kind.subresources)
    resources.sort(key=lambda resource: resource["name"])
    # The core group's list is of a time before lists had an apiVersion.
    head = {"kind": "APIResourceList"} | ({"apiVersion": "v1"} if "/" in group_version else {})
    return head | {"groupVersion": group_version, "resources": resources}


def _resource(kind: Kind) -> Tree:
    tree: Tree = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        tree["shortNames"] = list(kind.short_names)
    if kind.categories:
        tree["categories"] = list(kind.categories)
    if kind.storage_version_hash:
        tree["storageVersionHash"] = kind.storage_version_hash
    return tree


def _subresource(kind: Kind, sub: Subresource) -> Tree:
    tree: Tree = {"name": f"{kind.plural}/{sub.name}", "singularName": "", "namespaced": kind.namespaced}
    if sub.version:
        tree |= {"group": sub.group, "version": sub.version} if sub.group else {"version": sub.version}
    return tree | {"kind": sub.kind, "verbs": list(sub.verbs)}


# --- the aggregated document


def _aggregate(groups: dict[str, dict[str, Served]]) -> tuple[bytes, str]:
    """The document and its ETag."""
    items = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [_aggregated_version(version, kinds) for version, kinds in versions.items()],
        }
        for group, versions in groups.items()
    ]
    tree = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}
    body = orjson.dumps(tree) + b"\n"
    return body, f'"{hashlib.sha512(body).hexdigest().upper()}"'


def _aggregated_version(version: str, served: Served) -> Tree:
    if isinstance(served, Offer):
        freshness = "Current" if served.fresh else "Stale"
        return {"version": version, "resources": list(served.resources), "freshness": freshness}
    resources = [_aggregated_resource(kind) for kind in served]
    return {"version": version, "resources": resources, "freshness": "Current"}


def _aggregated_resource(kind: Kind) -> Tree:
    tree: Tree = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        tree["shortNames"] = list(kind.short_names)
    if kind.categories:
        tree["categories"] = list(kind.categories)
    if kind.subresources:
        tree["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _response_kind(sub.kind, sub.group, sub.version),
                "verbs": list(sub.verbs),
            }
            for sub in sorted(kind.subresources, key=lambda s: s.name)
        ]
    return tree


def _response_kind(kind: str, group: str = "", version: str = "") -> dict[str, Any]:
    """Group and version are empty where they are those of the enclosing version."""
    return {"group": group, "version": version, "kind": kind}


def _without_beta(accept: str) -> str:
    return ",".join(clause for clause in accept.split(",") if "v=v2beta1" not in clause) or "none"
