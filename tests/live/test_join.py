"""Two hosts join with tokens, run real containers, and their pods reach each other through the tunnel.

The hosts are namespaces with a container runtime each, as the launcher's nodes are, but no launcher looks after
them: the control plane is `navarch control-plane`, and in each host runs `navarch node join`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from navarch.launch.drivers import hostnet
from navarch.launch.drivers.contract import ClusterNetwork, NodeSpec, Service
from navarch.launch.drivers.netns import NetnsDriver
from navarch.launch.images.build import build
from tests.live.cluster import KUBECTL, command_of, eventually
from tests.live.machine import needs_machine

pytestmark = [pytest.mark.live, needs_machine]

ROOT = Path(__file__).parents[2]
DRIVER = NetnsDriver()
NAVARCH = (sys.executable, "-m", "navarch.app.main")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
PORT = 6443


class Site:
    """A control plane on the machine itself and two hosts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.network = ClusterNetwork(f"join-{os.getpid()}", hostnet.unused_numbers()[-1])
        self.hosts = [NodeSpec(self.network, f"host-{n}", n, directory / f"host-{n}") for n in range(2)]
        self.kubeconfig = directory / "cp" / "kubeconfig"
        self._control_plane: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        DRIVER.open_network(self.network, self.directory / "network")
        flags = (f"--data-dir={self.directory}/cp", f"--bind-address={self.network.host_ip}", f"--secure-port={PORT}")
        command = [*NAVARCH, "control-plane", *flags, "--cluster-cidr=10.55.0.0/16"]
        with (self.directory / "cp.log").open("wb") as log:
            self._control_plane = subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log)
        eventually(lambda: "ready" in (self.directory / "cp.log").read_text())
        asked = ("token", "create", "--print-join-command", f"--kubeconfig={self.kubeconfig}")
        words = subprocess.run([*NAVARCH, *asked], env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
        images = build(self.directory / "images").layout.directory
        for spec in self.hosts:
            DRIVER.start(spec)  # without peers: no host knows the way to another's pods
            serve = (sys.executable, "-m", "navarch.launch.registry", str(images))
            DRIVER.start_service(spec, Service("registry", serve, {"PYTHONPATH": str(ROOT)}))
            own = (f"--node-name={spec.name}", f"--data-dir={spec.directory}/joined", f"--node-ip={spec.ip}")
            runtime = (f"--cri-socket=unix://{DRIVER.runtime_socket(spec)}", f"--cni-conf-dir={spec.directory}/cni")
            join = (*NAVARCH, *words.split()[1:], *own, *runtime)
            DRIVER.start_service(spec, Service("join", join, {"PYTHONPATH": str(ROOT), "HOME": "/root"}))

    def down(self) -> None:
        for spec in self.hosts:
            DRIVER.delete(spec)
        DRIVER.close_network(self.network, self.directory / "network")
        if self._control_plane is not None:
            self._control_plane.terminate()
            self._control_plane.wait(20)

    def kubectl(self, *words: str, text: str = "") -> str:
        command = [*command_of(KUBECTL), f"--kubeconfig={self.kubeconfig}", *words]
        done = subprocess.run(command, env=ENVIRONMENT, input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("join"))
    try:
        made.up()
        yield made
    finally:
        made.down()


def pod(name: str, node: str, *command: str) -> str:
    container = {"name": "c", "image": "busybox", "command": list(command)}
    spec = {"nodeName": node, "containers": [container], "terminationGracePeriodSeconds": 0}
    metadata = {"name": name, "labels": {"app": name}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def test_hosts_join_and_their_pods_reach_each_other(site: Site) -> None:
    def ready() -> bool:
        return site.kubectl("get", "nodes", "--no-headers").count(" Ready ") == 2

    eventually(ready)
    serve = "mkdir /www; echo hello > /www/index.html; httpd -f -p 8080 -h /www"
    site.kubectl("apply", "-f", "-", text=pod("server", "host-0", "sh", "-c", serve))
    site.kubectl("apply", "-f", "-", text=pod("client", "host-1", "sleep", "1000"))
    site.kubectl("wait", "--for=condition=Ready", "pod/server", "pod/client", "--timeout=60s")
    address = site.kubectl("get", "pod", "server", "-o", "jsonpath={.status.podIP}")
    assert address.startswith("10.55.")
    # exec goes from the API server to the kubelet of the other host, the request through the tunnel.
    assert site.kubectl("exec", "client", "--", "wget", "-qO-", f"http://{address}:8080") == "hello\n"
    site.kubectl("expose", "pod", "server", "--port=80", "--target-port=8080")
    service = site.kubectl("get", "service", "server", "-o", "jsonpath={.spec.clusterIP}")

    def through_the_service() -> bool:
        return site.kubectl("exec", "client", "--", "wget", "-qO-", f"http://{service}") == "hello\n"

    eventually(through_the_service)
    # Pods reach the API as they do anywhere.
    version = site.kubectl(
        "exec", "client", "--", "wget", "-qO-", "--no-check-certificate", "https://10.96.0.1/version"
    )
    assert '"major"' in version
