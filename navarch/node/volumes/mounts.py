"""The mounts of one container: its volumeMounts, its /etc/hosts, its termination log.

Source: the kubelet's `makeMounts`, `subpath` (a subPath never leads out of its volume).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from navarch.api.views.pod import Pod, VolumeMount
from navarch.node.environment import ConfigError, expand
from navarch.node.host.contract import Host
from navarch.node.labels import AnyContainer
from navarch.node.runtime.contract import Mount

HOSTS_PATH = "/etc/hosts"


def container_mounts(
    host: Host,
    pod: Pod,
    container: AnyContainer,
    paths: Mapping[str, str],
    env: Mapping[str, str],
) -> list[Mount]:
    """One Mount for each volumeMount. Raises: ConfigError."""
    volumes = {v.name: v for v in pod.spec.volumes}
    out = []
    for mount in container.volumeMounts:
        volume = volumes.get(mount.name)
        target = mount.mountPath if mount.mountPath.startswith("/") else "/" + mount.mountPath
        if volume is not None and volume.image is not None:
            out.append(Mount(target, "", readonly=True, image=volume.image.reference, image_sub_path=mount.subPath))
            continue
        if volume is None or mount.name not in paths:
            raise ConfigError(f'cannot find volume "{mount.name}" to mount into container "{container.name}"')
        out.append(
            Mount(
                container_path=target,
                host_path=_source(host, container, mount, paths[mount.name], env),
                readonly=bool(mount.readOnly) or _read_only_claim(pod, mount.name),
                propagation=mount.mountPropagation or "None",
                recursive_readonly=mount.recursiveReadOnly == "Enabled",
            )
        )
    return out


def _source(host: Host, container: AnyContainer, mount: VolumeMount, path: str, env: Mapping[str, str]) -> str:
    sub = mount.subPath
    if mount.subPathExpr:
        sub = expand(mount.subPathExpr, env.get)
        if "$(" in sub:
            raise ConfigError(f'missing value for "{sub[sub.index("$(") + 2 : sub.index(")")]}"')
    if not sub:
        return path
    if sub.startswith("/"):
        raise ConfigError(f'error SubPath "{sub}" must not be an absolute path')
    if ".." in posixpath.normpath(sub).split("/") or ".." in sub.split("/"):
        raise ConfigError(f"unable to provision SubPath \"{sub}\": must not contain '..'")
    try:
        return host.sub_path(path, sub)
    except OSError as error:
        raise ConfigError(
            f'failed to prepare subPath for volumeMount "{mount.name}" of container "{container.name}"'
        ) from error


def _read_only_claim(pod: Pod, name: str) -> bool:
    volume = next((v for v in pod.spec.volumes if v.name == name), None)
    claim = volume.persistentVolumeClaim if volume is not None else None
    return claim is not None and bool(claim.readOnly)
