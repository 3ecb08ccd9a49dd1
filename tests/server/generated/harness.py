"""Requests that schemathesis makes up from the served OpenAPI, sent to a server in this process.

A `Suite` holds one document's operations and a server of its own on which an object of every kind of the
document stands. What it holds against every answer: no failure of the server, answers to accepted
requests are in the schema, and all others are a Status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response as Answer
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance

from navarch.api.catalog import KINDS
from navarch.api.kind import Kind
from navarch.schema.facts import load
from navarch.schema.protobuf_types import message_type
from navarch.schema.types import List, Map, Node, Scalar, Struct, Tree
from navarch.server.own_writes import API_SERVER
from navarch.wire.messages import Request, Response
from tests.schema.objects import random_object
from tests.server.generated.bodies import reach, spoiled
from tests.server.generated.samples import NAMES, SAMPLES, collection
from tests.server.peer import Peer
from tests.server.sinks import Collected

#: Failures that Kubernetes itself answers with these codes.
_ITS_OWN = re.compile(
    r"resourceVersion: Invalid value|strconv\.ParseUint|Too large resource version|error trying to reach service"
    r"|no endpoints available for service|error dialing backend|address not allowed"
)
#: What a proxied server answers is nobody's schema here, and streams have none.
_SKIPPED = re.compile(r"/(proxy|log|exec|attach|portforward)\b")


#: Types with more fields than this take schemathesis seconds per body: theirs are made from the facts.
MANY_FIELDS = 60


class Failure(AssertionError):
    """An answer that should not have been given; the text is the whole exchange."""


class Suite:
    """`path` is a document's, as the index of OpenAPI v3 names it: `api/v1`, `apis/apps/v1`."""

    def __init__(self, path: str, *definitions: Tree) -> None:
        self.peer = Peer()
        for definition in definitions:
            self.peer.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        self._schema = schemathesis.openapi.from_dict(self.peer.get(f"/openapi/v3/{path}"))
        version = path.split("/", 1)[1]
        self._kinds = [kind for kind in KINDS if kind.api_version == version]
        self._names = {kind.plural: NAMES.get(kind.bucket, "x") for kind in self._kinds}
        self._by_plural = {kind.plural: kind for kind in self._kinds}
        self.asked = 0

    def close(self) -> None:
        self.peer.close()

    def operations(self) -> Iterator[Any]:
        for result in self._schema.get_all_operations():
            operation = result.ok()
            if not _SKIPPED.search(operation.path):
                yield operation

    def run(self, operation: Any, allowed: int, forbidden: int, start: int) -> None:
        """Ask an operation so many times what its schema allows, and what it does not. Raises: Failure."""
        self._ask_all(self._cases(operation, GenerationMode.POSITIVE), allowed, start)
        try:
            self._ask_all(self._cases(operation, GenerationMode.NEGATIVE), forbidden, start)
        except Unsatisfiable:
            return  # nothing in it can be wrong: it has no parameters

    def _cases(self, operation: Any, mode: GenerationMode) -> Any:
        plural = next((part for part in reversed(operation.path.split("/")) if part in self._names), "")
        wanted = {"namespace": "default", "name": self._names.get(plural, "x")}
        options: dict[str, Any] = {"generation_mode": mode}
        if names := {p: value for p, value in wanted.items() if f"{{{p}}}" in operation.path}:
            options["path_parameters"] = names
        media_types = [m for m in operation.get_request_payload_content_types() if "cbor" not in m]
        if not media_types:
            return operation.as_strategy(**options)
        chosen = st.sampled_from([m if m != "*/*" else "application/json" for m in media_types])
        kind = self._by_plural.get(plural)
        if operation.method in ("post", "put") and kind is not None:
            node = load().type(kind.type_name)
            if reach(node) > MANY_FIELDS:
                cases = operation.as_strategy(body={}, **options)
                bodies = st.integers(0, 1 << 32).map(lambda n: self._body(kind, node, n, mode))
                return st.tuples(cases, chosen, bodies).map(_with_body)
        return st.tuples(operation.as_strategy(**options), chosen).map(_with_media_type)

    def _body(self, kind: Kind, node: Struct, number: int, mode: GenerationMode) -> Tree:
        rng = Random(number)
        head = {"apiVersion": kind.api_version, "kind": kind.kind}
        if rng.random() < 0.5:
            body = head | {"metadata": {"name": self._names[kind.plural]}} | deepcopy(SAMPLES.get(kind.bucket, {}))
        else:
            body = random_object(rng, node, kind.kind, kind.api_version)
        return body if mode == GenerationMode.POSITIVE else spoiled(rng, body)

    def _ask_all(self, cases: Any, count: int, start: int) -> None:
        if count <= 0:
            return

        @seed(start)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def ask(case: Any) -> None:
            self._ask(case)

        ask()

    # --- one exchange

    def _ask(self, case: Any) -> None:
        self._restore(case.operation.path)
        request = _prepared(case)
        response, events = self._send(request)
        self.asked += 1
        self._check(case, request, response, events)

    def _restore(self, path: str) -> None:
        """Let the object that the operation is about stand there."""
        kind = next((self._by_plural[p] for p in reversed(path.split("/")) if p in self._by_plural), None)
        if kind is None or kind.bucket not in SAMPLES or "create" not in kind.verbs:
            return
        name = self._names[kind.plural]
        if self.peer.send("GET", f"{collection(kind)}/{name}").status == 404 and not kind.stored_as:
            self.peer.send("POST", collection(kind), {"metadata": {"name": name}, **SAMPLES[kind.bucket]})

    def _send(self, prepared: requests.PreparedRequest) -> tuple[Response, list[Any]]:
        split = urlsplit(prepared.url or "")
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
        headers = {name.lower(): value for name, value in prepared.headers.items()} | {"accept": "application/json"}
        method = prepared.method or "GET"
        request = Request(method, unquote(split.path), split.query, headers, body, user=API_SERVER)
        loop = self.peer.loop
        response = loop.run_until_complete(self.peer.server.handle_as(request))
        stream = response.stream
        if stream is None:
            return response, []
        sink = Collected()

        async def start() -> None:
            stream.start(sink)
            stream.stop()

        loop.run_until_complete(start())
        return response, sink.events()

    def _check(self, case: Any, request: requests.PreparedRequest, response: Response, events: list[Any]) -> None:
        if response.stream is not None:
            if not all(set(event) == {"type", "object"} for event in events):
                raise Failure(_exchange(request, response))
            return
        try:
            tree = json.loads(response.body)
        except ValueError:
            if response.status < 500 and not response.content_type.startswith("application/json"):
                return
            raise Failure(_exchange(request, response)) from None
        if response.status >= 500 and _ITS_OWN.search(tree.get("message", "")):
            return
        if response.status >= 400:
            if response.status >= 500 or tree["kind"] != "Status" or tree["code"] != response.status:
                raise Failure(_exchange(request, response))
            return
        if request.method == "DELETE" and tree["kind"] in {kind.kind for kind in self._kinds}:
            return  # what waits for finalizers is answered as it stands, whatever the schema says
        filled = Response(response.status, json.dumps(_filled(tree)).encode())
        try:
            case.validate_response(_as_answer(request, filled), [not_a_server_error, response_schema_conformance])
        except BaseExceptionGroup as group:
            raise Failure(f"{group.exceptions[0]}\n{_exchange(request, response)}") from None


def _filled(tree: Tree) -> Tree:
    """Go prints an empty list and a time that is not set as null, which the schemas that Kubernetes
    publishes do not know: these are put in."""
    node = message_type(tree.get("apiVersion", ""), tree.get("kind", ""))
    return tree if node is None else _fill(node, tree)


_EMPTY: dict[str, Any] = {"time": "2026-01-01T00:00:00Z", "micro-time": "2026-01-01T00:00:00.000000Z", "bytes": ""}


def _fill(node: Node, value: Any) -> Any:
    if isinstance(node, Scalar):
        return _EMPTY.get(node.name, value) if value is None else value
    if isinstance(node, List):
        return [_fill(node.item, item) for item in value or ()]
    if isinstance(node, Map):
        return {key: _fill(node.value, item) for key, item in (value or {}).items()}
    if value is None:
        return {}
    return {key: _fill(node.fields[key].node, item) for key, item in value.items()}


def _with_body(chosen: tuple[Any, str, Tree]) -> Any:
    case, media_type, body = chosen
    case.body = body
    return _with_media_type((case, media_type))


def _with_media_type(chosen: tuple[Any, str]) -> Any:
    case, media_type = chosen
    case.media_type = media_type
    return case


def _prepared(case: Any) -> requests.PreparedRequest:
    options = case.as_transport_kwargs(base_url="http://server")
    body = case.body
    has_body = not isinstance(body, type(schemathesis.core.NOT_SET))
    for name in ("json", "data", "files"):
        options.pop(name, None)
    headers = dict(options.pop("headers", {}) or {})
    if has_body:
        headers["Content-Type"] = case.media_type
        options["data"] = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8", "surrogatepass")
    options.pop("cookies", None)
    return requests.Request(headers={k: str(v) for k, v in headers.items()}, **options).prepare()


def _as_answer(request: requests.PreparedRequest, response: Response) -> Answer:
    headers = {"content-type": [response.content_type]}
    return Answer(response.status, headers, response.body, request, elapsed=0.0, verify=False)


def _exchange(request: requests.PreparedRequest, response: Response) -> str:
    body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
    media = request.headers.get("Content-Type", "")
    return f"{request.method} {request.url} {media}\n{body[:2000]!r}\n{response.status} {response.body[:2000]!r}"
