"""OpenAPI documents against those of a recorded server, descriptions apart."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator

from navarch.api.catalog import KINDS
from navarch.api.kind import Kind
from navarch.base.errors import StatusError
from navarch.schema import prose
from navarch.schema.facts import load
from navarch.server.openapi import OpenApi
from navarch.wire.messages import Request, Response
from tests.corpus.documents import without_prose
from tests.schema.corpus import DIRECTORY, needs_corpus

OPENAPI = OpenApi(KINDS)
DOCUMENTS = sorted((DIRECTORY / "discovery/openapi_v3").glob("*.json.gz"))

GAMMA = Kind(
    group="ex.example.com",
    version="v1",
    kind="Gamma",
    plural="gammas",
    singular="gamma",
    namespaced=True,
    type_name="",
)
SPEC = {"type": "object", "properties": {"n": {"type": "integer"}}}
GAMMA_SCHEMA = {"type": "object", "properties": {"spec": SPEC}}


def get(path: str, server: OpenApi = OPENAPI, query: str = "", etag: str = "") -> Response:
    response = server.answer(Request("GET", path, query, {"if-none-match": etag}))
    assert response is not None
    return response


def body(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return orjson.loads(response.body)


@needs_corpus
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name.removesuffix(".json.gz"))
def test_version_3_documents(path: Path) -> None:
    recorded = without_prose(json.loads(gzip.decompress(path.read_bytes())))
    name = path.name.removesuffix(".json.gz").replace("__", "/")
    assert without_prose(body(get(f"/openapi/v3/{name}"))) == recorded


@needs_corpus
def test_index() -> None:
    recorded = json.loads((DIRECTORY / "discovery/openapi_v3_index.json").read_bytes())["response"]["body"]["paths"]
    index = body(get("/openapi/v3"))["paths"]
    assert list(index) == list(recorded)
    path, _, query = index["apis/apps/v1"]["serverRelativeURL"].partition("?")
    response = get(path, query=query)
    assert ("Cache-Control", "public, immutable") in response.headers


@needs_corpus
def test_version_2_has_the_recorded_paths_and_definitions() -> None:
    recorded = json.loads((DIRECTORY / "discovery/openapi_v2_summary.json").read_bytes())
    document = body(get("/openapi/v2"))
    methods = {path: sorted(item.keys() - {"parameters"}) for path, item in document["paths"].items()}
    assert methods == recorded["paths"]
    assert list(document["definitions"]) == recorded["definitions"]
    assert document["info"] == recorded["info"]


def test_version_2_says_what_it_can() -> None:
    document = body(get("/openapi/v2"))
    quantity = document["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"]
    assert quantity == {"type": "string"}
    spec = document["definitions"]["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]
    assert spec["template"] == {"$ref": "#/definitions/io.k8s.api.core.v1.PodTemplateSpec", "default": {}}
    text = orjson.dumps(document)
    assert b'"allOf":[' not in text and b"#/components" not in text


def test_custom_resources_come_and_go() -> None:
    server = OpenApi([*KINDS, GAMMA], {("ex.example.com", "v1", "Gamma"): GAMMA_SCHEMA})
    document = body(get("/openapi/v3/apis/ex.example.com/v1", server))
    gamma = document["components"]["schemas"]["com.example.ex.v1.Gamma"]
    assert gamma["properties"]["spec"] == SPEC
    assert gamma["x-kubernetes-group-version-kind"] == [{"group": "ex.example.com", "version": "v1", "kind": "Gamma"}]
    operation = document["paths"]["/apis/ex.example.com/v1/namespaces/{namespace}/gammas"]["post"]
    assert operation["operationId"] == "createExExampleComV1NamespacedGamma"
    assert "com.example.ex.v1.GammaList" in body(get("/openapi/v2", server))["definitions"]
    before = body(get("/openapi/v3", server))["paths"]
    server.set_kinds(KINDS)
    after = body(get("/openapi/v3", server))["paths"]
    assert before.keys() - after.keys() == {"apis/ex.example.com", "apis/ex.example.com/v1"}
    assert before["apis/apps/v1"] == after["apis/apps/v1"]
    with pytest.raises(StatusError):
        get("/openapi/v3/apis/ex.example.com/v1", server)


def test_hashes_and_etags() -> None:
    assert get("/openapi/v3/api/v1", query="hash=OLD").status == 301
    etag = dict(get("/openapi/v2").headers)["Etag"]
    assert get("/openapi/v2", etag=etag).status == 304
    assert OPENAPI.answer(Request("GET", "/api")) is None


def spec_errors(document: Any) -> list[str]:
    """What is wrong with a document. Defaults apart: those that Kubernetes publishes are Go's zero values, which
    its own schemas do not always allow."""
    plain = without_defaults(document)
    validator = OpenAPIV30SpecValidator if "openapi" in document else OpenAPIV2SpecValidator
    return [str(error)[:500] for error in validator(plain).iter_errors()]


def without_defaults(tree: Any, *, named: bool = False) -> Any:
    """`named` says that the keys are names of fields."""
    if isinstance(tree, list):
        return [without_defaults(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    kept = {key: value for key, value in tree.items() if named or key != "default"}
    return {key: without_defaults(value, named=key == "properties" and not named) for key, value in kept.items()}


WITH_PROSE = OpenApi([*KINDS, GAMMA], {("ex.example.com", "v1", "Gamma"): GAMMA_SCHEMA}, prose=prose.installed())


@pytest.mark.parametrize("name", sorted(body(get("/openapi/v3", WITH_PROSE))["paths"]))
def test_documents_are_valid_openapi(name: str) -> None:
    document = body(get(f"/openapi/v3/{name}", WITH_PROSE))
    assert spec_errors(document) == []
    operations = [one for item in document["paths"].values() for one in item.values() if isinstance(one, dict)]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids)), "generators make a function of each"
    for operation in operations:
        media_types = [m for response in operation["responses"].values() for m in response.get("content", {})]
        assert media_types or name in ("openid/v1/jwks", ".well-known/openid-configuration", "logs")


def test_version_2_is_valid_swagger() -> None:
    document = body(get("/openapi/v2", WITH_PROSE))
    assert spec_errors(document) == []
    ids = [one["operationId"] for item in document["paths"].values() for one in item.values() if "operationId" in one]
    assert len(ids) == len(set(ids))


def test_every_field_is_described_where_the_extra_is_installed() -> None:
    """What is described of the types that `kubectl explain` shows, in both versions."""
    document = body(get("/openapi/v2", WITH_PROSE))
    for name in load().names():
        if name.startswith("io.k8s.api.") and (definition := document["definitions"].get(name)) is not None:
            fields = definition["properties"]
            silent = [field for field, schema in fields.items() if not schema.get("description")]
            assert not silent or len(silent) < len(fields), (name, silent)
    pods = body(get("/openapi/v3/api/v1", WITH_PROSE))["components"]["schemas"]
    spec = pods["io.k8s.api.core.v1.Pod"]["properties"]["spec"]
    assert spec["description"].startswith("Specification of the desired behavior of the pod.")
    assert spec["allOf"] == [{"$ref": "#/components/schemas/io.k8s.api.core.v1.PodSpec"}]
    gamma = body(get("/openapi/v3/apis/ex.example.com/v1", WITH_PROSE))["components"]["schemas"][
        "com.example.ex.v1.Gamma"
    ]
    assert gamma["properties"]["apiVersion"]["description"].startswith("APIVersion defines the versioned schema")


def test_prose_makes_no_other_difference() -> None:
    for name in ("api/v1", "apis/apps/v1"):
        described, plain = (body(get(f"/openapi/v3/{name}", server)) for server in (WITH_PROSE, OPENAPI))
        assert without_prose(described) == without_prose(plain)
    hashes = [body(get("/openapi/v3", server))["paths"]["api/v1"] for server in (WITH_PROSE, OPENAPI)]
    assert hashes[0] != hashes[1], "clients keep documents by their hash"
