"""Pods that name their operating system, and containers for debugging."""

from __future__ import annotations

from typing import Any

from navarch.api.validation.os_fields import os_errors
from navarch.api.validation.pod_spec import pod_spec_errors

CONTAINER = {
    "name": "c",
    "image": "i",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "Always",
}


def texts(spec: dict[str, Any]) -> list[str]:
    return [str(error) for error in os_errors(spec, "spec")]


def pod(**spec: Any) -> list[str]:
    given = {"containers": [CONTAINER], "restartPolicy": "Always", "dnsPolicy": "Default", **spec}
    return [str(error) for error in pod_spec_errors(given, "spec")]


def test_windows_pods_have_no_settings_of_linux() -> None:
    context = {"runAsUser": 1, "capabilities": {"add": ["x"]}, "runAsNonRoot": True}
    spec = {
        "os": {"name": "windows"},
        "hostPID": True,
        "hostIPC": False,
        "hostUsers": False,
        "securityContext": {"fsGroup": 1, "windowsOptions": {"runAsUserName": "me"}},
        "containers": [{"name": "c", "securityContext": context}],
    }
    text = "Forbidden: cannot be set for a windows pod"
    assert texts(spec) == [
        f"spec.securityContext.fsGroup: {text}",
        f"spec.hostPID: {text}",
        f"spec.hostUsers: {text}",
        f"spec.containers[0].securityContext.capabilities: {text}",
        f"spec.containers[0].securityContext.runAsUser: {text}",
    ]


def test_linux_pods_have_no_settings_of_windows() -> None:
    options = {"windowsOptions": {"runAsUserName": "me"}}
    spec = {"os": {"name": "linux"}, "securityContext": options, "initContainers": [{"securityContext": options}]}
    assert texts(spec) == [
        "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
        "spec.initContainers[0].securityContext.windowsOptions: Forbidden: "
        "windows options cannot be set for a linux pod",
    ]
    assert not texts({"securityContext": options})


def test_names_of_systems() -> None:
    assert texts({"os": {}}) == ["spec.os.name: Required value"]
    assert texts({"os": {"name": "plan9"}}) == [
        'spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'
    ]


def test_debugging_containers_look_into_one_that_lasts() -> None:
    debugging = {**CONTAINER, "name": "d", "targetContainerName": "c"}
    assert not pod(ephemeralContainers=[debugging])
    lost = {**debugging, "targetContainerName": "d"}
    assert pod(ephemeralContainers=[lost]) == ['spec.ephemeralContainers[0].targetContainerName: Not found: "d"']
    mount = {"name": "v", "mountPath": "/v", "subPath": "s"}
    (found,) = pod(
        ephemeralContainers=[{**debugging, "volumeMounts": [mount]}], volumes=[{"name": "v", "emptyDir": {}}]
    )
    assert found == (
        "spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container"
    )


def test_how_selinux_labels_change() -> None:
    assert pod(securityContext={"seLinuxChangePolicy": "Never"}) == [
        'spec.securityContext.seLinuxChangePolicy: Unsupported value: "Never": supported values: '
        '"MountOption", "Recursive"'
    ]
