"""Health checks, metrics and issuer discovery, as one asks for them by path."""

from __future__ import annotations

import json

import orjson
import pytest

from navarch.base.errors import StatusError
from navarch.server.authn.keys import generate_key
from navarch.server.authn.oidc import IssuerDiscovery
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.health import LIVE, READY, Health
from navarch.server.metrics import Metrics
from navarch.server.request_info import request_info
from navarch.server.router import answer_path
from navarch.wire.messages import Request, Response
from tests.server import recorded
from tests.server.peer import Peer


def get(path: str, **headers: str) -> Request:
    path, _, query = path.partition("?")
    return Request("GET", path, query, headers)


def text(response: Response | None) -> str:
    assert response is not None and response.content_type == "text/plain; charset=utf-8"
    return response.body.decode()


def recorded_health(name: str) -> Health:
    """A server with the checks of the recording, in its order."""
    health = Health()
    for line in recorded.discovery(name)["response"]["body"].splitlines():
        if line.startswith("[+]"):
            health.add(line[3:].split(" ")[0], str)
    return health


@recorded.needs_corpus
@pytest.mark.parametrize(
    "name",
    [f"{e}{v}" for e in ("healthz", "livez", "readyz") for v in ("", "_verbose", "_exclude")]
    + ["livez_nosuch", "livez_ping"],
)
def test_recorded_health_answers(name: str) -> None:
    record = recorded.discovery(name)
    health = recorded_health(name.partition("_")[0] + "_verbose")
    response = health.answer(get(record["request"]["path"]))
    assert response is not None and response.status == record["response"]["status"]
    assert text(response) == record["response"]["body"]


def test_a_failing_check_is_named_but_its_reason_is_withheld() -> None:
    health = Health()
    health.add("etcd", lambda: "disk full", LIVE)
    faults = ["not finished"]
    health.add("poststarthook/rbac/bootstrap-roles", lambda: "".join(faults))
    assert text(health.answer(get("/livez"))) == (
        "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n"
        "[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\nlivez check failed\n"
    )
    assert text(health.answer(get("/readyz"))) != "ok"
    faults.clear()
    assert text(health.answer(get("/readyz"))) == "ok"
    one = health.answer(get("/livez/etcd"))
    assert one is not None and one.status == 500
    assert text(health.answer(get("/livez?exclude=etcd"))) == "ok"
    health.add("shutdown", lambda: "going down", READY)
    assert "/readyz/shutdown" in health.paths and "/livez/shutdown" not in health.paths
    assert health.answer(get("/health")) is None


def test_metrics_count_requests_and_ask_gauges() -> None:
    metrics = Metrics()
    info = request_info("POST", "/api/v1/namespaces/n/pods")
    metrics.begin(info)
    assert 'apiserver_current_inflight_requests{request_kind="mutating"} 1\n' in metrics.render()
    metrics.end(info, 201, 0.03)
    metrics.begin(info)
    metrics.end(info, 409, 0.001)
    metrics.gauge("navarch_store_revision", "Revision of the store.", lambda: [("", 12345678.0)])
    page = metrics.render()
    labels = 'component="apiserver",group="",resource="pods",scope="namespace",subresource="",verb="POST",version="v1"'
    assert f'apiserver_request_total{{code="201",dry_run="",{labels}}} 1\n' in page
    assert f'apiserver_request_duration_seconds_bucket{{dry_run="",{labels},le="0.005"}} 1\n' in page
    assert f'apiserver_request_duration_seconds_bucket{{dry_run="",{labels},le="+Inf"}} 2\n' in page
    assert f'apiserver_request_duration_seconds_sum{{dry_run="",{labels}}} 0.031\n' in page
    assert "navarch_store_revision 12345678\n" in page and "process_cpu_seconds_total " in page
    assert metrics.answer(get("/metrics/x")) is None


def test_issuer_discovery() -> None:
    tokens = ServiceAccountTokens("https://i", generate_key(), (), ("a",), lambda *_: None, lambda: 0.0)
    oidc = IssuerDiscovery(tokens, "https://s:1")
    document = oidc.answer(get("/.well-known/openid-configuration"))
    assert document is not None and orjson.loads(document.body)["jwks_uri"] == "https://s:1/openid/v1/jwks"
    keys = oidc.answer(get("/openid/v1/jwks"))
    assert keys is not None and keys.content_type == "application/jwk-set+json"
    with pytest.raises(StatusError, match="Available representations"):
        oidc.answer(get("/openid/v1/jwks", accept="application/json"))
    assert oidc.answer(get("/openid")) is None


def test_the_first_who_knows_a_path_answers_it() -> None:
    answers = (Health().answer, Metrics().answer)
    assert answer_path(get("/healthz"), answers).body == b"ok"
    assert answer_path(get("/nope"), answers).status == 404
    with pytest.raises(StatusError) as error:
        answer_path(Request("POST", "/healthz"), answers)
    assert error.value.code == 405


def test_statusz_and_flagz(peer: Peer) -> None:
    peer.seams.clock.jump(125)
    text = peer.send("GET", "/statusz", accept="text/plain").body.decode()
    assert text.startswith("\napiserver statusz\nWarning: ")
    assert "Up:  0 hr 02 min 05 sec\n" in text
    form = "application/json;g=config.k8s.io;v=v1beta1;as=Statusz"
    shown = peer.send("GET", "/statusz", accept=form)
    assert shown.content_type == form
    assert json.loads(shown.body)["paths"][0] == "/flagz"
    assert peer.send("GET", "/statusz", accept="application/json").status == 406
    flags = peer.send("GET", "/flagz", accept="*/*").body.decode()
    assert "\nservice-cluster-ip-range 10.96.0.0/16\n" in flags


def test_metrics_of_objects_seats_and_watches(peer: Peer) -> None:
    text = peer.send("GET", "/metrics").body.decode()
    assert 'apiserver_storage_objects{resource="namespaces"} 4\n' in text
    assert 'apiserver_flowcontrol_nominal_limit_seats{priority_level="workload-low"} 245\n' in text
    assert 'apiserver_flowcontrol_current_executing_seats{priority_level="catch-all"} 0\n' in text
