"""What the API's machinery costs a request: priority and fairness, audit, policies in CEL.

    python -m bench.machinery [--count 3000]

In process, without a wire, the store in memory. CPU microseconds per request, the least of several runs: a
create of a ConfigMap as it is, then with each mechanism configured; and the flow control's own part of a
request alone. docs/performance.md quotes it.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from navarch.client import identities
from navarch.schema.cel import CallLimitError, evaluate
from navarch.schema.cel_meter import Budget
from navarch.seams.real import real_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.audit.log import AuditLog
from navarch.server.audit.policy import policy_of
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.request_info import request_info
from navarch.store.memory import MemoryStore
from navarch.wire.messages import Request, Response, User
from tests.server.hooks import hooked

RUNS = 5
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
_POLICIES = "/apis/admissionregistration.k8s.io/v1"
_RULE = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
_VALIDATION = {"validations": [{"expression": "size(object.data) < 100"}]}
_WEBHOOK = {"name": "w.example.com", "rules": [_RULE], "sideEffects": "None", "admissionReviewVersions": ["v1"]}
_PAIRS = list(range(2000))
_DEAR: tuple[tuple[str, Any], ...] = (
    ("self.all(x, self.all(y, x <= y || x > y))", _PAIRS),
    ("sets.contains(self, self)", _PAIRS),
    ("self.all(i, x, x >= i)", list(range(300_000))),
    ("self.sortBy(x, x)[0] == 0", list(range(300_000))),
    ("self.matches('^(a|b|c|d)*x{1,9}$')", "a" * 3_000_000),
)
_MUTATION: dict[str, Any] = {
    "mutations": [
        {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{data: {'b': 'c'}}"}}
    ],
    "reinvocationPolicy": "Never",
}


@asynccontextmanager
async def serving(config: ServerConfig | None = None) -> AsyncIterator[ApiServer]:
    store = MemoryStore()
    await store.start()
    server = ApiServer(store, real_seams(), config)
    await bootstrap(server, BootstrapConfig())
    try:
        yield server
    finally:
        server.close()
        await asyncio.sleep(0)


async def send(server: ApiServer, path: str, tree: Any) -> None:
    headers = {"user-agent": "bench/1", "content-type": "application/json"}
    response = await server.handle_as(
        Request("POST", path, headers=headers, body=orjson.dumps(tree), user=identities.ADMIN)
    )
    assert response.status < 300, response.body


async def creates(server: ApiServer, count: int) -> float:
    """Microseconds of a create."""
    best = float("inf")
    for run in range(RUNS):
        before = time.process_time()
        for number in range(count):
            await send(server, CONFIGMAPS, {"metadata": {"name": f"c-{run}-{number}"}, "data": {"a": "b"}})
        best = min(best, (time.process_time() - before) / count * 1e6)
    return best


async def bind(server: ApiServer, kind: str, spec: dict[str, Any], **binding: Any) -> None:
    constraints = {"matchConstraints": {"resourceRules": [_RULE]}}
    await send(server, f"{_POLICIES}/{kind}policies", {"metadata": {"name": "p"}, "spec": constraints | spec})
    bound = {"policyName": "p", **binding}
    await send(server, f"{_POLICIES}/{kind}policybindings", {"metadata": {"name": "b"}, "spec": bound})


def flow_control(server: ApiServer, count: int) -> float:
    """Microseconds that a request of a limited user spends on priority and fairness."""
    request = Request("GET", f"{CONFIGMAPS}/c", user=User("ann", groups=("system:authenticated",)))
    request.info = request_info("GET", request.path, "")
    control = server.flow_control

    def pass_through() -> None:
        flow = control.flow(request)
        seats = control.seats(request)
        assert flow.level.take(seats)
        flow.level.leave(seats)

    return least(pass_through, count)


def least(work: Callable[[], None], count: int) -> float:
    best = float("inf")
    for _ in range(RUNS):
        before = time.process_time()
        for _ in range(count):
            work()
        best = min(best, (time.process_time() - before) / count * 1e6)
    return best


def stopped(expression: str, value: Any) -> None:
    """An expression over a large value, which comes to an end because of what it costs."""
    try:
        evaluate(expression, {"self": value}, budget=Budget())
    except CallLimitError:
        return
    raise AssertionError(expression)


async def measure(count: int) -> None:
    async with serving() as server:
        show("flow control of a limited request", flow_control(server, count), "<= 5")
        for expression, value in _DEAR:
            show(f"stopped: {expression}", least(partial(stopped, expression, value), 1), "<= 1000000")
        show("create a ConfigMap", await creates(server, count))
    async with serving() as server:
        await bind(server, "validatingadmission", _VALIDATION, validationActions=["Deny"])
        show("... with a validating policy", await creates(server, count))
    async with serving() as server:
        await bind(server, "mutatingadmission", _MUTATION)
        show("... with a mutating policy", await creates(server, count))
    with TemporaryDirectory() as directory:
        async with hooked(Path(directory), _allow) as world:
            tree = {"metadata": {"name": "w"}, "webhooks": [_WEBHOOK | {"clientConfig": world.service}]}
            await send(world.server, f"{_POLICIES}/validatingwebhookconfigurations", tree)
            show("... with a validating webhook, both ends", await creates(world.server, count))
    lines: list[bytes] = []
    log = AuditLog(policy_of({"rules": [{"level": "Metadata"}]}), lines.append, real_seams().clock)
    async with serving(ServerConfig(audit=log)) as server:
        show("... with an audit log of metadata", await creates(server, count))


async def _allow(request: Request) -> Response:
    """The webhook."""
    uid = orjson.loads(request.body)["request"]["uid"]
    answer = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": {"uid": uid, "allowed": True}}
    return Response(body=orjson.dumps(answer))


def show(what: str, microseconds: float, target: str = "") -> None:
    print(f"{what:<40} {microseconds:8.1f} us {target}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    asyncio.run(measure(parser.parse_args().count))


if __name__ == "__main__":
    main()
