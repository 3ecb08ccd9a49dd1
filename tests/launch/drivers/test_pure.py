"""The parts of the drivers that need no root: addresses, texts, the journal, processes."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from navarch.base.files import replace_file
from navarch.launch.drivers import cgroup, inside, process
from navarch.launch.drivers.containerd import cni_config, containerd_config, may_lower_oom_score
from navarch.launch.drivers.contract import ClusterNetwork, NodeSpec
from navarch.launch.drivers.journal import Journal, Made


def spec(number: int = 0, index: int = 0, directory: str = "/home/me/.navarch/p/n") -> NodeSpec:
    return NodeSpec(ClusterNetwork("p", number), "n", index, Path(directory))


@pytest.mark.parametrize(
    ("number", "index", "ip", "host", "pods", "bridge"),
    [
        (0, 0, "192.168.49.2", "192.168.49.1", "10.244.0.0/24", "navarch49"),
        (0, 1, "192.168.49.3", "192.168.49.1", "10.244.1.0/24", "navarch49"),
        (1, 0, "192.168.58.2", "192.168.58.1", "10.245.0.0/24", "navarch58"),
        (11, 200, "192.168.148.202", "192.168.148.1", "10.255.200.0/24", "navarch148"),
    ],
)
def test_addresses(number: int, index: int, ip: str, host: str, pods: str, bridge: str) -> None:
    node = spec(number, index)
    network = node.network
    assert (node.ip, network.host_ip, node.pod_cidr, network.bridge) == (ip, host, pods, bridge)
    assert node.cgroup == "/navarch/p/n"


def test_init_layers_etc_and_var_unless_the_node_lives_there() -> None:
    assert inside.init_script(spec()).count("mount -t overlay") == 2
    assert inside.init_script(spec(directory="/var/lib/navarch/p/n")).count("mount -t overlay") == 1


def test_resolvers_on_loopback_are_passed_over() -> None:
    stub, real = "nameserver 127.0.0.53\n", "search a\nnameserver 192.0.2.53\n"
    assert inside.resolv_conf([stub, real]) == real
    assert inside.resolv_conf([stub, "nameserver ::1\n"]) == ""


def test_containerd_is_told_what_the_machine_allows() -> None:
    granted, lacking = "Name:\tx\nCapBnd:\t000001ffffffffff\n", "CapBnd:\t000001fffeffffff\n"
    assert may_lower_oom_score(granted) and not may_lower_oom_score(lacking)
    assert not may_lower_oom_score("")
    assert "restrict_oom_score_adj = true" in containerd_config(Path("/d"), may_lower_oom_score=False)
    assert "restrict_oom_score_adj = false" in containerd_config(Path("/d"), may_lower_oom_score=True)
    bridge = json.loads(cni_config(Path("/d"), "10.244.3.0/24"))["plugins"][0]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.3.0/24"}]]


def test_journal_keeps_the_first_value_and_the_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "not" / "yet")
    assert journal.entries() == ()
    journal.add(Made("sysctl", "a", "0"))
    journal.add(Made("link", "b"))
    journal.add(Made("sysctl", "a", "1"))
    assert journal.entries() == (Made("sysctl", "a", "0"), Made("link", "b"))
    journal.clear()
    assert Journal(tmp_path / "not" / "yet").entries() == ()


def test_a_service_that_ends_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("an older life\nsh ended with status 9, starting it again\n")
    endings = inside.Endings(log)
    assert endings.last_words() is None
    script = tmp_path / "supervise"
    script.write_text(inside.SUPERVISE)
    with subprocess.Popen(["sh", str(script), str(log), "sh", "-c", "echo what; echo why >&2; exit 3"]) as loop:
        assert process.wait_for(lambda: endings.last_words() is not None, 10)
        loop.kill()
    assert (endings.last_words() or "").startswith("what\nwhy\nsh ended with status 3,")


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    with pytest.raises(OSError):
        replace_file(tmp_path / "kept", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_cgroup_hierarchies_of_a_hybrid_machine() -> None:
    mounts = (
        "tmpfs /sys/fs/cgroup tmpfs rw",
        "cgroup /sys/fs/cgroup/cpu cgroup rw",
        "cgroup2 /sys/fs/cgroup/u cgroup2 rw",
    )
    assert cgroup.hierarchies("\n".join(mounts)) == [Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup/u")]


def test_a_pid_of_another_start_is_another_process(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        found = process.process(sleeper.pid)
        assert found is not None and found.alive
        process.save(tmp_path / "pid", found)
        assert process.load(tmp_path / "pid") == found
        impostor = process.Process(found.pid, found.started + 1)
        impostor.kill(signal.SIGKILL)
        process.save(tmp_path / "other", impostor)
        assert process.load(tmp_path / "other") is None
        assert found.alive
        found.kill(signal.SIGKILL)
        assert sleeper.wait(5) == -signal.SIGKILL
    assert process.load(tmp_path / "pid") is None
    assert process.load(tmp_path / "nothing") is None


def test_daemons_are_found_by_their_mark(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    found = process.start_daemon(["sh", "-c", "sleep 60", mark], {"PATH": "/usr/bin:/bin"}, tmp_path / "log", mark)
    try:
        assert found in process.with_argument([mark])
        assert process.with_argument([mark + "x"]) == []
    finally:
        for child in process.children([found.pid]):
            child.kill(signal.SIGKILL)
        found.kill(signal.SIGKILL)
