"""The real machine's file operations, in a temporary directory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from navarch.node.host.cgroupfs import CgroupFs, v1_files, v2_files
from navarch.node.host.contract import File
from navarch.node.host.real import RealHost
from navarch.node.runtime.contract import LinuxResources


@pytest.fixture
def host(tmp_path: Path) -> RealHost:
    return RealHost(str(tmp_path / "kubelet"))


def test_publish_swaps_at_once(host: RealHost, tmp_path: Path) -> None:
    directory = str(tmp_path / "v")
    assert host.publish(directory, {"a": File(b"1", 0o600), "sub/b": File(b"2")})
    first = os.readlink(f"{directory}/..data")
    assert Path(directory, "a").read_bytes() == b"1"
    assert Path(directory, "sub/b").read_bytes() == b"2"
    assert stat.S_IMODE(os.stat(f"{directory}/a").st_mode) == 0o600
    assert not host.publish(directory, {"a": File(b"1", 0o600), "sub/b": File(b"2")})
    assert os.readlink(f"{directory}/..data") == first
    assert host.publish(directory, {"a": File(b"3")})
    assert sorted(n for n in os.listdir(directory) if not n.startswith("..")) == ["a"]
    assert Path(directory, "a").read_bytes() == b"3"
    assert len([n for n in os.listdir(directory) if n.startswith("..")]) == 2


def test_sub_path_stays_inside(host: RealHost, tmp_path: Path) -> None:
    base = tmp_path / "v"
    base.mkdir()
    (tmp_path / "secret").mkdir()
    (base / "out").symlink_to(tmp_path / "secret")
    (base / "real").mkdir()
    (base / "in").symlink_to("real")
    assert host.sub_path(str(base), "in") == str(base / "real")
    assert Path(host.sub_path(str(base), "new/deep")).is_dir()
    for path in ("out", "out/x", "../secret", "in/../../secret"):
        with pytest.raises(PermissionError):
            host.sub_path(str(base), path)


def test_remove_tree_and_kinds(host: RealHost, tmp_path: Path) -> None:
    path = str(tmp_path / "d/e")
    host.make_dir(path, 0o777)
    host.write_file(f"{path}/f", b"x" * 10)
    assert (host.kind(path), host.kind(f"{path}/f"), host.kind("/none")) == ("Directory", "File", "")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o777
    assert host.read_file(f"{path}/f", 8) == b"xx"
    host.remove_tree(path)
    host.remove_tree(path)
    assert host.kind(path) == ""


def test_facts_are_plausible(host: RealHost) -> None:
    facts, usage = host.facts(), host.usage()
    assert facts.cpus >= 1
    assert 0 < usage.memory_available_bytes <= facts.memory_bytes


LIMITS = LinuxResources(cpu_shares=102, cpu_quota_us=25_000, cpu_period_us=100_000, memory_limit_bytes=1 << 20)


def test_cgroup_files() -> None:
    assert v1_files(LIMITS, 20) == {
        "cpu": {"cpu.shares": "102", "cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "25000"},
        "memory": {"memory.limit_in_bytes": "1048576"},
        "pids": {"pids.max": "20"},
    }
    assert v2_files(LIMITS, 0) == {"cpu.weight": "4", "cpu.max": "25000 100000", "memory.max": "1048576"}


def test_cgroups_of_version_1(tmp_path: Path) -> None:
    for controller in ("cpu", "memory"):
        (tmp_path / controller).mkdir()
    groups = CgroupFs(str(tmp_path))
    groups.apply("/kubepods/podu", LIMITS, 0)
    assert (tmp_path / "cpu/kubepods/podu/cpu.shares").read_text() == "102"
    assert (tmp_path / "memory/kubepods/podu/memory.limit_in_bytes").read_text() == "1048576"
