"""What the recording holds as whole documents: answers to plain paths, OpenAPI, the objects of a first start.

Each path, each schema and operation, and each object counts as one answer. A server in this process is
asked for the same and compared as `replay.py` compares.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

from navarch.base.resource import ObjectKey
from navarch.client import identities
from navarch.client.direct import direct_client
from navarch.client.election import Election
from navarch.control.collectors import run_controllers
from navarch.control.config import Config
from tests.corpus.matching import Bindings, differences
from tests.corpus.replay import NAMESPACES, Outcome, Peer, directory

#: The lists that a first start fills. Missing: service accounts, of which recorded controllers had one each,
#: and the health of components, some of which did not run there.
_LISTS = (
    "apiservices.apiregistration.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "configmaps",
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
        if "head" in record:
            record = {**record, "request": {"method": "GET", "path": record["path"]}}
            _count(outcome, path.stem, record, _head_wrong(peer, record))
        elif "request" in record and path.name != "openapi_v3_index.json":
            _count(outcome, path.stem, record, _path_wrong(peer, record))
    return outcome


def _head_wrong(peer: Peer, record: dict[str, Any]) -> list[str]:
    """Of some pages the recording has but the beginning."""
    response = peer.send(record["request"], b"")
    found = (response.status, response.content_type, bytes(response.body).decode())
    wrong = [
        f"{e!r} expected, {f!r} found"
        for e, f in zip((record["status"], record["type"]), found, strict=False)
        if e != f
    ]
    return wrong if found[2].startswith(record["head"]) else [*wrong, _first_line_apart(record["head"], found[2])]


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
        wanted, text = (_OF_THIS_RUN.sub("", each) for each in (expected["body"], text))
        return wrong if text == wanted else [*wrong, _first_line_apart(wanted, text)]
    try:
        actual = json.loads(text)
    except json.JSONDecodeError:
        return [*wrong, f"text: JSON expected, {text[:80]!r} found"]
    return wrong + list(differences(expected.get("body"), actual, Bindings()))


#: When a server started and what it was built with; how much there was to count.
_OF_THIS_RUN = re.compile(r"(?<=Started:  ).*|(?<=Up:  ).*|(?<=Go version:  ).*|(?<=<tr><td>)\d+(?=</td>)")


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
    """The objects that a first start of server and controllers leaves."""
    outcome = Outcome()
    peer.seams.clock.jump(1)
    task = peer.loop.create_task(_controllers(peer))
    peer.loop.advance(_FIRST_MINUTE_S)
    for name in _LISTS:
        record = json.loads((directory() / "bootstrap" / f"{name}.json").read_bytes())
        actual = dict(_items(json.loads(peer.call("GET", record["request"]["path"]).body)))
        for key, item in _items(record["response"]["body"]):
            found = actual.pop(key, None)
            wrong = ["missing"] if found is None else list(differences(item, found, Bindings()))
            _count(outcome, f"{name} {key}", record, wrong)
        for key in actual:
            if not NAMESPACES & set(key.split("/")):
                _count(outcome, f"{name} {key}", record, ["not expected"])
    task.cancel()
    peer.loop.advance(1.0)
    return outcome


#: How long the recorded server had run.
_FIRST_MINUTE_S = 60.0


async def _controllers(peer: Peer) -> None:
    resources = tuple(
        served.resource
        for served in peer.server.resources
        if {"list", "watch", "delete"} <= set(served.kind.verbs) and served.bucket != "events"
    )
    handle, agent = peer.server.handle_as, "kube-controller-manager"
    client = direct_client(handle, identities.CONTROLLER_MANAGER, agent)
    lease = ObjectKey("kube-system", agent)
    await Election(client, peer.seams, lease, f"vm_{peer.seams.rng.uuid()}").lead(
        lambda: run_controllers(
            client,
            peer.seams,
            Config(resources=resources, root_ca="authority"),
            client_for=lambda name: direct_client(handle, identities.controller(name), agent),
        )
    )


def _items(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in found["items"]:
        metadata = item["metadata"]
        name = _SERVER.sub("apiserver-<hash>", metadata["name"])
        yield "/".join(filter(None, (metadata.get("namespace"), name))), item


#: A server's lease is named after its machine.
_SERVER = re.compile(r"^apiserver-[a-z2-7]{26}$")


def _count(outcome: Outcome, key: str, record: dict[str, Any], wrong: list[str]) -> None:
    outcome.total += 1
    if wrong:
        outcome.misses[key] = wrong
        outcome.records[key] = record
    else:
        outcome.exact += 1
