"""The audit log of a whole server."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from navarch.schema import protobuf_encode
from navarch.schema.protobuf import MEDIA_TYPE
from navarch.schema.protobuf_types import message_type
from navarch.seams.sim import sim_seams
from navarch.server.app import ServerConfig
from navarch.server.audit.log import AuditLog, LogFile
from navarch.server.audit.policy import policy_of
from navarch.server.own_writes import API_SERVER
from navarch.wire.messages import Request, Sink, User
from tests.server.peer import JSON, Peer

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
GROUP = "/apis/admissionregistration.k8s.io/v1"
Tree = dict[str, Any]
Logged = Callable[..., Peer]


@pytest.fixture
def lines() -> list[bytes]:
    return []


@pytest.fixture
def logged(lines: list[bytes]) -> Iterator[Logged]:
    """A server with an audit log of these rules; what bootstrapping said is forgotten."""
    peers = []

    def make(*rules: Tree, **policy: Any) -> Peer:
        log = AuditLog(policy_of({"rules": list(rules), **policy}), lines.append, sim_seams(1).clock)
        peers.append(Peer(ServerConfig(audit=log)))
        lines.clear()
        return peers[0]

    yield make
    for peer in peers:
        peer.close()


def events(lines: list[bytes]) -> list[Tree]:
    return [json.loads(line) for line in lines]


def test_metadata_of_a_request(logged: Logged, lines: list[bytes]) -> None:
    peer = logged({"level": "Metadata"})
    user = User("ann", "u1", ("system:masters",), {"scope": ("x",)})
    peer.send("POST", f"{CONFIGMAPS}?fieldManager=f", {"metadata": {"generateName": "c-"}}, user=user)
    received, complete = events(lines)
    assert (received["stage"], complete["stage"]) == ("RequestReceived", "ResponseComplete")
    assert received["auditID"] == complete["auditID"]
    assert "responseStatus" not in received
    name = peer.get(CONFIGMAPS)["items"][0]["metadata"]["name"]
    assert complete["requestURI"] == f"{CONFIGMAPS}?fieldManager=f"
    assert complete["verb"] == "create"
    assert complete["user"] == {
        "username": "ann",
        "uid": "u1",
        "groups": ["system:masters"],
        "extra": {"scope": ["x"]},
    }
    assert complete["userAgent"] == "test/1"
    assert complete["objectRef"] == {
        "resource": "configmaps",
        "namespace": "default",
        "name": name,
        "apiVersion": "v1",
    }
    assert complete["responseStatus"] == {"metadata": {}, "code": 201}
    assert complete["annotations"] == {
        "authorization.k8s.io/decision": "allow",
        "authorization.k8s.io/reason": "",
    }
    assert "requestObject" not in complete


def test_objects_where_the_policy_wants_them(logged: Logged, lines: list[bytes]) -> None:
    peer = logged(
        {"level": "RequestResponse", "verbs": ["create"]},
        {"level": "Request", "verbs": ["patch"]},
        omitStages=["RequestReceived"],
        omitManagedFields=True,
    )
    peer.post(CONFIGMAPS, {"metadata": {"name": "c"}, "data": {"a": "b"}})
    peer.ok("PATCH", f"{CONFIGMAPS}/c", {"data": {"a": "c"}}, media="application/merge-patch+json")
    peer.get(f"{CONFIGMAPS}/c")
    created, patched = events(lines)
    assert created["requestObject"]["data"] == {"a": "b"}
    assert created["responseObject"]["metadata"]["name"] == "c"
    assert "managedFields" not in created["responseObject"]["metadata"]
    assert patched["requestObject"] == {"data": {"a": "c"}}
    assert "responseObject" not in patched


def test_bodies_in_protobuf_and_yaml(logged: Logged, lines: list[bytes]) -> None:
    peer = logged({"level": "RequestResponse"}, omitStages=["RequestReceived"])
    node = message_type("v1", "ConfigMap")
    assert node is not None
    tree = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": {"a": "b"}}
    headers = {"content-type": MEDIA_TYPE, "accept": MEDIA_TYPE, "user-agent": "test/1"}
    request = Request("POST", CONFIGMAPS, "", headers, protobuf_encode.encode(tree, node), user=API_SERVER)
    assert peer.loop.run_until_complete(peer.server.handle_as(request)).status == 201
    headers = {"content-type": "application/yaml", "accept": "application/yaml", "user-agent": "test/1"}
    request = Request("POST", CONFIGMAPS, "", headers, b"metadata: {name: d}\ndata: {a: b}", user=API_SERVER)
    assert peer.loop.run_until_complete(peer.server.handle_as(request)).status == 201
    for event, name in zip(events(lines), "cd", strict=True):
        assert event["objectRef"]["name"] == name
        assert event["requestObject"]["data"] == {"a": "b"}
        assert event["responseObject"]["metadata"]["uid"]


def test_refusals_and_impersonation(logged: Logged, lines: list[bytes]) -> None:
    peer = logged({"level": "Metadata"}, omitStages=["RequestReceived"])

    async def ask() -> None:
        headers = {"impersonate-user": "bob", "user-agent": "test/1", "accept": JSON}
        await peer.server.handle_as(Request("GET", f"{CONFIGMAPS}/c", headers=headers, user=API_SERVER))

    peer.loop.run_until_complete(ask())
    (event,) = events(lines)
    assert event["user"]["username"] == "system:apiserver"
    assert event["impersonatedUser"] == {"username": "bob", "groups": ["system:authenticated"]}
    assert event["responseStatus"]["code"] == 403
    assert event["responseStatus"]["reason"] == "Forbidden"
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid"


def test_policies_annotate(logged: Logged, lines: list[bytes]) -> None:
    peer = logged({"level": "Metadata", "resources": [{"group": "", "resources": ["configmaps"]}]})
    rule = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "never"}],
        "auditAnnotations": [{"key": "size", "valueExpression": "string(size(object.data))"}],
    }
    peer.post(f"{GROUP}/validatingadmissionpolicies", {"metadata": {"name": "p"}, "spec": spec})
    binding = {"policyName": "p", "validationActions": ["Audit"]}
    peer.post(f"{GROUP}/validatingadmissionpolicybindings", {"metadata": {"name": "b"}, "spec": binding})
    peer.post(CONFIGMAPS, {"metadata": {"name": "c"}, "data": {"a": "b"}})
    annotations = events(lines)[-1]["annotations"]
    assert annotations["p/size"] == "1"
    assert json.loads(annotations["validation.policy.admission.k8s.io/validation_failure"]) == [
        {"message": "never", "policy": "p", "binding": "b", "expressionIndex": 0, "validationActions": ["Audit"]}
    ]


class Silent(Sink):
    def write(self, data: bytes) -> None: ...

    def buffered(self) -> int:
        return 0

    def close(self) -> None: ...


def test_a_watch_begins_and_ends(logged: Logged, lines: list[bytes]) -> None:
    peer = logged({"level": "Metadata", "verbs": ["watch"]}, omitStages=["RequestReceived"])
    anybody = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    binding = {"metadata": {"name": "any"}, "roleRef": role, "subjects": [anybody]}
    peer.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)

    async def watch() -> None:
        response = await peer.server.handle(Request("GET", CONFIGMAPS, "watch=1", {"user-agent": "test/1"}))
        assert response.stream is not None
        response.stream.start(Silent())
        assert [event["stage"] for event in events(lines)] == ["ResponseStarted"]
        response.stream.stop()

    peer.loop.run_until_complete(watch())
    started, complete = events(lines)
    assert complete["stage"] == "ResponseComplete"
    assert started["auditID"] == complete["auditID"]
    assert started["user"]["username"] == "system:anonymous"


def test_a_long_log_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = LogFile(str(path), max_bytes=20, max_backups=2)
    for number in range(7):
        log.write(b"line %03d\n" % number)
    log.close()
    assert path.read_bytes() == b"line 006\n"
    assert (tmp_path / "audit.log.1").read_bytes() == b"line 004\nline 005\n"
    assert (tmp_path / "audit.log.2").read_bytes() == b"line 002\nline 003\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audit.log", "audit.log.1", "audit.log.2"]


def test_a_log_that_cannot_be_put_aside_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    (tmp_path / "audit.log.1").mkdir()
    (tmp_path / "audit.log.1" / "held").touch()
    (tmp_path / "audit.log.2").touch()
    log = LogFile(str(path), max_bytes=20, max_backups=2)
    log.write(b"a line of 20 bytes.\n")
    with pytest.raises(OSError, match=r"audit\.log"):
        log.write(b"more\n")
    (tmp_path / "audit.log.2").unlink()
    log.write(b"again\n")
    log.close()
    assert path.read_bytes() == b"again\n"


def test_a_full_disk_refuses_no_request() -> None:
    def full(_: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    log = AuditLog(policy_of({"rules": [{"level": "Metadata"}]}), full, sim_seams(1).clock)
    peer = Peer(ServerConfig(audit=log))
    assert peer.ok("POST", CONFIGMAPS, {"metadata": {"name": "one"}})["metadata"]["name"] == "one"
    assert log.count == 0
    peer.close()


def test_events_go_to_the_other_server_too(lines: list[bytes]) -> None:
    sent: list[Tree] = []
    policy = policy_of({"rules": [{"level": "Metadata"}], "omitStages": ["RequestReceived"]})
    peer = Peer(ServerConfig(audit=AuditLog(policy, lines.append, sim_seams(1).clock, sent.append)))
    peer.ok("POST", CONFIGMAPS, {"metadata": {"name": "one"}})
    peer.close()
    assert sent == events(lines) and sent[-1]["stage"] == "ResponseComplete"


@pytest.mark.parametrize("room", [0, 1, 7, 12])
def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    path, real = tmp_path / "audit.log", os.write
    log = LogFile(str(path))
    log.write(b'{"n":1}\n')
    left = room

    def write(file: int, data: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(file, data[:left])
        left -= written
        return written

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space"):
        log.write(b'{"n":2, "more": "of it"}\n')
    monkeypatch.setattr(os, "write", real)
    log.write(b'{"n":3}\n')
    log.close()
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == [{"n": 1}, {"n": 3}]


def test_half_a_line_of_before_a_crash_stays_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(b'{"n":1}\n{"n"')
    log = LogFile(str(path))
    log.write(b'{"n":2}\n')
    log.write(b'{"n":3}\n')
    log.close()
    assert path.read_bytes() == b'{"n":1}\n{"n"\n{"n":2}\n{"n":3}\n'


def test_old_backups_go(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    (tmp_path / "audit.log.1").write_bytes(b"old\n")
    os.utime(tmp_path / "audit.log.1", (0, 0))
    log = LogFile(str(path), max_bytes=10, max_age_s=86400)
    log.write(b"a line 1\n")
    log.write(b"a line 2\n")
    log.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["audit.log", "audit.log.1"]
    assert (tmp_path / "audit.log.1").read_bytes() == b"a line 1\n"
