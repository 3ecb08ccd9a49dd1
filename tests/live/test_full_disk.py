"""A disk that fills up: while a cluster is made, and while it runs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.cluster import LiveCluster, eventually
from tests.live.machine import inventory, needs_machine

pytestmark = [pytest.mark.live, needs_machine]

MEBIBYTE = 1 << 20


@contextmanager
def small_disk(mebibytes: int) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="navarch-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "navarch-test", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
        place.rmdir()


def fill(path: Path) -> None:
    """Take all the space that is left."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * MEBIBYTE):
                pass
        except OSError:
            return


def test_a_start_on_a_full_disk_leaves_nothing() -> None:
    with small_disk(4) as place:
        cluster = LiveCluster(place / "home", f"full-{os.getpid()}")
        before = inventory(cluster.name, place)
        ran = cluster.navarch("start", "--no-install", check=False)
        assert ran.code == 50
        assert "HOST_DISK_FULL: the disk is full" in ran.err and "NAVARCH_HOME=" in ran.err
        assert "Traceback" not in ran.err
        assert inventory(cluster.name, place) == before
        assert not cluster.directory.exists() and not cluster.kubeconfig.exists()


def test_a_disk_that_fills_up_stops_writes_until_there_is_space(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"x" * 500_000)
    with small_disk(400) as place:
        cluster = LiveCluster(place / "home", f"fills-{os.getpid()}")
        before = inventory(cluster.name, place)
        try:
            cluster.start()
            cluster.kubectl("create", "configmap", "before", "--from-literal=a=b")
            filler = place / "filler"
            fill(filler)

            def refused() -> bool:
                # The store may have a megabyte of its own left.
                name = f"x-{os.urandom(4).hex()}"
                ran = cluster.kubectl("create", "configmap", name, f"--from-file={text}", check=False)
                return ran.code != 0 and "the disk is full; free some space" in ran.err

            eventually(refused)
            assert cluster.kubectl("get", "configmap", "before", "-o", "jsonpath={.data.a}").out == "b"
            filler.unlink()
            eventually(lambda: cluster.kubectl("create", "configmap", "after", check=False).code == 0)
            fill(filler)
        finally:
            ran = cluster.delete()
        assert "Successfully deleted all profiles" in ran.out
        assert inventory(cluster.name, place) == before
