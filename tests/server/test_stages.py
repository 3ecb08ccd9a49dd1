"""A check waits for the stage that keeps its promise."""

from __future__ import annotations

from navarch.server.health import Health
from navarch.server.stages import Progress, Stage
from navarch.wire.messages import Request
from tests.server.peer import Peer


def failing(health: Health, endpoint: str) -> set[str]:
    response = health.answer(Request("GET", f"/{endpoint}", "verbose"))
    assert response is not None
    lines = response.body.decode().splitlines()
    assert (response.status == 200) == (lines[-1] == f"{endpoint} check passed")
    return {line[3:].partition(" ")[0] for line in lines if line.startswith("[-]")}


def test_checks_become_well_stage_by_stage() -> None:
    health = Health()
    progress = Progress(health)
    assert {"etcd", "poststarthook/storage-readiness"} <= failing(health, "livez")
    assert "informer-sync" in failing(health, "readyz")
    progress.reach(Stage.FOLLOWING, Stage.RESUMED, Stage.NAMESPACES, Stage.OBJECTS)
    assert failing(health, "readyz") == {
        "poststarthook/rbac/bootstrap-roles",
        "poststarthook/kube-apiserver-autoregistration",
        "autoregister-completion",
        "poststarthook/bootstrap-controller",
        "poststarthook/peer-endpoint-reconciler-controller",
        "poststarthook/start-kube-apiserver-identity-lease-controller",
        "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    }
    progress.reach(*Stage)
    assert failing(health, "readyz") == failing(health, "livez") == set()
    progress.leave()
    assert failing(health, "readyz") == {"shutdown"}
    assert failing(health, "livez") == set()


def test_a_started_server_is_ready_and_one_that_closes_is_not(peer: Peer) -> None:
    assert peer.send("GET", "/readyz").body == b"ok"
    indicators = peer.send("GET", "/metrics/slis").body.decode()
    assert 'kubernetes_healthcheck{name="shutdown",type="readyz"} 1\n' in indicators
    assert 'kubernetes_healthchecks_total{name="ping",status="success",type="readyz"} 1\n' in indicators
    peer.server.close()
    answer = peer.server.pages.health.answer(Request("GET", "/readyz/shutdown"))
    assert answer is not None and answer.status == 500
