"""How each store implementation is made for the contract suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from navarch.seams.real import RealClock
from navarch.store.contract import Store
from navarch.store.durable import DurableStore
from navarch.store.memory import MemoryStore
from tests.store.etcd_server import BINARY, EtcdServer


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    if BINARY is None:
        pytest.skip("NOT TESTED: there is no etcd on the PATH (Debian: etcd-server)")
    server = EtcdServer(tmp_path_factory.mktemp("etcd"))
    server.start()
    yield server
    server.stop()


def make(implementation: str, request: pytest.FixtureRequest, directory: Path) -> Store:
    if implementation == "memory":
        return MemoryStore()
    if implementation == "durable":
        return DurableStore(directory / "store", RealClock())
    server: EtcdServer = request.getfixturevalue("etcd")
    from navarch.store.etcd import EtcdStore  # gRPC takes its time to import

    return EtcdStore([server.target], prefix=f"/{directory.name}/")


@pytest.fixture(params=["memory", "durable", "etcd"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made = make(request.param, request, tmp_path)
    await made.start()
    yield made
    await made.close()
