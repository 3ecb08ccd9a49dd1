"""Runs recorded requests against an API server in this process, and says where answers differ."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from navarch.api.catalog import KINDS
from navarch.seams.sim import SimLoop, sim_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.authn.authenticate import Authenticator
from navarch.server.authn.keys import load_signing_key
from navarch.server.authn.static import StaticTokens, parse_token_file
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.identity_lease import IdentityLease
from navarch.store.contract import RevisionConflict
from navarch.store.memory import MemoryStore
from navarch.wire.messages import Request, Response, Sink
from tests.corpus.matching import Bindings, differences
from tests.recordings import DIRECTORY

ISSUER = "https://kubernetes.default.svc.cluster.local"
NAMESPACES = frozenset({"gold", "upd", "ssa", "tbl", "ls", "az", "kc"})
TOKENS = """peer-admin-token,admin,admin-uid,system:masters
peer-kcm-token,system:kube-controller-manager,kcm-uid
peer-sched-token,system:kube-scheduler,sched-uid
alice-token,alice,alice-uid,dev
bob-token,bob,bob-uid,"dev,ops"
carol-token,carol,carol-uid
node1-token,system:node:n1,n1-uid,system:nodes
node2-token,system:node:n2,n2-uid,system:nodes
noname-token,system:node:,nx-uid,system:nodes"""


def directory() -> Path:
    """Where the recordings lie: $NAVARCH_CORPUS, or beside the checkout."""
    return DIRECTORY


def records(name: str) -> list[dict[str, Any]]:
    plain, packed = directory() / f"{name}.jsonl", directory() / f"{name}.jsonl.gz"
    text = plain.read_text() if plain.exists() else gzip.decompress(packed.read_bytes()).decode()
    text = _HUNK.sub("@@ @@", _OLDEST.sub(r"\1(<rv>)", text))
    return [_spelled_out(json.loads(_GENERATED.sub(r"\1<rand5>", line))) for line in text.splitlines()]


def _spelled_out(record: dict[str, Any]) -> dict[str, Any]:
    """Bodies that the recording abbreviates, as they were sent."""
    body = record.get("request", {}).get("body")  # command lines have none
    if not isinstance(body, dict):
        return record
    if body.get("note") == "annotation a is 262144 times x":
        record["request"]["body"] = {"metadata": {"name": "big", "annotations": {"a": "x" * 262144}}}
    for key, value in (body.get("data") or {}).items() if body.get("kind") == "ConfigMap" else ():
        if found := re.fullmatch(r"(.)\*(\d+)", str(value)):
            body["data"][key] = found[1] * int(found[2])
    return record


#: Where a hunk of a difference lies: the recorded pods had one source more in their token volumes.
_HUNK = re.compile(r"@@ -\d+,\d+ \+\d+,\d+ @@")


#: Which revision is the oldest depends on what was done before the recording.
_OLDEST = re.compile(r"(too old resource version: \d+ )\(\d+\)")

#: Names that the recorded server generated in the `pre` of a record stand there as they came out.
_GENERATED = re.compile(r"(\b(?:\w+-gen|vac-3)-)[bcdf-hj-np-tv-z2456789]{5}\b")


@dataclass
class Outcome:
    """The result of one file: how many answers matched, and what was wrong with the others."""

    total: int = 0
    exact: int = 0
    misses: dict[str, list[str]] = field(default_factory=dict)
    #: The records that were missed.
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        return self.exact / self.total if self.total else 0.0


class Collected(Sink):
    """What a watch sent."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def buffered(self) -> int:
        return 0

    def close(self) -> None:
        pass


@cache
def _rsa_key() -> bytes:
    """The recorded server signed tokens with such a key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Peer:
    """A server as the recorded one was set up, on a loop of its own."""

    def __init__(self, cidrs: tuple[str, ...] = ("10.96.0.0/16",)) -> None:
        self.loop = SimLoop()
        asyncio.set_event_loop(self.loop)
        self.seams = sim_seams(1)
        self.store = MemoryStore()
        self.run(self.store.start())
        key = load_signing_key(_rsa_key())
        store = self.store

        def lookup(resource: str, namespace: str, name: str) -> dict[str, Any] | None:
            entry = store.index.get(f"{resource}/{namespace}/{name}" if namespace else f"{resource}/{name}")
            return json.loads(entry.value)["metadata"] if entry else None

        tokens = ServiceAccountTokens(ISSUER, key, (), (ISSUER,), lookup, self.seams.clock.now)
        static = StaticTokens(parse_token_file(TOKENS.splitlines()))
        authenticator = Authenticator(tokens, (static,) if callable(static) else (static.identify,))
        # No metrics server ran there.
        kinds = tuple(kind for kind in KINDS if kind.group != "metrics.k8s.io")
        config = ServerConfig(service_cidrs=cidrs, address="192.0.2.1:36443", kinds=kinds)
        self.server = ApiServer(self.store, self.seams, config, authenticator=authenticator, tokens=tokens)
        identity = IdentityLease(self.server, "vm", "192.0.2.1:36443")
        start = BootstrapConfig(cidrs, "192.0.2.1", 36443, client_ca="authority", front_proxy_ca="another")
        self.run(bootstrap(self.server, start, identity))
        for namespace in sorted(NAMESPACES):
            self.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
            accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
            self.call("POST", accounts, {"metadata": {"name": "default"}})
        # The recorded server had been up for long: revision 1 was no longer kept.
        self.run(self.store.compact(self.store.index.revision))

        self.kept = self._keys()

    def close(self) -> None:
        self.server.close()
        self.run(asyncio.sleep(0))
        self.loop.close()

    def clean(self) -> None:
        """Remove what records made, straight from the store."""
        self.loop.run_until_idle()
        for key in sorted(self._keys() - self.kept):
            # The server follows definitions and may write while others go.
            while (entry := self.store.index.get(key)) is not None:
                with contextlib.suppress(RevisionConflict):
                    self.run(self.store.delete(key, entry.revision))
        self.loop.run_until_idle()

    def _keys(self) -> set[str]:
        return {e.key for s in self.server.resources for e in self.store.index.range(s.prefix)}

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def call(self, method: str, path: str, body: Any = None) -> Response:
        raw = json.dumps(body).encode() if body is not None else b""
        return self.send({"method": method, "path": path, "headers": {}}, raw)

    def send(self, request: dict[str, Any], raw: bytes) -> Response:
        headers = {
            "user-agent": "gold/1.0",
            "accept": "application/json",
            "authorization": "Bearer peer-admin-token",
            **({"content-type": "application/json"} if raw else {}),
        }
        for name, value in request.get("headers", {}).items():
            if value == "(none)":
                headers.pop(name.lower(), None)
            else:
                headers[name.lower()] = value
        path, _, query = request["path"].partition("?")
        return self.run(self.server.handle(Request(request["method"], unquote(path), query, headers, raw)))

    def watch(self, response: Response, seconds: float) -> list[Any]:
        assert response.stream is not None
        sink = Collected()
        self.run(_start(response, sink))
        self.loop.advance(seconds)
        response.stream.stop()
        return [json.loads(line) for line in sink.data.splitlines()]


async def _start(response: Response, sink: Sink) -> None:
    assert response.stream is not None
    response.stream.start(sink)


def replay(name: str, peer: Peer) -> Outcome:
    """Replay one file. Sequences are one after the other, independent records clean up after themselves."""
    outcome = Outcome()
    for record, bindings, fresh in _walk(records(name)):
        if fresh:
            peer.clean()
        if record.get("id", "").endswith("/proto-delete404") and record["response"]["status"] == 200:
            _create_by_put(peer, record)
        for before in record.get("pre", ()):
            _send(peer, _completed(peer, before), bindings)
        request = record["request"]
        if "pre" in record and _refers(request):
            _learn(peer, request, bindings)
        outcome.total += 1
        wrong = _check(peer, record, bindings)
        if not wrong or record.get("unstable"):
            outcome.exact += 1
        else:
            key = record.get("id") or f"{record.get('seq')}/{record.get('step')}"
            outcome.misses[key] = wrong
            outcome.records[key] = record
    peer.clean()
    return outcome


def _create_by_put(peer: Peer, record: dict[str, Any]) -> None:
    """What the record before left there in the recording: a PUT creates objects of some kinds."""
    base = record["id"].split("/")[1]
    made = next((r["request"]["body"] for r in records("defaults") if r.get("id") == f"def/{base}"), None)
    if made is not None:
        made["metadata"]["name"] = "nope-404"
        peer.call("PUT", record["request"]["path"], made)


def _completed(peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
    """A preparing PUT that states one part of an object means the object as it stands, with that part."""
    body = request.get("body")
    if request["method"] != "PUT" or not isinstance(body, dict) or "metadata" in body:
        return request
    path = request["path"].partition("?")[0]
    current = peer.call("GET", path)
    if current.status != 200:
        current = peer.call("GET", path.rpartition("/")[0])
    return {**request, "body": {**json.loads(current.body), **body}}


def _refers(request: dict[str, Any]) -> bool:
    """Whether a request names values of the object that `pre` left."""
    return bool(_NUMBERED.search(json.dumps([request["path"], request.get("body")])))


_NUMBERED = re.compile(r"<(?:(?:uid|rv|clusterIP|clusterIPv6|nodePort)\d+|rand5)>")


def _walk(all_records: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Bindings, bool]]:
    sequence, bindings = None, Bindings()
    for record in all_records:
        current = record.get("seq")
        fresh = current is None or current != sequence
        if fresh:
            bindings = Bindings()
        sequence = current
        yield record, bindings, fresh


def _check(peer: Peer, record: dict[str, Any], bindings: Bindings) -> list[str]:
    request, expected = record["request"], record["response"]
    response = _send(peer, request, bindings)
    if expected["status"] == 0:
        return []
    wrong = []
    if response.status != expected["status"]:
        wrong.append(f"status: {expected['status']} expected, {response.status} found")
    body: Any
    if response.stream is not None:
        seconds = float((request.get("watch") or {}).get("seconds", 3))
        body = {"watchEvents": peer.watch(response, seconds)}
    elif "watch" in request and response.status == 200:
        body = {"watchEvents": [json.loads(line) for line in response.body.splitlines()]}
    else:
        try:
            body = json.loads(response.body) if response.body else None
        except (json.JSONDecodeError, UnicodeDecodeError):
            body = response.body.decode(errors="replace")
    wanted = expected.get("body")
    if wanted == "<binary protobuf>":
        wrong += [] if bytes(response.body).startswith(b"k8s\0") else ["protobuf expected"]
    elif wanted:
        wrong += list(differences(wanted, body, bindings))
    warnings = expected.get("headers", {}).get("Warning", "")
    given = ", ".join(value for name, value in response.headers if name == "Warning")
    if sorted(warnings.split(", 299 ")) != sorted(given.split(", 299 ")):
        wrong.append(f"Warning: {warnings!r} expected, {given!r} found")
    if isinstance(body, dict) and isinstance(body.get("metadata"), dict):
        bindings.last_time = body["metadata"].get("creationTimestamp", bindings.last_time)
    return wrong


def _send(peer: Peer, request: dict[str, Any], bindings: Bindings) -> Response:
    if request.get("note") == "current object with a Failed condition added":
        request = _with_failed_condition(peer, request)
    request = {**request, "path": bindings.fill(request["path"])}
    if "rawBody" in request:
        raw = bindings.fill(request["rawBody"]).encode()
    elif "body" in request:
        raw = json.dumps(bindings.fill_tree(request["body"])).encode()
    else:
        raw = b""
    return peer.send(request, raw)


def _with_failed_condition(peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
    """A step that the recording tells in words."""
    current = json.loads(peer.call("GET", request["path"].rpartition("/")[0]).body)
    current["status"]["conditions"].append({"type": "Failed", "status": "True"})
    return {**request, "body": current}


def _learn(peer: Peer, request: dict[str, Any], bindings: Bindings) -> None:
    path = request["path"].partition("?")[0]
    parts = path.strip("/").split("/")
    while parts and len(parts) > 3:
        response = peer.call("GET", "/" + "/".join(parts))
        if response.status == 200:
            bindings.learn(json.loads(response.body))
            return
        parts.pop()
