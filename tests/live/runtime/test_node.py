"""Real nodes with real containers: two nodes of one cluster, their pods, and nothing left afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from navarch.base.errors import LaunchError
from navarch.launch import registry
from navarch.launch.drivers import hostnet, hostports, process
from navarch.launch.drivers.contract import ClusterNetwork, NodeSpec, NodeState, Service
from navarch.launch.drivers.netns import NetnsDriver
from navarch.launch.images import build, save
from navarch.launch.images.load import load
from navarch.node.runtime.contract import (
    CONTAINER_NAME,
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
    ContainerConfig,
    ContainerPhase,
    ContainerStatus,
    EventKind,
    ExecTimeout,
    ImagePullError,
    LinuxResources,
    NotFoundInRuntime,
    RuntimeEvent,
    RuntimeFault,
    RuntimeUnavailable,
    SandboxConfig,
    StartError,
    Streams,
    TerminalSize,
)
from navarch.node.runtime.cri import CriRuntime
from navarch.seams.real import RealClock
from tests.live.machine import HOST_NETWORK, Inventory, inventory, needs_machine, network

pytestmark = [pytest.mark.live, needs_machine]

PROFILE = f"nodes-{os.getpid()}"
ROOT = Path(__file__).parents[3]
DRIVER = NetnsDriver()


def listens(spec: NodeSpec, port: int) -> bool:
    return f":{port:04X} " in DRIVER.run(spec, ["cat", "/proc/net/tcp", "/proc/net/tcp6"]).stdout.decode()


class Nodes:
    """Two started nodes and what the machine looked like before."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.network = ClusterNetwork(PROFILE, hostnet.unused_numbers()[-1])
        self.specs = [NodeSpec(self.network, f"live-{i}", i, directory / f"node-{i}") for i in range(2)]
        self.before = inventory(PROFILE, directory)
        self.images = build(directory / "images")

    def up(self) -> None:
        DRIVER.open_network(self.network, self.directory / "network")
        for spec in self.specs:
            DRIVER.start(spec, self.specs)
            self.serve_images(spec)

    def serve_images(self, spec: NodeSpec) -> None:
        command = (sys.executable, "-m", "navarch.launch.registry", str(self.images.layout.directory))
        if not DRIVER.service_running(spec, "registry"):
            DRIVER.start_service(spec, Service("registry", command, {"PYTHONPATH": str(ROOT)}))
            assert process.wait_for(lambda: listens(spec, registry.PORT), 10)

    def down(self) -> Inventory:
        for spec in self.specs:
            DRIVER.delete(spec)
        DRIVER.close_network(self.network, self.directory / "network")
        return inventory(PROFILE, self.directory)

    def init_pid(self, index: int) -> int:
        found = process.load(self.specs[index].directory / "init.pid")
        assert found is not None
        return found.pid

    def runtime(self, index: int) -> CriRuntime:
        socket_inside = DRIVER.runtime_socket(self.specs[index])
        return CriRuntime(f"/proc/{self.init_pid(index)}/root{socket_inside}", RealClock())


async def answering(runtime: CriRuntime) -> None:
    """Until containerd, which accepts connections already, knows its containers."""
    async with asyncio.timeout(10):
        while True:
            try:
                await runtime.list_containers()
                return
            except RuntimeUnavailable:
                await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory.mktemp("nodes"))
    nodes.up()
    try:
        yield nodes
    finally:
        assert nodes.down() == nodes.before


class Pod:
    """One sandbox with its containers."""

    def __init__(self, nodes: Nodes, index: int, runtime: CriRuntime, image: str) -> None:
        self.runtime, self.image, self.uid = runtime, image, str(uuid.uuid4())
        self.log_directory = Path(f"/var/log/pods/default_web_{self.uid}")
        # The node's view: what lies below the overlay must not be touched while it is mounted.
        self.logs = Path(f"/proc/{nodes.init_pid(index)}/root{self.log_directory}")
        labels = {POD_UID: self.uid, POD_NAME: "web", POD_NAMESPACE: "default"}
        cgroup = f"{nodes.specs[index].cgroup}/kubepods/pod{self.uid}"
        self.config = SandboxConfig(
            "web", "default", self.uid, 0, "web", str(self.log_directory), labels=labels, cgroup_parent=cgroup
        )
        self.sandbox = self.ip = ""

    async def start(self) -> None:
        self.sandbox = await self.runtime.run_pod_sandbox(self.config)
        (self.ip,) = (await self.runtime.sandbox_status(self.sandbox)).ips

    async def serves(self, port: int = 80) -> None:
        """Until a process in the pod listens there."""
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection(self.ip, port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    async def container(
        self, name: str, *command: str, memory: int = 0, stdin: bool = False, start: bool = True
    ) -> str:
        config = ContainerConfig(
            name,
            0,
            self.image,
            "nginx:alpine",
            command,
            log_path=f"{name}/0.log",
            labels={POD_UID: self.uid, CONTAINER_NAME: name},
            resources=LinuxResources(memory_limit_bytes=memory),
            stdin=stdin,
        )
        (self.logs / name).mkdir(parents=True, exist_ok=True)
        container = await self.runtime.create_container(self.sandbox, config, self.config)
        if start:
            await self.runtime.start_container(container)
        return container

    async def exited(self, container: str) -> ContainerStatus:
        async with asyncio.timeout(10):
            while True:
                found = await self.runtime.container_status(container)
                if found.phase is ContainerPhase.EXITED:
                    return found
                await asyncio.sleep(0.02)

    async def remove(self) -> None:
        await self.runtime.stop_pod_sandbox(self.sandbox)
        await self.runtime.remove_pod_sandbox(self.sandbox)


@pytest.fixture
async def runtime(nodes: Nodes) -> AsyncIterator[CriRuntime]:
    """The first node's, with this thread in its network: containerd streams on its loopback."""
    runtime = nodes.runtime(0)
    with network(f"/proc/{nodes.init_pid(0)}/ns/net"):
        yield runtime
    await runtime.close()


@pytest.fixture
async def pod(nodes: Nodes, runtime: CriRuntime) -> AsyncIterator[Pod]:
    pod = Pod(nodes, 0, runtime, await runtime.pull_image("nginx:alpine"))
    await pod.start()
    yield pod
    await pod.remove()
    await runtime.remove_pod_sandbox(pod.sandbox)  # idempotent
    assert pod.uid not in [sandbox.pod_uid for sandbox in await runtime.list_sandboxes()]


class Terminal:
    """Collects what a streamed process writes."""

    def __init__(self) -> None:
        self.out, self.err = bytearray(), bytearray()

    async def write_out(self, data: bytes) -> None:
        self.out += data

    async def write_err(self, data: bytes) -> None:
        self.err += data


async def until(condition: Callable[[], bool]) -> None:
    """Real processes take their time."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (nothing of the machine's could set an event)
            await asyncio.sleep(0.01)


async def typed(*lines: bytes) -> AsyncIterator[bytes]:
    for line in lines:
        yield line


async def test_images_come_from_the_local_registry(runtime: CriRuntime) -> None:
    image = await runtime.pull_image("wilhelmguo/nginx-hello:v1")
    found = await runtime.image_status("wilhelmguo/nginx-hello:v1")
    assert found is not None and found.id == image
    assert found.tags == ("docker.io/wilhelmguo/nginx-hello:v1",)
    assert await runtime.image_status("nosuch:v1") is None
    assert image in [listed.id for listed in await runtime.list_images()]


@pytest.mark.parametrize(
    ("image", "ports", "said"),
    [
        ("wilhelmguo/nginx-hello:v1", (80,), b"Server name: web"),
        ("hello-node:v1", (8080, 3000), b"Hello World!"),
        ("hello-node:v2", (8080, 3000), b"Hello World Again!"),
    ],
)
async def test_the_images_do_what_the_tutorials_show(
    nodes: Nodes, runtime: CriRuntime, image: str, ports: tuple[int, ...], said: bytes
) -> None:
    pod = Pod(nodes, 0, runtime, await runtime.pull_image(image))
    await pod.start()
    container = await pod.container("main")
    for port in ports:
        await pod.serves(port)
        fetched = await runtime.exec_sync(container, ["wget", "-qO-", f"http://{pod.ip}:{port}/"], 10)
        assert said in fetched.stdout
    if image.startswith("hello-node"):
        assert (pod.logs / "main/0.log").read_text().count("stdout F Received request for URL: /\n") == len(ports)
    await pod.remove()


async def test_an_archive_is_loaded(nodes: Nodes, runtime: CriRuntime, tmp_path: Path) -> None:
    save(nodes.images.layout, ["docker.io/library/busybox:stable"], tmp_path / "busybox.tar")
    assert load(DRIVER, nodes.specs[0], tmp_path / "busybox.tar") == ("docker.io/library/busybox:stable",)
    assert await runtime.image_status("busybox:stable") is not None
    (tmp_path / "nonsense.tar").write_bytes(b"nonsense")
    for wrong in ("nonsense.tar", "nothing.tar"):
        with pytest.raises(LaunchError, match=wrong):
            load(DRIVER, nodes.specs[0], tmp_path / wrong)


async def test_an_image_that_nobody_has_is_not_found(runtime: CriRuntime) -> None:
    with pytest.raises(ImagePullError, match=r"code = NotFound .*nosuch:v1: not found") as raised:
        await runtime.pull_image("nosuch:v1")
    assert raised.value.reason == "ErrImagePull"
    with pytest.raises(ImagePullError) as raised:
        await runtime.pull_image("Not A Name")
    assert raised.value.reason == "InvalidImageName"


async def test_a_pod_serves_and_the_host_reaches_it(nodes: Nodes, pod: Pod) -> None:
    nginx = await pod.container("nginx")
    status = await pod.runtime.container_status(nginx)
    assert (status.phase, status.name, status.sandbox_id) == (ContainerPhase.RUNNING, "nginx", pod.sandbox)
    await pod.serves()
    fetched = await pod.runtime.exec_sync(nginx, ["wget", "-T", "5", "-qO-", f"http://{pod.ip}/"], 10)
    assert fetched.exit_code == 0 and b"Welcome to nginx!" in fetched.stdout
    assert (pod.logs / "nginx/0.log").read_text().count("GET / HTTP/1.1") == 1
    with network(HOST_NETWORK), socket.create_connection((pod.ip, 80), 5) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"Welcome to nginx!" in client.makefile("rb").read()
    (stats,) = await pod.runtime.container_stats(pod.uid)
    assert stats.id == nginx and stats.cpu_nanos > 0 and stats.memory_working_set_bytes > 0


async def test_processes_in_containers(pod: Pod) -> None:
    container = await pod.container("sleeper", "sleep", "60")
    execute = pod.runtime.exec_sync
    done = await execute(container, ["sh", "-c", "hostname; echo bad >&2; exit 3"], 10)
    assert (done.stdout, done.stderr, done.exit_code) == (b"web\n", b"bad\n", 3)
    with pytest.raises(ExecTimeout):
        await execute(container, ["sleep", "30"], 1)
    with pytest.raises(NotFoundInRuntime):
        await execute("nosuch", ["true"], 1)


async def test_streamed_exec(pod: Pod) -> None:
    container = await pod.container("sleeper", "sleep", "60")
    seen = Terminal()
    streams = Streams(typed(b"x" * 70000, b"y"), seen.write_out, seen.write_err)
    code = await pod.runtime.exec(container, ["sh", "-c", "cat; echo done >&2; exit 5"], streams)
    assert (code, len(seen.out), bytes(seen.out[-1:]), bytes(seen.err)) == (5, 70001, b"y", b"done\n")
    with pytest.raises(RuntimeFault, match="executable file not found"):
        await pod.runtime.exec(container, ["nosuch"], Streams(None, seen.write_out))

    async def keyboard() -> AsyncIterator[bytes]:
        await until(lambda: b"# " in screen.out)
        yield b"stty size; exit 4\n"
        await asyncio.Event().wait()

    async def window() -> AsyncIterator[TerminalSize]:
        yield TerminalSize(132, 43)
        await asyncio.Event().wait()

    screen = Terminal()
    async with asyncio.timeout(10):
        code = await pod.runtime.exec(container, ["sh"], Streams(keyboard(), screen.write_out, None, window(), True))
    assert code == 4 and b"43 132" in screen.out


async def test_attach_joins_the_containers_own_process(pod: Pod) -> None:
    container = await pod.container("reader", "sh", "-c", "read line; echo got:$line; sleep 0.5", stdin=True)
    seen = Terminal()

    async def keyboard() -> AsyncIterator[bytes]:
        yield b"hello\n"
        await asyncio.Event().wait()  # a client that hangs up would be detached

    async with asyncio.timeout(10):
        await pod.runtime.attach(container, Streams(keyboard(), seen.write_out, seen.write_err))
    assert bytes(seen.out) == b"got:hello\n"
    assert (await pod.exited(container)).exit_code == 0


async def test_port_forward(pod: Pod) -> None:
    await pod.container("nginx")
    await pod.serves()
    seen = Terminal()
    await pod.runtime.port_forward(pod.sandbox, 80, typed(b"GET / HTTP/1.0\r\n\r\n"), seen.write_out)
    assert seen.out.startswith(b"HTTP/1.1 200 OK")
    with pytest.raises(RuntimeFault, match="connection refused"):
        await pod.runtime.port_forward(pod.sandbox, 81, typed(), seen.write_out)


async def test_endings_are_reported(pod: Pod) -> None:
    killed = await pod.exited(await pod.container("greedy", "sh", "-c", "tail /dev/zero", memory=32 << 20))
    assert (killed.exit_code, killed.reason) == (137, "OOMKilled")
    failed = await pod.exited(await pod.container("failing", "sh", "-c", "exit 7"))
    assert (failed.exit_code, failed.reason) == (7, "Error")
    # The runtime takes the two times in different places: a process that ends at once may seem to end first.
    assert failed.started_at > 0
    assert failed.finished_at > failed.started_at - 1
    wrong = await pod.container("wrong", "/nosuch", start=False)
    with pytest.raises(StartError, match="no such file or directory"):
        await pod.runtime.start_container(wrong)
    assert (await pod.runtime.container_status(wrong)).reason == "StartError"


async def test_logs_survive_rotation(pod: Pod) -> None:
    container = await pod.container("talker", "sh", "-c", "echo one; sleep 60")
    log = pod.logs / "talker/0.log"
    await until(lambda: "one" in log.read_text())
    log.rename(log.with_suffix(".old"))
    await pod.runtime.reopen_container_log(container)
    written = await pod.runtime.exec_sync(container, ["sh", "-c", "echo three > /proc/1/fd/1"], 5)
    assert written.exit_code == 0
    await until(lambda: log.exists() and "three" in log.read_text())
    stamp, stream, whole, text = log.read_text().splitlines()[-1].split(" ", 3)
    assert (stream, whole, text) == ("stdout", "F", "three") and stamp.endswith("Z")


async def test_changes_are_told_as_they_happen(pod: Pod) -> None:
    seen: list[RuntimeEvent] = []
    container = await pod.container("brief", "sh", "-c", "sleep 0.2; exit 0", start=False)

    async def watch() -> None:
        async for event in pod.runtime.events():
            if event.container_id == container:
                seen.append(event)
                if event.kind is EventKind.STOPPED:
                    return

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        await asyncio.sleep(0.1)
        await pod.runtime.start_container(container)
    assert [event.kind for event in seen] == [EventKind.CREATED, EventKind.STARTED, EventKind.STOPPED]
    assert {event.pod_uid for event in seen} == {pod.uid}


async def test_pods_of_two_nodes_reach_each_other(nodes: Nodes, pod: Pod) -> None:
    other_runtime = nodes.runtime(1)
    other = Pod(nodes, 1, other_runtime, await other_runtime.pull_image("nginx:alpine"))
    await other.start()
    await other.container("nginx")
    await other.serves()
    client = await pod.container("client", "sleep", "60")
    fetched = await pod.runtime.exec_sync(client, ["wget", "-T", "5", "-qO-", f"http://{other.ip}/"], 10)
    assert b"Welcome to nginx!" in fetched.stdout
    log = (other.logs / "nginx/0.log").read_text()
    assert f" {pod.ip} " in log, "the source address is the pod's own"
    await other.remove()
    await other_runtime.close()


async def test_the_runtime_may_be_away(tmp_path: Path) -> None:
    runtime = CriRuntime(str(tmp_path / "nothing.sock"), RealClock())
    with pytest.raises(RuntimeUnavailable):
        await runtime.version()
    await runtime.close()


def test_a_node_port_answers_on_the_hosts_loopback(nodes: Nodes) -> None:
    """The proxy of a node and the control plane's claims are other parts: here a listener on the node stands for
    a NodePort that was claimed."""
    hostnet.nft(hostports.change([hostports.Port("tcp", 30980)], (), nodes.specs[0].ip))
    script = "printf 'HTTP/1.0 200 OK\\r\\n\\r\\nnode port' | busybox nc -l -p 30980"
    with subprocess.Popen(DRIVER.enter(nodes.specs[0], ["timeout", "10", "sh", "-c", script])) as listener:
        assert process.wait_for(lambda: listens(nodes.specs[0], 30980), 5)
        with socket.create_connection(("127.0.0.1", 30980), 5) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"node port" in client.makefile("rb").read()
        assert listener.wait(10) == 0


def test_nodes_are_told_apart_inside(nodes: Nodes) -> None:
    for spec in nodes.specs:
        said = DRIVER.run(spec, ["sh", "-c", "hostname; cat /etc/hostname; ps -e -o pid=,comm= | head -1"])
        assert said.stdout.decode().split() == [spec.name, spec.name, "1", "tini"]
    DRIVER.run(nodes.specs[0], ["sh", "-c", "echo mine > /var/lib/mark"])
    assert DRIVER.run(nodes.specs[1], ["cat", "/var/lib/mark"]).returncode != 0
    assert not Path("/var/lib/mark").exists()
    assert DRIVER.run(nodes.specs[0], ["cat"], stdin=b"piped").stdout == b"piped"


def test_start_again_changes_nothing(nodes: Nodes) -> None:
    pids = [nodes.init_pid(0), nodes.init_pid(1)]
    nodes.up()
    assert [nodes.init_pid(0), nodes.init_pid(1)] == pids


def test_services_come_back_and_stop_for_good(nodes: Nodes) -> None:
    spec = nodes.specs[0]
    DRIVER.start_service(spec, Service("echo", ("sh", "-c", "echo $WORD; sleep 60"), {"WORD": "spoken"}))
    log = spec.logs / "echo.log"
    assert process.wait_for(lambda: "spoken" in log.read_text(), 5)
    assert DRIVER.service_running(spec, "echo")
    DRIVER.stop_service(spec, "echo")
    assert not DRIVER.service_running(spec, "echo")
    assert process.with_argument([str(log)]) == []


async def test_a_killed_node_comes_back_with_its_disk(nodes: Nodes) -> None:
    spec, peer = nodes.specs[1], nodes.specs[0]
    runtime = nodes.runtime(1)
    pod = Pod(nodes, 1, runtime, await runtime.pull_image("nginx:alpine"))
    await pod.start()
    container = await pod.container("nginx")
    await runtime.close()
    os.kill(nodes.init_pid(1), signal.SIGKILL)
    assert process.wait_for(lambda: DRIVER.status(spec) is NodeState.STOPPED, 5)
    with pytest.raises(LaunchError, match="not running"):
        DRIVER.enter(spec, ["true"])
    DRIVER.start(spec, [peer])
    assert DRIVER.status(spec) is NodeState.RUNNING
    runtime = nodes.runtime(1)
    await answering(runtime)
    assert (await runtime.container_status(container)).phase is ContainerPhase.EXITED
    assert await runtime.image_status("nginx:alpine") is not None
    await runtime.stop_pod_sandbox(pod.sandbox)
    await runtime.remove_pod_sandbox(pod.sandbox)
    await runtime.close()


def test_what_a_dead_launcher_left_is_cleaned(tmp_path: Path, nodes: Nodes) -> None:
    """Half a start: processes without a pid file, a cable, a cgroup; the next start takes over."""
    spec = NodeSpec(nodes.network, "half", 7, tmp_path / "half")
    before = inventory(PROFILE, nodes.directory)
    DRIVER.start(spec)
    (spec.directory / "init.pid").unlink()
    assert DRIVER.status(spec) is NodeState.STOPPED
    DRIVER.start(spec)
    assert DRIVER.status(spec) is NodeState.RUNNING
    assert len(process.with_argument([str(spec.directory / "init")])) == 1
    (spec.directory / "init.pid").unlink()
    DRIVER.delete(spec)
    assert DRIVER.status(spec) is NodeState.ABSENT
    after = inventory(PROFILE, nodes.directory)
    assert (after.interfaces, after.mounts, after.cgroups) == (before.interfaces, before.mounts, before.cgroups)
    assert inventory("none", spec.directory).processes == frozenset()
