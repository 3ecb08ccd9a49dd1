"""Nodes on this machine as namespaces: network, mount, pid, uts and ipc of their own.

    unshare (waits) ── tini (pid 1 of the node) ── supervise ── containerd ── shims ── containers
    nsenter (waits) ── supervise ── node agent

Everything of a node hangs on its pid 1: when that dies the kernel kills every process in the pid
namespace, and with the last process mounts, interfaces and nftables of the node are gone. What
remains are cgroups, the host's end of the network cable and the directory, which `delete` removes.
`unshare` and the services are sessions of their own, so a node outlives the launcher.

    directory/init, supervise        the scripts that run in it; also how stray processes are recognised
    directory/init.pid, NAME.pid     pid and start time
    directory/made.json              see journal.py
    directory/containerd, ipam, layers/{etc,var}/upper, logs
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.base.files import replace_file
from navarch.launch import registry
from navarch.launch.drivers import hostnet, inside, process
from navarch.launch.drivers.cgroup import remove_tree
from navarch.launch.drivers.containerd import SOCKET, cni_config, containerd_config, may_lower_oom_score
from navarch.launch.drivers.contract import ClusterNetwork, NodeSpec, NodeState, Service
from navarch.launch.drivers.journal import Journal, Made
from navarch.launch.drivers.process import Process, wait_for

START_TIMEOUT_S = 30.0
KILL_TIMEOUT_S = 10.0
RESTART_TIMEOUT_S = 5.0
REAP_TIMEOUT_S = 1.0
NAMESPACES = ("--net", "--mount", "--uts", "--ipc", "--pid")
SHIM = "containerd-shim"  # the kernel keeps 15 characters of containerd-shim-runc-v2
REGISTRY_URL = f"http://127.0.0.1:{registry.PORT}"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NetnsDriver:
    """Makes nodes: places with an address and a container runtime of their own, in which a node agent runs. Knows
    nothing of Kubernetes. Needs root. Every call is idempotent: `start` repairs what a crash left half done, `stop`
    and `delete` succeed on what is gone. Raises: LaunchError."""

    # --- the host's side

    def open_network(self, network: ClusterNetwork, directory: Path) -> None:
        """Make the host's side: nodes will reach `host_ip`, the host will reach nodes and pods."""
        hostnet.open_network(network, Journal(directory))

    def close_network(self, network: ClusterNetwork, directory: Path) -> None:
        """Take the host's side away again."""
        hostnet.close_network(Journal(directory))

    # --- the life of a node

    def create(self, spec: NodeSpec) -> None:
        """Make the node's directory and configuration, without starting anything."""
        directory = spec.directory
        for made in (directory / "cni", directory / "containerd", spec.logs, *inside.layer_directories(spec)):
            made.mkdir(parents=True, exist_ok=True)
        lower_oom_score = may_lower_oom_score(Path("/proc/self/status").read_text())
        files = {
            "init": inside.init_script(spec),
            "supervise": inside.SUPERVISE,
            "containerd.toml": containerd_config(directory, lower_oom_score),
            "cni/10-pod.conflist": cni_config(directory, spec.pod_cidr),
            "layers/etc/upper/hostname": spec.name + "\n",
            "layers/etc/upper/hosts": inside.hosts_file(spec),
            "layers/etc/upper/resolv.conf": inside.resolv_conf(
                [path.read_text() for path in inside.RESOLV_CONFS if path.is_file()]
            ),
        }
        for name, text in files.items():
            replace_file(directory / name, text.encode())

    def start(self, spec: NodeSpec, peers: Sequence[NodeSpec] = ()) -> None:
        """Bring the node up with its container runtime answering, and connect it with running `peers`."""
        if self.status(spec) is NodeState.BROKEN:  # perhaps only while containerd is started again
            wait_for(lambda: self.status(spec) is not NodeState.BROKEN, RESTART_TIMEOUT_S)
        if self.status(spec) is not NodeState.RUNNING:
            self._kill(spec)
            self.create(spec)
            self._boot(spec)
        registry.write_mirror_config(spec.directory / "certs.d", REGISTRY_URL, spec.online, spec.mirrors)
        self._connect(spec, peers)

    def stop(self, spec: NodeSpec, grace_s: float = 2.0) -> None:
        """End every process of the node; containers get SIGTERM and `grace_s`. Its disk stays."""
        if init := self._init(spec):
            containers = process.children([p.pid for p in process.children([init.pid])], parent_name=SHIM)
            for container in containers:
                container.kill(signal.SIGTERM)
            wait_for(lambda: not any(container.alive for container in containers), grace_s)
        self._kill(spec)

    def delete(self, spec: NodeSpec, peers: Sequence[NodeSpec] = ()) -> None:
        """Stop, and remove everything that the node ever made; running `peers` forget the way to it."""
        self.stop(spec, grace_s=0.0)
        for peer in peers:
            if peer.index != spec.index and (init := self._init(peer)):
                hostnet.ip(f"route flush exact {spec.pod_cidr}", netns_of=init.pid)
        shutil.rmtree(spec.directory, ignore_errors=True)

    def status(self, spec: NodeSpec) -> NodeState:
        if not (spec.directory / "init").exists():
            return NodeState.ABSENT
        if (init := self._init(spec)) is None:
            return NodeState.STOPPED
        return NodeState.RUNNING if _answers(init) else NodeState.BROKEN

    # --- inside a node

    def enter(self, spec: NodeSpec, command: Sequence[str]) -> list[str]:
        """The argv that runs `command` inside the node, for `exec` or `subprocess`."""
        init = self._init(spec)
        if init is None:
            raise LaunchError(
                "GUEST_NOT_RUNNING", f"node {spec.name} is not running", "start it with: navarch start", 85
            )
        return ["nsenter", f"--target={init.pid}", *NAMESPACES, "--", *command]

    def run(self, spec: NodeSpec, command: Sequence[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run `command` inside the node and collect what it says. Does not raise on its exit code."""
        return subprocess.run(self.enter(spec, command), input=stdin, capture_output=True)

    def start_service(self, spec: NodeSpec, service: Service) -> None:
        """Start (or restart, when it runs) a service that survives the launcher."""
        self.stop_service(spec, service.name)
        log = spec.logs / f"{service.name}.log"
        supervised = ["sh", str(spec.directory / "supervise"), str(log), *service.command]
        started = process.start_daemon(
            self.enter(spec, supervised), {"PATH": PATH, **service.environment}, log, mark=str(log)
        )
        process.save(spec.directory / f"{service.name}.pid", started)

    def stop_service(self, spec: NodeSpec, name: str, grace_s: float = 5.0) -> None:
        pid_file = spec.directory / f"{name}.pid"
        if leader := process.load(pid_file):
            # The loop first, or it would start the service again; it is a child of nsenter, the leader.
            loops = process.children([leader.pid])
            services = process.children([loop.pid for loop in loops])
            for loop in loops:
                loop.kill(signal.SIGKILL)
            for service in services:
                service.kill(signal.SIGTERM)
            wait_for(lambda: not any(service.alive for service in services), grace_s)
            for survivor in (*services, leader):
                survivor.kill(signal.SIGKILL)
            wait_for(lambda: not any(p.alive for p in (*services, leader)), KILL_TIMEOUT_S)
        pid_file.unlink(missing_ok=True)

    def service_running(self, spec: NodeSpec, name: str) -> bool:
        return process.load(spec.directory / f"{name}.pid") is not None

    def runtime_socket(self, spec: NodeSpec) -> str:
        """The container runtime's socket as processes inside the node name it."""
        return SOCKET

    # --- the steps

    def _init(self, spec: NodeSpec) -> Process | None:
        return process.load(spec.directory / "init.pid")

    def _boot(self, spec: NodeSpec) -> None:
        journal = Journal(spec.directory)
        journal.add(Made("cgroup", spec.cgroup))
        journal.add(Made("link", _cable(spec)))
        script = str(spec.directory / "init")
        command = ["unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc", "sh", script]
        unshare = process.start_daemon(command, {"PATH": PATH}, spec.logs / "init.log", mark=script)
        init = _only_child(unshare, spec)
        process.save(spec.directory / "init.pid", init)
        _plug_in(spec, init.pid)
        if not wait_for(lambda: _answers(init) or not init.alive, START_TIMEOUT_S) or not init.alive:
            raise LaunchError(
                "GUEST_START", f"node {spec.name} did not start", f"see {spec.logs}/init.log and containerd.log", 80
            )

    def _connect(self, spec: NodeSpec, peers: Sequence[NodeSpec]) -> None:
        """Routes from and to the node: on the host and between it and every peer that runs."""
        Journal(spec.directory).add(Made("route", spec.pod_cidr))
        hostnet.ip(f"route replace {spec.pod_cidr} via {spec.ip}")
        if spec.index == 0:
            hostnet.ip(f"route replace {spec.network.load_balancer_cidr} via {spec.ip}")
        init = self._init(spec)
        for peer in peers:
            if init and peer.index != spec.index and (other := self._init(peer)):
                hostnet.ip(f"route replace {peer.pod_cidr} via {peer.ip}", netns_of=init.pid)
                hostnet.ip(f"route replace {spec.pod_cidr} via {spec.ip}", netns_of=other.pid)

    def _kill(self, spec: NodeSpec) -> None:
        """End every process of the node, known or stray, and undo what the journal lists."""
        scripts = [str(spec.directory / name) for name in ("init", "supervise")]

        def strays() -> list[Process]:
            return process.with_argument(scripts)

        # The node's pid 1 first: it takes the node with it, and whoever waits for it reaps it and ends.
        if init := self._init(spec):
            init.kill(signal.SIGKILL)
            wait_for(lambda: not strays(), REAP_TIMEOUT_S)
        for stray in strays():
            stray.kill(signal.SIGKILL)
        if not wait_for(lambda: not strays(), KILL_TIMEOUT_S):
            raise LaunchError(
                "GUEST_STOP", f"processes of node {spec.name} cannot be killed", "look for them with ps", 80
            )
        for pid_file in spec.directory.glob("*.pid"):
            pid_file.unlink()
        journal = Journal(spec.directory)
        for made in reversed(journal.entries()):
            if made.kind == "link":
                hostnet.remove_link(made.name)
            elif made.kind == "route":
                hostnet.ip(f"route flush exact {made.name}")
            elif made.kind == "cgroup" and not remove_tree(made.name):
                raise LaunchError("GUEST_STOP", f"cgroup {made.name} is still in use", "look for its processes", 80)
        journal.clear()


def _cable(spec: NodeSpec) -> str:
    """The host's end of the veth pair."""
    return f"{spec.network.bridge}n{spec.index + 1}"


def _plug_in(spec: NodeSpec, init_pid: int) -> None:
    """Give the node its address, its way out, and masquerading for pods that leave the cluster."""
    cable, network = _cable(spec), spec.network
    hostnet.remove_link(cable)
    hostnet.ip(
        f"link add {cable} type veth peer name eth0 netns {init_pid}",
        f"link set {cable} master {network.bridge} up",
    )
    hostnet.ip(
        f"addr add {spec.ip}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {network.host_ip}",
        netns_of=init_pid,
    )
    inner = f"{network.pod_cidr}, {network.node_cidr}, {network.service_cidr}"
    hostnet.nft(
        f"""\
table ip navarch-node {{
  chain leave {{
    type nat hook postrouting priority 100;
    ip saddr {spec.pod_cidr} ip daddr != {{ {inner} }} masquerade
  }}
}}
""",
        netns_of=init_pid,
    )


def _only_child(parent: Process, spec: NodeSpec) -> Process:
    """The process that `unshare` forked into the new namespaces."""
    wait_for(lambda: bool(process.children([parent.pid])) or not parent.alive, START_TIMEOUT_S)
    found = process.children([parent.pid])
    if not found:
        raise LaunchError(
            "GUEST_START", f"node {spec.name} did not start", f"see {spec.logs}/init.log; are you root?", 80
        )
    return found[0]


def _answers(init: Process) -> bool:
    """Whether the node's containerd accepts connections; its socket is seen through the init's root."""
    root = f"/proc/{init.pid}/root"
    if not os.path.exists(root + inside.MARK):
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(root + SOCKET)
        except OSError:
            return False
    return True
