"""A container runtime without containers: state in memory, time from the event loop, behaviour by script.

For simulations and tests of the kubelet. It does no I/O and starts no timer for a container that just
runs; a whole cluster of fake nodes costs only what happens in it. All state is frozen values in
dictionaries, so that `snapshot` is cheap and a cluster can be copied in the midst of things.

It is also the prober of its containers (`navarch.node.probes.Prober`), as no probe could reach them.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from navarch.api.views.pod import Probe
from navarch.base.times import format_micro
from navarch.node.host.memory import NO_LOAD, Disk, Load, MemoryHost
from navarch.node.labels import TERMINATION_MESSAGE_PATH
from navarch.node.memory import Kind
from navarch.node.probes import Answer, Target
from navarch.node.runtime.contract import (
    ContainerConfig,
    ContainerPhase,
    ContainerStats,
    ContainerStatus,
    EventKind,
    ExecResult,
    ImagePullError,
    ImageRef,
    LinuxResources,
    NotFoundInRuntime,
    RegistryAuth,
    RuntimeCondition,
    RuntimeEvent,
    SandboxConfig,
    SandboxState,
    SandboxStatus,
    StartError,
    Streams,
    Version,
)
from navarch.node.runtime.fake_process import Processes
from navarch.node.runtime.fake_usage import Meter, Readings
from navarch.node.runtime.script import PYTHON_IMAGE, Process, Script, Scripts
from navarch.seams.contract import Clock

#: Exit codes of a process that SIGTERM ended in time, and of one that SIGKILL had to end.
TERMINATED, KILLED = 0, 137
IMAGE_BYTES = 10 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A fake runtime's whole state at one instant."""

    sandboxes: Mapping[str, tuple[SandboxStatus, SandboxConfig]]
    containers: Mapping[str, tuple[ContainerStatus, ContainerConfig]]
    images: Mapping[str, ImageRef]
    exits: Mapping[str, tuple[float, int]]
    starts: Mapping[tuple[str, str], int]
    made: int
    next_ip: int
    free_ips: tuple[int, ...]
    readings: Readings
    gone_nanos: int


class FakeRuntime:
    """Implements `Runtime` and `Prober`. `cidrs` are the node's pod ranges, `host` takes the logs."""

    complete_events = True

    def __init__(
        self,
        node: str,
        clock: Clock,
        cidrs: Sequence[str],
        scripts: Scripts | None = None,
        host: MemoryHost | None = None,
    ) -> None:
        self.scripts = scripts or Scripts()
        self.host = host or MemoryHost()
        self._node = node
        self._clock = clock
        self._networks = [ipaddress.ip_network(c) for c in cidrs]
        self._addresses = min((n.num_addresses for n in self._networks), default=0) - 1
        self._sandboxes: dict[str, tuple[SandboxStatus, SandboxConfig]] = {}
        self._containers: dict[str, tuple[ContainerStatus, ContainerConfig]] = {}
        self._by_pod: dict[str, tuple[list[str], list[str]]] = {}
        self._images: dict[str, ImageRef] = {}
        self._exits: dict[str, tuple[float, int]] = {}
        self._meter = Meter()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._starts: dict[tuple[str, str], int] = {}
        self._made = 0
        self._next_ip = 2
        self._free_ips: list[int] = []
        self._watchers: list[asyncio.Queue[RuntimeEvent | None]] = []
        self._processes = Processes(self._ended)
        self.host.load = self._load

    # --- the machine

    async def version(self) -> Version:
        return Version("fake", "1.0.0")

    async def status(self) -> Sequence[RuntimeCondition]:
        return (RuntimeCondition("RuntimeReady", True), RuntimeCondition("NetworkReady", True))

    async def close(self) -> None:
        """End all processes and timers; the state stays."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await self._processes.close()
        for watcher in self._watchers:
            watcher.put_nowait(None)

    def power_off(self) -> None:
        """The machine loses power: nothing runs any more. Images and the record of addresses are on its disk."""
        for container_id in list(self._containers):
            self._silence(container_id)
        for status, _ in self._sandboxes.values():
            self._release(status)
        self._sandboxes.clear()
        self._containers.clear()
        self._by_pod.clear()
        self._starts.clear()
        self._meter = Meter()
        self.host.restore(Disk())

    # --- images

    async def pull_image(
        self, image: str, auth: RegistryAuth | None = None, sandbox: SandboxConfig | None = None
    ) -> str:
        script = self.scripts.for_image(image)
        if sandbox is not None:
            script = self.scripts.find(image, sandbox.namespace, sandbox.name, sandbox.annotations)
        if script.pull_s:
            await asyncio.sleep(script.pull_s)
        if script.pull_error:
            raise ImagePullError(script.pull_error)
        held = self._images.get(image)
        if held is None:
            digest = f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"
            repository = image.split("@")[0].rsplit(":", 1)[0]
            held = ImageRef(digest, (image,), (f"{repository}@{digest}",), IMAGE_BYTES)
            self._images[image] = held
        return held.id

    async def image_status(self, image: str) -> ImageRef | None:
        held = self._images.get(image)
        if held is None and image.startswith(PYTHON_IMAGE):
            await self.pull_image(image)
            held = self._images[image]
        return held or next((i for i in self._images.values() if i.id == image), None)

    async def list_images(self) -> Sequence[ImageRef]:
        return list(self._images.values())

    async def remove_image(self, image_id: str) -> None:
        for name in [name for name, image in self._images.items() if image.id == image_id]:
            del self._images[name]

    # --- sandboxes

    async def run_pod_sandbox(self, config: SandboxConfig) -> str:
        sandbox_id = self._new_id()
        on_host = config.network.value == "NODE"
        status = SandboxStatus(
            id=sandbox_id,
            pod_uid=config.uid,
            pod_name=config.name,
            pod_namespace=config.namespace,
            attempt=config.attempt,
            state=SandboxState.READY,
            created_at=self._clock.now(),
            ips=() if on_host else self._take_ips(),
            labels=config.labels,
            annotations=config.annotations,
            network=config.network,
        )
        self._sandboxes[sandbox_id] = (status, config)
        self._pod(config.uid)[0].append(sandbox_id)
        self._tell(EventKind.STARTED, sandbox_id, config.uid)
        return sandbox_id

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        found = self._sandboxes.get(sandbox_id)
        if found is None or found[0].state is SandboxState.NOT_READY:
            return
        status, config = found
        for container_id in list(self._pod(config.uid)[1]):
            if self._containers[container_id][0].sandbox_id == sandbox_id:
                self._ended(container_id, KILLED)
        self._release(status)
        self._sandboxes[sandbox_id] = (structs.replace(status, state=SandboxState.NOT_READY, ips=()), config)
        self._tell(EventKind.STOPPED, sandbox_id, config.uid)

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        await self.stop_pod_sandbox(sandbox_id)
        found = self._sandboxes.pop(sandbox_id, None)
        if found is None:
            return
        uid = found[1].uid
        for container_id in list(self._pod(uid)[1]):
            if self._containers[container_id][0].sandbox_id == sandbox_id:
                self._forget(container_id)
        self._pod(uid)[0].remove(sandbox_id)
        self._drop_empty(uid)
        self._tell(EventKind.DELETED, sandbox_id, uid)

    async def list_sandboxes(self, pod_uid: str = "") -> Sequence[SandboxStatus]:
        ids: Iterable[str] = self._by_pod.get(pod_uid, ([], []))[0] if pod_uid else self._sandboxes
        return [self._sandboxes[i][0] for i in ids]

    async def sandbox_status(self, sandbox_id: str) -> SandboxStatus:
        found = self._sandboxes.get(sandbox_id)
        if found is None:
            raise NotFoundInRuntime(f"an error occurred when try to find sandbox: not found: {sandbox_id}")
        return found[0]

    # --- containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig) -> str:
        container_id = self._new_id()
        owner = (await self.sandbox_status(sandbox_id)).pod_uid
        image = next((i for i in self._images.values() if i.id == config.image), None)
        status = ContainerStatus(
            id=container_id,
            sandbox_id=sandbox_id,
            pod_uid=owner,
            name=config.name,
            attempt=config.attempt,
            phase=ContainerPhase.CREATED,
            created_at=self._clock.now(),
            image=config.image_spec,
            image_id=image.digests[0] if image else config.image,
            log_path=f"{sandbox.log_directory}/{config.log_path}",
            labels=config.labels,
            annotations=config.annotations,
        )
        self._containers[container_id] = (status, config)
        self._pod(owner)[1].append(container_id)
        return container_id

    async def start_container(self, container_id: str) -> None:
        status, config = self._container(container_id)
        script = self._script(container_id)
        if script.start_s:
            await asyncio.sleep(script.start_s)
        if script.start_error:
            self._change(container_id, phase=ContainerPhase.EXITED, exit_code=128, reason="StartError")
            self._change(container_id, finished_at=self._clock.now(), message=script.start_error)
            raise StartError(script.start_error)
        self._change(container_id, phase=ContainerPhase.RUNNING, started_at=self._clock.now())
        self.host.append(status.log_path, b"")
        for line in script.log:
            self._log(container_id, line)
        self._tell(EventKind.STARTED, container_id, status.pod_uid)
        self._run(container_id, config, script)

    def _run(self, container_id: str, config: ContainerConfig, script: Script) -> None:
        main = self.scripts.main(config.image_spec)
        status = self._containers[container_id][0]
        sandbox = self._sandboxes[status.sandbox_id][0]
        if main is not None:
            process = Process(
                sandbox.pod_name, sandbox.pod_namespace, config.name, config.args, dict(config.env), sandbox.ips
            )
            process.write = lambda line: self._log(container_id, line)
            self._processes.start(container_id, main, process)
        key = (status.pod_uid, config.name)
        self._starts[key] = started = self._starts.get(key, 0) + 1
        if script.exit_after_s is not None and (script.exit_times is None or started <= script.exit_times):
            code = KILLED if script.oom else script.exit_code
            self._exit_at(container_id, self._clock.now() + script.exit_after_s, code)

    async def stop_container(self, container_id: str, grace_s: float) -> None:
        found = self._containers.get(container_id)
        if found is None or found[0].phase is not ContainerPhase.RUNNING:
            return
        takes = self._script(container_id).stop_s
        if takes:
            await asyncio.sleep(min(takes, grace_s))
        self._ended(container_id, KILLED if takes > grace_s else TERMINATED)

    async def remove_container(self, container_id: str) -> None:
        if container_id not in self._containers:
            return
        uid = self._containers[container_id][0].pod_uid
        self._ended(container_id, KILLED)
        self._forget(container_id)
        self._drop_empty(uid)
        self._tell(EventKind.DELETED, container_id, uid)

    async def list_containers(self, pod_uid: str = "") -> Sequence[ContainerStatus]:
        ids: Iterable[str] = self._by_pod.get(pod_uid, ([], []))[1] if pod_uid else self._containers
        return [self._containers[i][0] for i in ids]

    async def container_status(self, container_id: str) -> ContainerStatus:
        return self._container(container_id)[0]

    async def update_container_resources(self, container_id: str, resources: LinuxResources) -> None:
        status, config = self._container(container_id)
        self._containers[container_id] = (status, structs.replace(config, resources=resources))

    async def reopen_container_log(self, container_id: str) -> None:
        self.host.append(self._container(container_id)[0].log_path, b"")

    # --- what happens to containers by themselves, or because a test says so

    def crash(self, namespace: str, pod: str, container: str = "", *, exit_code: int = 1, oom: bool = False) -> None:
        """End the running containers of a pod (or one of them) now."""
        for status, _ in list(self._containers.values()):
            sandbox = self._sandboxes[status.sandbox_id][0]
            if (sandbox.pod_namespace, sandbox.pod_name) != (namespace, pod) or container not in ("", status.name):
                continue
            self._ended(status.id, KILLED if oom else exit_code, oom=oom)

    def _exit_at(self, container_id: str, when: float, code: int) -> None:
        self._exits[container_id] = (when, code)
        delay = max(when - self._clock.now(), 0.0)
        loop = asyncio.get_running_loop()
        oom = self._script(container_id).oom
        self._timers[container_id] = loop.call_later(delay, lambda: self._ended(container_id, code, oom=oom))

    def _ended(self, container_id: str, code: int, *, oom: bool = False) -> None:
        found = self._containers.get(container_id)
        if found is None or found[0].phase is not ContainerPhase.RUNNING:
            return
        self._silence(container_id)
        self._meter.ended(container_id)
        reason = "OOMKilled" if oom else "Completed" if code == 0 else "Error"
        self._change(
            container_id, phase=ContainerPhase.EXITED, exit_code=code, reason=reason, finished_at=self._clock.now()
        )
        script = self._script(container_id)
        if script.termination_message:
            self._leave_message(found[1], script.termination_message)
        self._tell(EventKind.STOPPED, container_id, found[0].pod_uid)

    def _silence(self, container_id: str) -> None:
        """Nothing more comes from this container by itself."""
        self._exits.pop(container_id, None)
        for key in (container_id, *(f"{container_id} {kind.value}" for kind in Kind)):
            timer = self._timers.pop(key, None)
            if timer is not None:
                timer.cancel()
        self._processes.stop(container_id)

    def _leave_message(self, config: ContainerConfig, message: str) -> None:
        path = config.annotations.get(TERMINATION_MESSAGE_PATH, "")
        for mount in config.mounts:
            if mount.container_path == path:
                self.host.write_file(mount.host_path, message.encode())

    # --- processes and probes

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_s: float) -> ExecResult:
        self._container(container_id)
        output, code = self._script(container_id).exec.get(" ".join(command), ("", 0))
        return ExecResult(output.encode(), b"", code)

    async def exec(self, container_id: str, command: Sequence[str], streams: Streams) -> int:
        result = await self.exec_sync(container_id, command, 0)
        if streams.stdout is not None and result.stdout:
            await streams.stdout(result.stdout)
        return result.exit_code

    async def attach(self, container_id: str, streams: Streams) -> None:
        self._container(container_id)

    async def port_forward(
        self,
        sandbox_id: str,
        port: int,
        incoming: AsyncIterator[bytes],
        outgoing: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """Answers every request that comes in with the script's HTTP answer."""
        sandbox = await self.sandbox_status(sandbox_id)
        async for _ in incoming:
            status, body = self.http(sandbox.ips[0] if sandbox.ips else "")
            head = f"HTTP/1.1 {status} OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            await outgoing(head.encode() + body)
            return

    def http(self, ip: str) -> tuple[int, bytes]:
        """What an HTTP server in the pod with this address answers. Raises: ConnectionRefusedError."""
        for status, _ in self._containers.values():
            if status.phase is ContainerPhase.RUNNING and ip in self._sandboxes[status.sandbox_id][0].ips:
                script = self._script(status.id)
                return script.http_status, script.http_body.encode()
        raise ConnectionRefusedError(111, "Connection refused", ip)

    async def probe(self, target: Target, kind: Kind, probe: Probe) -> Answer:
        """Healthy or not by the script's times."""
        script = self._script(target.container_id)
        up_s = self._clock.now() - target.started_at
        self._expect(target.container_id, kind, script, up_s, probe)
        if kind is Kind.READINESS:
            gone = script.unready_after_s is not None and up_s >= script.unready_after_s
            success = up_s >= script.ready_after_s and not gone
        elif kind is Kind.STARTUP:
            success = up_s >= script.started_after_s
        else:
            success = script.dead_after_s is None or up_s < script.dead_after_s
        return Answer(success, "" if success else "HTTP probe failed with statuscode: 503")

    def _expect(self, container_id: str, kind: Kind, script: Script, up_s: float, probe: Probe) -> None:
        """Hold a timer until the change of answer that the script foresees has been noticed: steady probes
        are routine, but this one is still to tell something."""
        foreseen = {
            Kind.READINESS: (script.ready_after_s, script.unready_after_s),
            Kind.STARTUP: (script.started_after_s,),
            Kind.LIVENESS: (script.dead_after_s,),
        }[kind]
        to_come = [after_s for after_s in foreseen if after_s is not None and after_s > up_s]
        key = f"{container_id} {kind.value}"
        if not to_come or key in self._timers:
            return
        tries = max(probe.successThreshold or 1, probe.failureThreshold or 3) + 1
        noticed = max(to_come) - up_s + tries * (probe.periodSeconds or 10)
        self._timers[key] = asyncio.get_running_loop().call_later(noticed, self._timers.pop, key, None)

    async def http_hook(self, url: str, headers: tuple[tuple[str, str], ...]) -> None:
        """Every hook is answered."""

    # --- observation

    async def container_stats(self, pod_uid: str = "", *, disk: bool = False) -> Sequence[ContainerStats]:
        ids = self._by_pod.get(pod_uid, ([], []))[1] if pod_uid else list(self._containers)
        return self._measured(ids)

    def _measured(self, ids: Iterable[str]) -> list[ContainerStats]:
        now, running = self._clock.now(), (self._containers[i][0] for i in ids)
        return [
            self._meter.read(status, self._script(status.id), now)
            for status in running
            if status.phase is ContainerPhase.RUNNING
        ]

    def _load(self) -> Load:
        """What all containers use, for the machine."""
        return self._meter.total(self._measured(self._containers)) if self.scripts.consuming else NO_LOAD

    async def events(self) -> AsyncIterator[RuntimeEvent]:
        queue: asyncio.Queue[RuntimeEvent | None] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._watchers.remove(queue)

    # --- copying

    def snapshot(self) -> Snapshot:
        """The state now. Processes that are Python callables are not part of it."""
        return Snapshot(
            dict(self._sandboxes),
            dict(self._containers),
            dict(self._images),
            dict(self._exits),
            dict(self._starts),
            self._made,
            self._next_ip,
            tuple(self._free_ips),
            dict(self._meter.readings),
            self._meter.gone_nanos,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a snapshot, on a running loop: exits that were due come at the same time, Python
        callables start from the beginning."""
        self._sandboxes = dict(snapshot.sandboxes)
        self._containers = dict(snapshot.containers)
        self._images = dict(snapshot.images)
        self._starts = dict(snapshot.starts)
        self._meter.readings, self._meter.gone_nanos = dict(snapshot.readings), snapshot.gone_nanos
        self._made, self._next_ip, self._free_ips = snapshot.made, snapshot.next_ip, list(snapshot.free_ips)
        self._by_pod = {}
        for sandbox_id, (sandbox, _) in self._sandboxes.items():
            self._pod(sandbox.pod_uid)[0].append(sandbox_id)
        for container_id, (status, config) in self._containers.items():
            self._pod(status.pod_uid)[1].append(container_id)
            if status.phase is ContainerPhase.RUNNING and self.scripts.main(config.image_spec) is not None:
                self._run(container_id, config, replace(self._script(container_id), exit_after_s=None))
        for container_id, (when, code) in snapshot.exits.items():
            self._exit_at(container_id, when, code)

    # --- the state

    def _container(self, container_id: str) -> tuple[ContainerStatus, ContainerConfig]:
        found = self._containers.get(container_id)
        if found is None:
            raise NotFoundInRuntime(f"an error occurred when try to find container: not found: {container_id}")
        return found

    def _script(self, container_id: str) -> Script:
        status, config = self._container(container_id)
        sandbox = self._sandboxes[status.sandbox_id][0]
        return self.scripts.find(config.image_spec, sandbox.pod_namespace, sandbox.pod_name, sandbox.annotations)

    def _change(self, container_id: str, **changes: object) -> None:
        status, config = self._containers[container_id]
        self._containers[container_id] = (structs.replace(status, **changes), config)

    def _forget(self, container_id: str) -> None:
        status, _ = self._containers.pop(container_id)
        self._pod(status.pod_uid)[1].remove(container_id)

    def _pod(self, uid: str) -> tuple[list[str], list[str]]:
        return self._by_pod.setdefault(uid, ([], []))

    def _drop_empty(self, uid: str) -> None:
        if uid in self._by_pod and not any(self._by_pod[uid]):
            del self._by_pod[uid]

    def _new_id(self) -> str:
        self._made += 1
        return hashlib.sha256(f"{self._node}/{self._made}".encode()).hexdigest()

    def _take_ips(self) -> tuple[str, ...]:
        """The next address of each range. Freed ones are used again only when the range is through."""
        if self._next_ip < self._addresses:
            offset = self._next_ip
            self._next_ip += 1
        else:
            offset = self._free_ips.pop(0)
        return tuple(str(n.network_address + offset) for n in self._networks)

    def _release(self, sandbox: SandboxStatus) -> None:
        if sandbox.ips:
            address = ipaddress.ip_address(sandbox.ips[0])
            self._free_ips.append(int(address) - int(self._networks[0].network_address))

    def _log(self, container_id: str, line: str) -> None:
        path = self._containers[container_id][0].log_path
        stamp = format_micro(self._clock.now()).replace("Z", "000Z")
        self.host.append(path, f"{stamp} stdout F {line}\n".encode())

    def _tell(self, kind: EventKind, container_id: str, uid: str) -> None:
        for watcher in self._watchers:
            watcher.put_nowait(RuntimeEvent(kind, container_id, uid))
