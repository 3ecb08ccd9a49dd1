"""The configuration of a node's container runtime and pod network, as text."""

from __future__ import annotations

import json
from pathlib import Path

from navarch.launch.images.recipes import PAUSE

#: Inside the node: /run there is the node's own.
STATE = "/run/containerd"
SOCKET = f"{STATE}/containerd.sock"
CNI_PROGRAMS = "/usr/lib/cni"
CAP_SYS_RESOURCE = 24

_UNUSED_PLUGINS = (
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
)


def containerd_config(directory: Path, may_lower_oom_score: bool) -> str:
    """containerd's config.toml, version 2. What it keeps is below `directory`/containerd."""
    root = directory / "containerd"
    return f"""\
version = 2
root = "{root}"
state = "{STATE}"
oom_score = 0
disabled_plugins = {json.dumps(_UNUSED_PLUGINS)}

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{root}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  disable_apparmor = true
  restrict_oom_score_adj = {json.dumps(not may_lower_oom_score)}
  disable_tcp_service = true
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PROGRAMS}"
    conf_dir = "{directory}/cni"
    max_conf_num = 1

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{directory}/certs.d"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def cni_config(directory: Path, pod_cidr: str) -> str:
    """The conflist: a bridge per node, addresses of `pod_cidr`, host ports. Masquerading is the driver's."""
    addresses = {"type": "host-local", "dataDir": f"{directory}/ipam", "ranges": [[{"subnet": pod_cidr}]]}
    bridge = {"type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "hairpinMode": True, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": "pod", "plugins": [bridge, ports]}, indent=1)


def may_lower_oom_score(proc_status: str) -> bool:
    """Whether this machine grants CAP_SYS_RESOURCE, from the text of /proc/self/status. Some VMs do not."""
    for line in proc_status.splitlines():
        if line.startswith("CapBnd:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1)
    return False
