"""The parts of the drivers that need no root: addresses, texts, the journal, processes."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from navarch.launch.drivers import cgroup, hostnet, inside, process
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


PROC_NET_TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:7918 00000000:0000 0A 00000000:00000000
   1: 0100007F:7919 0100007F:0050 01 00000000:00000000
   2: 00000000:0016 00000000:0000 0A 00000000:00000000
"""


def test_ports_that_the_host_listens_on_stay_the_hosts() -> None:
    assert hostnet.listening_ports([PROC_NET_TCP]) == {0x7918}
    text = hostnet.host_table(ClusterNetwork("p"), {31000}, loopback=True)
    assert "th dport 30000-32767 th dport != { 31000 } dnat to 192.168.49.2" in text
    assert "dnat" not in hostnet.host_table(ClusterNetwork("p"), (), loopback=False)


def test_journal_keeps_the_first_value_and_the_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "not" / "yet")
    assert journal.entries() == ()
    journal.add(Made("sysctl", "a", "0"))
    journal.add(Made("link", "b"))
    journal.add(Made("sysctl", "a", "1"))
    assert journal.entries() == (Made("sysctl", "a", "0"), Made("link", "b"))
    journal.forget(Made("link", "b"))
    assert Journal(tmp_path / "not" / "yet").entries() == (Made("sysctl", "a", "0"),)


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
