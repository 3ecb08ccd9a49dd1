"""Options of Windows, and processes of the host."""

from __future__ import annotations

from typing import Any

import pytest

from navarch.api.validation.pod_spec import pod_spec_errors
from navarch.api.validation.windows import host_process_errors, windows_errors

Tree = dict[str, Any]
BARRED = "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"


def found(**options: Any) -> list[str]:
    return [f"{error.path}: {error.detail}" for error in windows_errors({"windowsOptions": options}, "s")]


@pytest.mark.parametrize(
    "name",
    ["Administrator", "NT AUTHORITY\\NETWORK SERVICE", "my.domain\\user", "a" * 104, "BUILTIN\\.user", "ü\\é"],
)
def test_good_user_names(name: str) -> None:
    assert found(runAsUserName=name) == []


@pytest.mark.parametrize(
    ("name", "details"),
    [
        ("", ["runAsUserName cannot be an empty string"]),
        ("a\tb", ["runAsUserName cannot contain control characters"]),
        ("a\\b\\c", ["runAsUserName cannot contain more than one backslash"]),
        (
            "d" * 256 + "\\u",
            [
                "runAsUserName's Domain length must be under 256 characters",
                "runAsUserName's Domain doesn't match the NetBios nor the DNS format",
            ],
        ),
        ("\\u", ["runAsUserName's Domain doesn't match the NetBios nor the DNS format"]),
        (".d\\u", ["runAsUserName's Domain doesn't match the NetBios nor the DNS format"]),
        ("d\\", ["runAsUserName's User cannot be empty"]),
        ("u" * 105, ["runAsUserName's User length must not be longer than 104 characters"]),
        (". .", ["runAsUserName's User cannot contain only periods or spaces"]),
        ("a@b", [BARRED]),
    ],
)
def test_bad_user_names(name: str, details: list[str]) -> None:
    assert found(runAsUserName=name) == [f"s.windowsOptions.runAsUserName: {detail}" for detail in details]


def test_credential_specs() -> None:
    assert found(gmsaCredentialSpecName="gmsa.webapp", gmsaCredentialSpec="x" * 65536) == []
    (named, empty) = found(gmsaCredentialSpecName="Not A Name", gmsaCredentialSpec="")
    assert named.startswith("s.windowsOptions.gmsaCredentialSpecName: a lowercase RFC 1123 subdomain")
    assert empty == "s.windowsOptions.gmsaCredentialSpec: gmsaCredentialSpec cannot be an empty string"
    text = "s.windowsOptions.gmsaCredentialSpec: gmsaCredentialSpec size must be under 64 KiB"
    assert found(gmsaCredentialSpec="x" * 65537) == [text]


def context(host_process: bool | None) -> Tree:
    return {} if host_process is None else {"securityContext": {"windowsOptions": {"hostProcess": host_process}}}


def pod(of_pod: bool | None, *containers: bool | None, network: bool = True) -> list[str]:
    spec = {**context(of_pod), "containers": [context(one) for one in containers], "hostNetwork": network}
    return [str(error) for error in host_process_errors(spec, "spec")]


def test_all_containers_or_none_are_processes_of_the_host() -> None:
    assert pod(None, None, None, network=False) == []
    assert pod(True, None, True) == pod(None, True, True) == pod(False, None, network=False) == []
    text = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
    assert pod(None, True, None) == [f'spec: Invalid value: "": {text}']
    text = "hostNetwork must be true if pod contains any hostProcess containers"
    assert pod(True, None, network=False) == [f"spec.hostNetwork: Invalid value: false: {text}"]
    first, _ = pod(True, True, False)
    text = "pod hostProcess value must be identical if both are specified, was true"
    assert first == f"spec.containers[1].securityContext.windowsOptions.hostProcess: Invalid value: false: {text}"


def test_both_are_part_of_a_pods_validation() -> None:
    bad: Tree = {"windowsOptions": {"runAsUserName": "", "hostProcess": True}}
    spec = {"securityContext": bad, "containers": [{"name": "c", "image": "i", "securityContext": bad}]}
    paths = [error.path for error in pod_spec_errors(spec, "spec")]
    assert "spec.securityContext.windowsOptions.runAsUserName" in paths
    assert "spec.containers[0].securityContext.windowsOptions.runAsUserName" in paths
    assert "spec.hostNetwork" in paths
