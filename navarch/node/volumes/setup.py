"""Making a pod's volumes on the machine, keeping them up to date, and taking them away.

Called by the pod's worker before its sandbox starts and again whenever an object they are made of changed.
Every volume becomes a path on the machine; `mounts.py` turns paths into mounts of containers.

Source: the kubelet's volume plugins empty_dir, host_path, projected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from navarch.api.views.pod import Pod
from navarch.api.views.volume import HostPathVolumeSource, Volume
from navarch.base import quantity
from navarch.node.downward import Surroundings
from navarch.node.host.contract import Host
from navarch.node.volumes.payload import Contents, MountError, payload

#: What each volume source's directory is called below the pod's, as the kubelet names its plugins.
_PLUGINS = {
    "configMap": "kubernetes.io~configmap",
    "secret": "kubernetes.io~secret",
    "downwardAPI": "kubernetes.io~downward-api",
    "projected": "kubernetes.io~projected",
    "emptyDir": "kubernetes.io~empty-dir",
}

#: hostPath types that make what is missing.
_CREATED = {"DirectoryOrCreate": "Directory", "FileOrCreate": "File"}


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a PersistentVolumeClaim is bound to, as far as this node can mount it."""

    path: str
    create: bool = False


def empty_dir_path(root_dir: str, uid: str, volume: str) -> str:
    return f"{pod_dir(root_dir, uid)}/volumes/{_PLUGINS['emptyDir']}/{volume}"


def pod_dir(root_dir: str, uid: str) -> str:
    """The directory of everything the kubelet keeps for a pod."""
    return f"{root_dir}/pods/{uid}"


def set_up(
    host: Host,
    root_dir: str,
    pod: Pod,
    contents: Contents,
    around: Surroundings,
    claims: Mapping[str, Claimed],
) -> dict[str, str]:
    """Make or refresh all volumes: name -> path. Image volumes have none. Raises: MountError."""
    paths: dict[str, str] = {}
    for volume in pod.spec.volumes:
        try:
            path = _one(host, root_dir, pod, volume, contents, around, claims)
        except (MountError, OSError) as error:
            raise MountError(f'MountVolume.SetUp failed for volume "{volume.name}" : {error}') from error
        if path:
            paths[volume.name] = path
    return paths


def tear_down(host: Host, root_dir: str, uid: str) -> None:
    """Remove everything kept for a pod."""
    host.remove_tree(pod_dir(root_dir, uid))


def _one(
    host: Host,
    root_dir: str,
    pod: Pod,
    volume: Volume,
    contents: Contents,
    around: Surroundings,
    claims: Mapping[str, Claimed],
) -> str:
    if volume.hostPath is not None:
        return _host_path(host, volume.hostPath)
    if volume.persistentVolumeClaim is not None:
        claimed = claims[volume.persistentVolumeClaim.claimName]
        if claimed.create:
            host.make_dir(claimed.path, 0o777)
        _give(host, pod, claimed.path)
        return claimed.path
    if volume.image is not None:
        return ""
    source = next((name for name in _PLUGINS if getattr(volume, name) is not None), "")
    if not source:
        raise MountError("no volume plugin matched")
    path = f"{pod_dir(root_dir, pod.metadata.uid)}/volumes/{_PLUGINS[source]}/{volume.name}"
    if volume.emptyDir is not None:
        if host.kind(path):
            return path
        if volume.emptyDir.medium == "Memory":
            host.make_tmpfs(path, quantity.value(volume.emptyDir.sizeLimit or "0"))
        else:
            host.make_dir(path, 0o777)
        _give(host, pod, path)
        return path
    files = payload(pod, volume, contents, around)
    assert files is not None
    if (volume.secret is not None or volume.projected is not None) and not host.kind(path):
        host.make_tmpfs(path, 0)
    host.publish(path, files, _fs_group(pod))
    return path


def _give(host: Host, pod: Pod, path: str) -> None:
    gid = _fs_group(pod)
    security = pod.spec.securityContext
    if gid is not None and security is not None:
        host.give_to_group(path, gid, always=security.fsGroupChangePolicy != "OnRootMismatch")


def _fs_group(pod: Pod) -> int | None:
    return pod.spec.securityContext.fsGroup if pod.spec.securityContext is not None else None


def _host_path(host: Host, source: HostPathVolumeSource) -> str:
    """Check, or make, what the type asks for."""
    kind = host.kind(source.path)
    wanted = _CREATED.get(source.type, source.type)
    if not wanted:
        if not kind:
            host.make_dir(source.path)
        return source.path
    if not kind and source.type == "DirectoryOrCreate":
        host.make_dir(source.path)
    elif not kind and source.type == "FileOrCreate":
        host.write_file(source.path, b"")
    elif kind != wanted:
        texts = {"Directory": "directory", "File": "file", "Socket": "socket file"}
        texts |= {"CharDevice": "character device", "BlockDevice": "block device"}
        raise MountError(f"hostPath type check failed: {source.path} is not a {texts.get(wanted, wanted)}")
    return source.path
