"""What of the CRI client needs no containerd: conversions, errors, statuses, cgroup files."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from navarch.node.runtime import cri_convert as convert
from navarch.node.runtime.contract import (
    CONTAINER_NAME,
    POD_UID,
    ContainerConfig,
    ContainerPhase,
    CreateError,
    DnsConfig,
    ExecTimeout,
    ImagePullError,
    LinuxResources,
    LinuxSecurity,
    Mount,
    NamespaceMode,
    NotFoundInRuntime,
    PortMapping,
    RuntimeFault,
    RuntimeUnavailable,
    SandboxConfig,
    SandboxState,
    Seccomp,
)
from navarch.node.runtime.cri_errors import fault
from navarch.node.runtime.cri_pb import cri_pb2 as pb
from navarch.node.runtime.cri_stats import read_usage
from navarch.node.runtime.cri_streams import exit_code


def test_sandbox_message() -> None:
    config = SandboxConfig(
        "web",
        "default",
        "uid-1",
        2,
        "web",
        "/logs",
        dns=DnsConfig(("10.96.0.10",), ("svc",), ("ndots:5",)),
        port_mappings=(PortMapping("UDP", 53, 5353, "127.0.0.1"),),
        cgroup_parent="/kubepods/pod1",
        run_as_user=0,
    )
    made = convert.sandbox_message(config)
    assert (made.metadata.name, made.metadata.attempt, made.hostname) == ("web", 2, "web")
    assert (made.port_mappings[0].protocol, made.port_mappings[0].host_port) == (pb.UDP, 5353)
    security = made.linux.security_context
    assert security.HasField("run_as_user") and not security.HasField("run_as_group")
    assert security.namespace_options.pid == pb.CONTAINER
    assert security.seccomp.profile_type == pb.SecurityProfile.RuntimeDefault
    assert not security.namespace_options.HasField("userns_options")


def test_the_host_network_has_no_name_of_its_own() -> None:
    config = SandboxConfig("web", "default", "u", 0, "web", "/logs", network=NamespaceMode.NODE)
    assert convert.sandbox_message(config).hostname == ""


def test_container_message() -> None:
    config = ContainerConfig(
        "c",
        1,
        "sha256:1",
        "nginx:alpine",
        ("sh",),
        ("-c", "x"),
        env=(("a", "1"), ("a", "2")),
        mounts=(Mount("/data", "/host", readonly=True, propagation="Bidirectional"), Mount("/i", "", image="img")),
        resources=LinuxResources(memory_limit_bytes=64, oom_score_adj=-5, unified={"memory.max": "64"}),
        security=LinuxSecurity(seccomp=Seccomp("Localhost", "/p.json"), apparmor_profile="localhost/mine"),
        stop_signal="SIGRTMIN+3",
    )
    made = convert.container_message(config)
    assert (made.image.image, made.image.user_specified_image) == ("sha256:1", "nginx:alpine")
    assert [(e.key, e.value) for e in made.envs] == [("a", "1"), ("a", "2")]
    assert made.mounts[0].propagation == pb.PROPAGATION_BIDIRECTIONAL
    assert made.mounts[1].image.image == "img" and not made.mounts[0].HasField("image")
    assert (made.linux.resources.memory_limit_in_bytes, made.linux.resources.oom_score_adj) == (64, -5)
    security = made.linux.security_context
    assert (security.seccomp.localhost_ref, security.apparmor.localhost_ref) == ("/p.json", "mine")
    assert made.stop_signal == pb.SIGRTMINPLUS3


@pytest.mark.parametrize(
    ("profile", "kind"),
    [("unconfined", pb.SecurityProfile.Unconfined), ("runtime/default", pb.SecurityProfile.RuntimeDefault)],
)
def test_apparmor_profiles(profile: str, kind: int) -> None:
    config = ContainerConfig("c", 0, "i", "i", security=LinuxSecurity(apparmor_profile=profile))
    assert convert.container_message(config).linux.security_context.apparmor.profile_type == kind


def test_statuses_come_back() -> None:
    sandbox = convert.sandbox_status(
        pb.PodSandboxStatus(
            id="s",
            metadata=pb.PodSandboxMetadata(name="web", uid="u", namespace="default"),
            state=pb.SANDBOX_NOTREADY,
            created_at=2_500_000_000,
            network=pb.PodSandboxNetworkStatus(ip="10.0.0.1", additional_ips=[pb.PodIP(ip="fd00::1")]),
        )
    )
    assert (sandbox.state, sandbox.created_at, sandbox.ips) == (SandboxState.NOT_READY, 2.5, ("10.0.0.1", "fd00::1"))
    container = convert.container_status(
        pb.ContainerStatus(
            id="c",
            state=pb.CONTAINER_EXITED,
            exit_code=137,
            reason="OOMKilled",
            labels={POD_UID: "u", CONTAINER_NAME: "main"},
        ),
        "s",
    )
    assert (container.phase, container.exit_code, container.reason) == (ContainerPhase.EXITED, 137, "OOMKilled")
    assert (container.sandbox_id, container.pod_uid, container.name) == ("s", "u", "main")
    image = convert.image_ref(pb.Image(id="i", uid=pb.Int64Value(value=0)))
    assert image.uid == 0 and convert.image_ref(pb.Image(id="i")).uid is None


Code = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "otherwise", "expected"),
    [
        (Code.UNAVAILABLE, RuntimeFault, RuntimeUnavailable),
        (Code.UNAVAILABLE, CreateError, RuntimeUnavailable),
        (Code.NOT_FOUND, ExecTimeout, NotFoundInRuntime),
        (Code.DEADLINE_EXCEEDED, ExecTimeout, ExecTimeout),
        (Code.UNKNOWN, ExecTimeout, RuntimeFault),
        (Code.UNKNOWN, CreateError, CreateError),
    ],
)
def test_errors(code: Code, otherwise: type[RuntimeFault], expected: type[RuntimeFault]) -> None:
    found = fault(code, "what happened", otherwise)
    assert type(found) is expected and str(found) == "what happened"


def test_a_runtime_that_is_still_starting_is_unavailable() -> None:
    assert isinstance(fault(Code.UNKNOWN, "server is not initialized yet"), RuntimeUnavailable)


def test_pull_errors_read_as_events_show_them() -> None:
    missing = fault(Code.NOT_FOUND, "x: not found", ImagePullError)
    assert isinstance(missing, ImagePullError) and missing.reason == "ErrImagePull"
    assert str(missing) == "rpc error: code = NotFound desc = x: not found"
    wrong = fault(Code.INVALID_ARGUMENT, 'failed to parse reference "A B": invalid reference format', ImagePullError)
    assert isinstance(wrong, ImagePullError) and wrong.reason == "InvalidImageName"


def test_final_statuses() -> None:
    assert exit_code(b"") == 0
    assert exit_code(b'{"metadata":{},"status":"Success"}') == 0
    failed = (
        b'{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"5"}]}}'
    )
    assert exit_code(failed) == 5
    with pytest.raises(RuntimeFault, match="no such file"):
        exit_code(b'{"status":"Failure","reason":"InternalError","message":"no such file"}')
    with pytest.raises(RuntimeFault, match="plain text"):
        exit_code(b"plain text")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_usage_on_cgroup_v1(tmp_path: Path) -> None:
    write(tmp_path / "cpuacct/pods/c/cpuacct.usage", "1500\n")
    write(tmp_path / "memory/pods/c/memory.usage_in_bytes", "1000\n")
    write(tmp_path / "memory/pods/c/memory.stat", "total_inactive_file 300\ntotal_rss 200\n")
    used = read_usage("/pods/c", tmp_path)
    assert (used.cpu_nanos, used.memory_usage_bytes, used.memory_working_set_bytes) == (1500, 1000, 700)
    assert used.memory_rss_bytes == 200


def test_usage_on_cgroup_v2_and_of_nothing(tmp_path: Path) -> None:
    write(tmp_path / "pods/c/cpu.stat", "usage_usec 7\nuser_usec 5\n")
    write(tmp_path / "pods/c/memory.current", "1000\n")
    write(tmp_path / "pods/c/memory.stat", "anon 200\ninactive_file 300\n")
    assert read_usage("/pods/c", tmp_path).cpu_nanos == 7000
    assert read_usage("/pods/c", tmp_path).memory_working_set_bytes == 700
    assert read_usage("/pods/gone", tmp_path).memory_usage_bytes == 0
