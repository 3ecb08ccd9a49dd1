"""The components that run in the server's process."""

from __future__ import annotations

from tests.server.peer import Peer

PATH = "/api/v1/componentstatuses"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def test_the_list_and_one_of_it(peer: Peer) -> None:
    (one,) = peer.get(PATH)["items"]
    assert one["conditions"] == [{"type": "Healthy", "status": "True", "message": "ok"}]
    assert peer.get(f"{PATH}/etcd-0") == one
    assert peer.refused("GET", f"{PATH}/nope")[0] == 404


def test_the_table(peer: Peer) -> None:
    (row,) = peer.ok("GET", PATH, accept=TABLE)["rows"]
    assert row["cells"] == ["etcd-0", "Healthy", "ok", ""]


def test_nothing_can_be_written(peer: Peer) -> None:
    assert peer.refused("POST", PATH, {"metadata": {"name": "x"}})[0] == 405
