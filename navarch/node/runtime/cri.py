"""The runtime contract on containerd, through CRI v1.

The kubelet core is its only user. It must run in the node's network namespace, where containerd's
streaming server listens on loopback. gRPC's event loop is the real one: this is never part of a
simulation. What containerd 1.6 lacks is done otherwise: changes come from containerd's own event
stream instead of GetContainerEvents, statistics from cgroup files instead of ListPodSandboxStats.

Whose pod an event belongs to is remembered from listings and creations, so that one pod is looked at
again rather than all.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import grpc.aio
from google.protobuf.message import Message

from navarch.node.host.disk import writable_layers
from navarch.node.runtime import cri_convert as convert
from navarch.node.runtime.contract import (
    POD_UID,
    ContainerConfig,
    ContainerStats,
    ContainerStatus,
    CreateError,
    EventKind,
    ExecResult,
    ExecTimeout,
    ImagePullError,
    ImageRef,
    LinuxResources,
    RegistryAuth,
    RuntimeCondition,
    RuntimeEvent,
    RuntimeFault,
    SandboxConfig,
    SandboxError,
    SandboxStatus,
    StartError,
    Streams,
    Version,
)
from navarch.node.runtime.cri_errors import translated
from navarch.node.runtime.cri_pb import cri_pb2 as pb
from navarch.node.runtime.cri_pb import events_pb2
from navarch.node.runtime.cri_stats import read_usage
from navarch.node.runtime.cri_streams import forward_port, run_command
from navarch.seams.contract import Clock

#: As the kubelet's runtimeRequestTimeout.
REQUEST_TIMEOUT_S = 120.0
#: What containerd says when a container's shim is gone that it was about to tell something.
SHIM_GONE = "ttrpc: closed"
STOP_ATTEMPTS = 5
STOP_RETRY_S = 0.1
MAX_MESSAGE_BYTES = 16 << 20
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
EVENT_FILTER = 'namespace==k8s.io,topic~="^/tasks/"'
_EVENT_KINDS = {
    "/tasks/create": EventKind.CREATED,
    "/tasks/start": EventKind.STARTED,
    "/tasks/exit": EventKind.STOPPED,
    "/tasks/delete": EventKind.DELETED,
}

M = TypeVar("M", bound=Message)


class CriRuntime:
    """Implements `contract.Runtime` over the CRI socket at `socket`, a path."""

    complete_events = False

    def __init__(self, socket: str, clock: Clock) -> None:
        self._channel = grpc.aio.insecure_channel(f"unix://{socket}", options=CHANNEL_OPTIONS)
        self._clock = clock
        self._pod_of: dict[str, str] = {}
        self._sandbox_of: dict[str, str] = {}
        self._cgroup_of: dict[str, str] = {}

    async def version(self) -> Version:
        found = await self._runtime("Version", pb.VersionRequest(version="v1"), pb.VersionResponse)
        return Version(found.runtime_name, found.runtime_version, found.runtime_api_version)

    async def status(self) -> Sequence[RuntimeCondition]:
        found = await self._runtime("Status", pb.StatusRequest(), pb.StatusResponse)
        return [RuntimeCondition(c.type, c.status, c.reason, c.message) for c in found.status.conditions]

    # --- images

    async def pull_image(
        self, image: str, auth: RegistryAuth | None = None, sandbox: SandboxConfig | None = None
    ) -> str:
        request = pb.PullImageRequest(
            image=pb.ImageSpec(image=image),
            auth=convert.auth_message(auth),
            sandbox_config=convert.sandbox_message(sandbox) if sandbox else None,
        )
        # No time limit: how long a pull takes is the registry's business.
        found = await self._images("PullImage", request, pb.PullImageResponse, ImagePullError, timeout_s=None)
        return found.image_ref

    async def image_status(self, image: str) -> ImageRef | None:
        request = pb.ImageStatusRequest(image=pb.ImageSpec(image=image))
        found = await self._images("ImageStatus", request, pb.ImageStatusResponse)
        return convert.image_ref(found.image) if found.HasField("image") else None

    async def list_images(self) -> Sequence[ImageRef]:
        found = await self._images("ListImages", pb.ListImagesRequest(), pb.ListImagesResponse)
        return [convert.image_ref(image) for image in found.images]

    async def remove_image(self, image_id: str) -> None:
        request = pb.RemoveImageRequest(image=pb.ImageSpec(image=image_id))
        await self._images("RemoveImage", request, pb.RemoveImageResponse)

    # --- sandboxes

    async def run_pod_sandbox(self, config: SandboxConfig) -> str:
        request = pb.RunPodSandboxRequest(
            config=convert.sandbox_message(config), runtime_handler=config.runtime_handler
        )
        # containerd makes the name unique per attempt, so a retry after a time-out cannot make a second one.
        found = await self._runtime("RunPodSandbox", request, pb.RunPodSandboxResponse, SandboxError)
        self._pod_of[found.pod_sandbox_id] = config.uid
        return found.pod_sandbox_id

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        request = pb.StopPodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._stop("StopPodSandbox", request, pb.StopPodSandboxResponse, REQUEST_TIMEOUT_S)

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        request = pb.RemovePodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._runtime("RemovePodSandbox", request, pb.RemovePodSandboxResponse)
        self._forget(sandbox_id)

    async def list_sandboxes(self, pod_uid: str = "") -> Sequence[SandboxStatus]:
        request = pb.ListPodSandboxRequest(filter=pb.PodSandboxFilter(label_selector=_of_pod(pod_uid)))
        found = await self._runtime("ListPodSandbox", request, pb.ListPodSandboxResponse)
        sandboxes = [convert.sandbox_status(item) for item in found.items]
        self._pod_of.update((sandbox.id, sandbox.pod_uid) for sandbox in sandboxes)
        return sandboxes

    async def sandbox_status(self, sandbox_id: str) -> SandboxStatus:
        request = pb.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id)
        found = await self._runtime("PodSandboxStatus", request, pb.PodSandboxStatusResponse)
        return convert.sandbox_status(found.status)

    # --- containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig) -> str:
        request = pb.CreateContainerRequest(
            pod_sandbox_id=sandbox_id,
            config=convert.container_message(config),
            sandbox_config=convert.sandbox_message(sandbox),
        )
        found = await self._runtime("CreateContainer", request, pb.CreateContainerResponse, CreateError)
        self._pod_of[found.container_id] = sandbox.uid
        self._sandbox_of[found.container_id] = sandbox_id
        return found.container_id

    async def start_container(self, container_id: str) -> None:
        request = pb.StartContainerRequest(container_id=container_id)
        await self._runtime("StartContainer", request, pb.StartContainerResponse, StartError)

    async def stop_container(self, container_id: str, grace_s: float) -> None:
        request = pb.StopContainerRequest(container_id=container_id, timeout=math.ceil(grace_s))
        await self._stop("StopContainer", request, pb.StopContainerResponse, grace_s + REQUEST_TIMEOUT_S)

    async def _stop(self, method: str, request: Message, response: type[Message], timeout_s: float) -> None:
        """A container may end between containerd's look at it and the signal: asked again, containerd sees that."""
        for _ in range(STOP_ATTEMPTS):
            try:
                await self._runtime(method, request, response, timeout_s=timeout_s)
                return
            except RuntimeFault as error:
                if SHIM_GONE not in str(error):
                    raise
            await asyncio.sleep(STOP_RETRY_S)
        await self._runtime(method, request, response, timeout_s=timeout_s)

    async def remove_container(self, container_id: str) -> None:
        request = pb.RemoveContainerRequest(container_id=container_id)
        await self._runtime("RemoveContainer", request, pb.RemoveContainerResponse)
        self._forget(container_id)

    async def list_containers(self, pod_uid: str = "") -> Sequence[ContainerStatus]:
        return await self._list_containers(pb.ContainerFilter(label_selector=_of_pod(pod_uid)))

    async def container_status(self, container_id: str) -> ContainerStatus:
        found = await self._container_status(container_id, verbose=False)
        if container_id not in self._sandbox_of:
            await self._list_containers(pb.ContainerFilter(id=container_id))
        return convert.container_status(found.status, self._sandbox_of.get(container_id, ""))

    async def update_container_resources(self, container_id: str, resources: LinuxResources) -> None:
        request = pb.UpdateContainerResourcesRequest(
            container_id=container_id, linux=convert.resources_message(resources)
        )
        await self._runtime("UpdateContainerResources", request, pb.UpdateContainerResourcesResponse)

    async def reopen_container_log(self, container_id: str) -> None:
        request = pb.ReopenContainerLogRequest(container_id=container_id)
        await self._runtime("ReopenContainerLog", request, pb.ReopenContainerLogResponse)

    # --- processes

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_s: float) -> ExecResult:
        request = pb.ExecSyncRequest(container_id=container_id, cmd=command, timeout=math.ceil(timeout_s))
        limit_s = timeout_s + REQUEST_TIMEOUT_S if timeout_s else None
        found = await self._runtime("ExecSync", request, pb.ExecSyncResponse, ExecTimeout, limit_s)
        return ExecResult(found.stdout, found.stderr, found.exit_code)

    async def exec(self, container_id: str, command: Sequence[str], streams: Streams) -> int:
        request = pb.ExecRequest(container_id=container_id, cmd=command, **_wanted(streams))
        found = await self._runtime("Exec", request, pb.ExecResponse)
        return await run_command(found.url, streams)

    async def attach(self, container_id: str, streams: Streams) -> None:
        request = pb.AttachRequest(container_id=container_id, **_wanted(streams))
        found = await self._runtime("Attach", request, pb.AttachResponse)
        await run_command(found.url, streams)

    async def port_forward(
        self,
        sandbox_id: str,
        port: int,
        incoming: AsyncIterator[bytes],
        outgoing: Callable[[bytes], Awaitable[None]],
    ) -> None:
        request = pb.PortForwardRequest(pod_sandbox_id=sandbox_id, port=[port])
        found = await self._runtime("PortForward", request, pb.PortForwardResponse)
        await forward_port(found.url, port, incoming, outgoing)

    # --- observation

    async def container_stats(self, pod_uid: str = "", *, disk: bool = False) -> Sequence[ContainerStats]:
        running = pb.ContainerStateValue(state=pb.CONTAINER_RUNNING)
        listed = await self._list_containers(pb.ContainerFilter(state=running, label_selector=_of_pod(pod_uid)))
        layers = await asyncio.to_thread(writable_layers, [c.id for c in listed]) if disk else {}
        return [await self._stats(container, layers.get(container.id, 0)) for container in listed]

    async def events(self) -> AsyncIterator[RuntimeEvent]:
        subscribe = self._channel.unary_stream(
            "/containerd.services.events.v1.Events/Subscribe",
            request_serializer=events_pb2.SubscribeRequest.SerializeToString,
            response_deserializer=events_pb2.Envelope.FromString,
        )
        with translated():
            async for envelope in subscribe(events_pb2.SubscribeRequest(filters=[EVENT_FILTER])):
                for event in self._event(envelope):
                    yield event

    async def close(self) -> None:
        await self._channel.close()

    # --- the calls

    async def _runtime(
        self,
        method: str,
        request: Message,
        response: type[M],
        otherwise: type[RuntimeFault] = RuntimeFault,
        timeout_s: float | None = REQUEST_TIMEOUT_S,
    ) -> M:
        return await self._call("RuntimeService", method, request, response, otherwise, timeout_s)

    async def _images(
        self,
        method: str,
        request: Message,
        response: type[M],
        otherwise: type[RuntimeFault] = RuntimeFault,
        timeout_s: float | None = REQUEST_TIMEOUT_S,
    ) -> M:
        return await self._call("ImageService", method, request, response, otherwise, timeout_s)

    async def _call(
        self,
        service: str,
        method: str,
        request: Message,
        response: type[M],
        otherwise: type[RuntimeFault],
        timeout_s: float | None,
    ) -> M:
        call = self._channel.unary_unary(
            f"/runtime.v1.{service}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        with translated(otherwise):
            found: M = await call(request, timeout=timeout_s)
        return found

    async def _list_containers(self, wanted: pb.ContainerFilter) -> list[ContainerStatus]:
        found = await self._runtime(
            "ListContainers", pb.ListContainersRequest(filter=wanted), pb.ListContainersResponse
        )
        containers = [convert.listed_container(item) for item in found.containers]
        self._pod_of.update((container.id, container.pod_uid) for container in containers)
        self._sandbox_of.update((container.id, container.sandbox_id) for container in containers)
        return containers

    def _forget(self, removed_id: str) -> None:
        for known in (self._pod_of, self._sandbox_of, self._cgroup_of):
            known.pop(removed_id, None)

    async def _container_status(self, container_id: str, verbose: bool) -> pb.ContainerStatusResponse:
        request = pb.ContainerStatusRequest(container_id=container_id, verbose=verbose)
        return await self._runtime("ContainerStatus", request, pb.ContainerStatusResponse)

    async def _stats(self, container: ContainerStatus, layer_bytes: int) -> ContainerStats:
        if container.id not in self._cgroup_of:
            status = await self._container_status(container.id, verbose=True)
            self._cgroup_of[container.id] = _cgroup_path(status.info)
        usage = read_usage(self._cgroup_of[container.id])
        return ContainerStats(
            id=container.id,
            pod_uid=container.pod_uid,
            name=container.name,
            timestamp=self._clock.now(),
            started_at=container.created_at,
            cpu_nanos=usage.cpu_nanos,
            memory_working_set_bytes=usage.memory_working_set_bytes,
            memory_usage_bytes=usage.memory_usage_bytes,
            memory_rss_bytes=usage.memory_rss_bytes,
            writable_layer_bytes=layer_bytes,
        )

    def _event(self, envelope: events_pb2.Envelope) -> Iterator[RuntimeEvent]:
        """The contract's event, or none: an exec inside a container is no change of the container."""
        kind = _EVENT_KINDS.get(envelope.topic)
        if kind is None:
            return
        task = events_pb2.TaskEvent.FromString(envelope.event.value)
        if kind is EventKind.STOPPED and task.id not in ("", task.container_id):
            return
        yield RuntimeEvent(kind, task.container_id, self._pod_of.get(task.container_id, ""))


def _of_pod(pod_uid: str) -> dict[str, str]:
    return {POD_UID: pod_uid} if pod_uid else {}


def _wanted(streams: Streams) -> dict[str, Any]:
    return {
        "stdin": streams.stdin is not None,
        "stdout": streams.stdout is not None,
        "stderr": streams.stderr is not None and not streams.tty,
        "tty": streams.tty,
    }


def _cgroup_path(info: Any) -> str:
    """Where the container's cgroup is, from the runtime's verbose status."""
    spec = json.loads(info.get("info", "{}")).get("runtimeSpec") or {}
    return str((spec.get("linux") or {}).get("cgroupsPath", ""))
