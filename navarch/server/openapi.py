"""/openapi/v3 and /openapi/v2: what clients learn of types and operations.

A version 3 document per group-version, made when it is first asked for, behind an index whose URLs
carry hashes; one version 2 document of everything. All are made from declarations of kinds and
facts of types, and kept as bytes until the set of kinds changes (`set_kinds`).

Source: KEP-2896 (OpenAPI v3), recorded answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from navarch.api.kind import Kind
from navarch.base.errors import no_such_resource
from navarch.schema import facts, openapi
from navarch.schema.prose import NONE, Prose
from navarch.schema.types import Tree
from navarch.server import openapi_protobuf, openapi_v2
from navarch.server.aggregation import Offer
from navarch.server.negotiate import JSON
from navarch.server.openapi_paths import PRODUCES, document_path, identifier, paths, tag
from navarch.server.respond import TEXT
from navarch.wire.messages import Request, Response

#: (group, version, kind) -> openAPIV3Schema of a custom resource.
CustomSchemas = Mapping[tuple[str, str, str], Tree]

_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
_INFO: Final = {"title": "Kubernetes", "version": "1.36"}
_SECURITY: Final = {
    "BearerToken": {
        "type": "apiKey",
        "description": "Bearer Token authentication",
        "name": "authorization",
        "in": "header",
    }
}
_EVERYWHERE: Final = (_META + "DeleteOptions", _META + "WatchEvent")
#: Documents that are no group's: (path, operation id, tag, type or "" for text, media types).
_SINGLE: Final[dict[str, tuple[str, str, str, str, tuple[str, ...]]]] = {
    ".well-known/openid-configuration": (
        "/.well-known/openid-configuration/",
        "getServiceAccountIssuerOpenIDConfiguration",
        "WellKnown",
        "",
        (JSON,),
    ),
    "api": ("/api/", "getCoreAPIVersions", "core", _META + "APIVersions", PRODUCES),
    "apis": ("/apis/", "getAPIVersions", "apis", _META + "APIGroupList", PRODUCES),
    "openid/v1/jwks": (
        "/openid/v1/jwks/",
        "getServiceAccountIssuerOpenIDKeyset",
        "openid",
        "",
        ("application/jwk-set+json",),
    ),
    "version": ("/version/", "getCodeVersion", "version", "io.k8s.apimachinery.pkg.version.Info", (JSON,)),
}


class OpenApi:
    """Answers GETs below /openapi. `custom` holds the schemas of kinds without a built-in type, `offers` what
    aggregated servers serve, `prose` what types and fields mean."""

    def __init__(
        self,
        kinds: Iterable[Kind],
        custom: CustomSchemas | None = None,
        offers: Sequence[Offer] = (),
        prose: Prose = NONE,
    ) -> None:
        self._facts = facts.load()
        self._prose = prose
        self.set_kinds(kinds, custom, offers)

    def set_kinds(
        self, kinds: Iterable[Kind], custom: CustomSchemas | None = None, offers: Sequence[Offer] = ()
    ) -> None:
        """The kinds that are served from now on."""
        self._custom = custom or {}
        self._kinds: dict[tuple[str, str], list[Kind]] = {}
        for kind in kinds:
            self._kinds.setdefault((kind.group, kind.version), []).append(kind)
        self._makers: dict[str, Callable[[], Tree]] = {name: partial(self._single, name) for name in _SINGLE}
        hashed: dict[str, Any] = dict(_SINGLE)
        for (group, version), of_version in self._kinds.items():
            name = f"apis/{group}/{version}" if group else f"api/{version}"
            self._makers[name] = partial(self._group_version, group, version)
            hashed[name] = [self._fingerprint(kind) for kind in of_version]
            if group:
                self._makers[f"apis/{group}"] = partial(self._group, group)
                hashed[f"apis/{group}"] = group
        for offer in offers:
            if offer.openapi is not None:
                name = offer.remote.path.lstrip("/")
                self._makers[name] = lambda document=offer.openapi: document  # type: ignore[misc]
                hashed[name] = offer.openapi
        self._hashes = {
            name: _hash(orjson.dumps([name, hashed[name], bool(self._prose)])) for name in sorted(self._makers)
        }
        self._documents: dict[str, Tree] = {}
        self._bytes: dict[str, bytes] = {}
        url = "/openapi/v3/{}?hash={}"
        index = {name: {"serverRelativeURL": url.format(name, digest)} for name, digest in self._hashes.items()}
        self._index = orjson.dumps({"paths": index})
        self._v2_etag = f'"{_hash(self._index)}"'

    def answer(self, request: Request) -> Response | None:
        """The answer to a GET, None for paths that are not below /openapi.

        Raises: StatusError 404 for a document that there is not.
        """
        path = request.path.rstrip("/")
        if path == "/openapi/v3":
            return Response(200, self._index, TEXT)
        if path == "/openapi/v2":
            return self._answer_v2(request)
        if not path.startswith("/openapi/v3/"):
            return None
        name = path.removeprefix("/openapi/v3/")
        if name not in self._makers:
            raise no_such_resource()
        return self._answer_v3(request, name)

    def _answer_v3(self, request: Request, name: str) -> Response:
        digest = self._hashes[name]
        etag = f'"{digest}"'
        headers = [("Etag", etag), ("Vary", "Accept")]
        asked = parse_qs(request.query).get("hash", [""])[0]
        if asked and asked != digest:
            return Response(301, headers=[("Location", f"/openapi/v3/{name}?hash={digest}")])
        if asked:
            headers.append(("Cache-Control", "public, immutable"))
        if etag in request.headers.get("if-none-match", ""):
            return Response(304, headers=headers)
        if name not in self._bytes:
            self._bytes[name] = orjson.dumps(self._document(name))
        return Response(200, self._bytes[name], JSON, headers)

    def _answer_v2(self, request: Request) -> Response:
        accepted = request.headers.get("accept", "")
        binary = any(name in accepted for name in openapi_protobuf.ASKED)
        media_type = openapi_protobuf.MEDIA_TYPE if binary else JSON
        headers = [("Etag", self._v2_etag), ("Vary", "Accept")]
        if self._v2_etag in request.headers.get("if-none-match", ""):
            return Response(304, headers=headers)
        if media_type not in self._bytes:
            documents = [self._document(name) for name in self._hashes]
            document = openapi_v2.document(documents, _INFO, _SECURITY, self._delete_options(self._kinds))
            self._bytes[media_type] = openapi_protobuf.encode(document) if binary else orjson.dumps(document)
        return Response(200, self._bytes[media_type], media_type, headers)

    def _document(self, name: str) -> Tree:
        if name not in self._documents:
            self._documents[name] = self._makers[name]()
        return self._documents[name]

    def _group_version(self, group: str, version: str) -> Tree:
        of_version = self._kinds[group, version]
        schemas: dict[str, Tree] = {}
        for kind in of_version:
            if (schema := self._custom.get((group, version, kind.kind))) is not None:
                listed = f"{kind.kind}List"
                schemas |= openapi.custom_schemas(schema, group, version, kind.kind, listed, self._prose)
        operations = paths(group, version, of_version, self._type_name)
        document = self._whole(operations, schemas)
        for name, gvks in self._delete_options([("", "v1"), (group, version)]).items():
            if name in document["components"]["schemas"]:
                document["components"]["schemas"][name]["x-kubernetes-group-version-kind"] = gvks
        return document

    def _single(self, name: str) -> Tree:
        path, operation_id, tag_name, type_name, media_types = _SINGLE[name]
        return self._whole(document_path(path, operation_id, tag_name, type_name, media_types), {})

    def _group(self, group: str) -> Tree:
        operation_id, type_name = f"get{identifier(group)}APIGroup", _META + "APIGroup"
        return self._whole(document_path(f"/apis/{group}/", operation_id, tag(group), type_name, PRODUCES), {})

    def _whole(self, operations: Tree, custom: dict[str, Tree]) -> Tree:
        """A document with the schemas that its operations and custom types refer to."""
        wanted = {*openapi.references(operations), *openapi.references(custom)} - custom.keys()
        schemas = dict(sorted((openapi.schemas(self._facts, wanted, self._prose) | custom).items()))
        components: Tree = {"schemas": schemas} if schemas else {}
        components["securitySchemes"] = _SECURITY
        return {"openapi": "3.0.0", "info": _INFO, "paths": operations, "components": components}

    def _type_name(self, api_version: str, kind: str) -> str:
        if (name := self._facts.type_name(api_version, kind)) is not None:
            return name
        group, _, version = api_version.rpartition("/")
        return openapi.custom_name(group, version, kind)

    def _delete_options(self, versions: Iterable[tuple[str, str]]) -> dict[str, list[Tree]]:
        """The kinds that every group-version has, as which kinds they are served."""
        rows = sorted(set(versions))
        return {
            name: [{"group": g, "kind": name.rsplit(".", 1)[-1], "version": v} for g, v in rows] for name in _EVERYWHERE
        }

    def _fingerprint(self, kind: Kind) -> list[Any]:
        subs = [[s.name, s.kind, s.verbs, s.group, s.version] for s in kind.subresources]
        schema = self._custom.get((kind.group, kind.version, kind.kind))
        return [kind.plural, kind.kind, kind.namespaced, kind.verbs, subs, kind.type_name, schema]


def _hash(data: bytes) -> str:
    return hashlib.sha512(data).hexdigest().upper()
