"""What the recording holds as whole documents: answers to plain paths, OpenAPI, the objects of a first start.

Each path, each schema and operation, and each object counts as one answer. A server in this process is
asked for the same and compared as `replay.py` compares.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

from tests.corpus.matching import Bindings, differences
from tests.corpus.replay import NAMESPACES, Outcome, Peer, directory

#: Lists that the API server itself fills. The others are the work of controllers, which do not run here.
_BY_SERVER = (
    "apiservices.apiregistration.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "flowschemas.flowcontrol.apiserver.k8s.io",
    "ipaddresses.networking.k8s.io",
    "leases.coordination.k8s.io",
    "namespaces",
    "priorityclasses.scheduling.k8s.io",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "servicecidrs.networking.k8s.io",
    "services",
)


def discovery(peer: Peer) -> Outcome:
    """Paths that are no resources: discovery, version, health, OpenID, and those that do not exist."""
    outcome = Outcome()
    for path in sorted((directory() / "discovery").glob("*.json")):
        record = json.loads(path.read_bytes())
        if path.stem.endswith("_anonymous"):
            record["request"]["headers"] = {"Authorization": "(none)"}
        if "request" in record and path.name != "openapi_v3_index.json":
            _count(outcome, path.stem, record, _path_wrong(peer, record))
    return outcome


def _path_wrong(peer: Peer, record: dict[str, Any]) -> list[str]:
    expected = record["response"]
    response = peer.send(record["request"], b"")
    wrong = []
    if response.status != expected["status"]:
        wrong.append(f"status: {expected['status']} expected, {response.status} found")
    content_type = expected.get("headers", {}).get("Content-Type", "")
    if content_type and content_type != response.content_type:
        wrong.append(f"Content-Type: {content_type!r} expected, {response.content_type!r} found")
    text = bytes(response.body).decode(errors="replace")
    if isinstance(expected.get("body"), str):
        return wrong if text == expected["body"] else [*wrong, _first_line_apart(expected["body"], text)]
    try:
        actual = json.loads(text)
    except json.JSONDecodeError:
        return [*wrong, f"text: JSON expected, {text[:80]!r} found"]
    return wrong + list(differences(expected.get("body"), actual, Bindings()))


def _first_line_apart(expected: str, actual: str) -> str:
    lines, others = expected.splitlines(), actual.splitlines()
    for one, other in zip([*lines, ""], [*others, ""], strict=False):
        if one != other:
            return f"text: {one!r} expected, {other[:80]!r} found"
    return f"text: {len(lines)} lines expected, {len(others)} found"


def openapi(peer: Peer) -> Outcome:
    """Every schema and every path of the OpenAPI v3 documents, prose apart."""
    outcome = Outcome()
    for path in sorted((directory() / "discovery" / "openapi_v3").glob("*.json.gz")):
        name = path.name.removesuffix(".json.gz").replace("__", "/")
        expected = without_prose(json.loads(gzip.decompress(path.read_bytes())))
        request = {"method": "GET", "path": f"/openapi/v3/{name}"}
        response = peer.send(request, b"")
        actual = without_prose(json.loads(response.body)) if response.status == 200 else {}
        for key, part in _parts(expected).items():
            found = _parts(actual).get(key)
            wrong = "missing" if found is None else "other" if found != part else ""
            _count(outcome, f"{name} {key}", {"request": request}, [wrong] if wrong else [])
    return outcome


def _parts(document: Any) -> dict[str, Any]:
    return {**document.get("paths", {}), **document.get("components", {}).get("schemas", {})}


def without_prose(tree: Any) -> Any:
    """Descriptions dropped; a reference needs no allOf around it then."""
    if isinstance(tree, list):
        return [without_prose(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    out = {k: without_prose(v) for k, v in tree.items() if not (k == "description" and isinstance(v, str))}
    return out["allOf"][0] if out.keys() == {"allOf"} and len(out["allOf"]) == 1 else out


def bootstrap(peer: Peer) -> Outcome:
    """The objects that a first start leaves, those of controllers apart."""
    outcome = Outcome()
    for name in _BY_SERVER:
        record = json.loads((directory() / "bootstrap" / f"{name}.json").read_bytes())
        actual = dict(_items(json.loads(peer.call("GET", record["request"]["path"]).body)))
        for key, item in _items(record["response"]["body"]):
            found = actual.pop(key, None)
            wrong = ["missing"] if found is None else list(differences(item, found, Bindings()))
            _count(outcome, f"{name} {key}", record, wrong)
        for key in actual:
            if name != "namespaces" or key not in NAMESPACES:
                _count(outcome, f"{name} {key}", record, ["not expected"])
    return outcome


def _items(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in found["items"]:
        metadata = item["metadata"]
        yield "/".join(filter(None, (metadata.get("namespace"), metadata["name"]))), item


def _count(outcome: Outcome, key: str, record: dict[str, Any], wrong: list[str]) -> None:
    outcome.total += 1
    if wrong:
        outcome.misses[key] = wrong
        outcome.records[key] = record
    else:
        outcome.exact += 1
