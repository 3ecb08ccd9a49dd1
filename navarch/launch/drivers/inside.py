"""What a node runs to become one: its first script, and the loop that keeps a service running.

Scripts are text so that they can be read in the node's directory and tested without root.
"""

from __future__ import annotations

from pathlib import Path

from navarch.launch.drivers.contract import NodeSpec

#: Where the node sees its own copy: writes below these stay in the node's directory.
LAYERED = ("/etc", "/var")

#: There once /run is the node's own: before, the host's container runtime would be seen behind it.
MARK = "/run/navarch-node"

#: The resolver file behind systemd's stub, which listens on an address the node cannot reach.
RESOLV_CONFS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def init_script(spec: NodeSpec) -> str:
    """Runs as pid 1 of new mount, pid, network, uts and ipc namespaces; ends as tini over containerd."""
    directory = spec.directory
    layers = "\n".join(_layer(directory, path) for path in LAYERED if not directory.is_relative_to(path))
    return f"""\
set -e
hostname {spec.name}
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock /run/containerd
echo {spec.name} > {MARK}
{layers}
mount --make-rshared /
exec tini -- sh {directory}/supervise {spec.logs}/containerd.log containerd --config {directory}/containerd.toml
"""


def _layer(directory: Path, path: str) -> str:
    """An overlay over one of the host's directories; without it (no overlayfs here) the node shares the directory."""
    upper, work = directory / "layers" / path[1:] / "upper", directory / "layers" / path[1:] / "work"
    options = f"lowerdir={path},upperdir={upper},workdir={work}"
    return (
        f"mount -t overlay -o {options} overlay {path} || echo 'no overlay here: the node shares {path} with the host'"
    )


def layer_directories(spec: NodeSpec) -> list[Path]:
    """Directories that the script's overlays need."""
    layers = [spec.directory / "layers" / path[1:] for path in LAYERED]
    return [layer / part for layer in layers for part in ("upper", "work")]


ENDED = "ended with status"
SUPERVISE = f"""\
# supervise LOG COMMAND...: run the command, again a second after it ends, for ever
log=$1
shift
while :; do
  "$@" >>"$log" 2>&1
  echo "$1 {ENDED} $?, starting it again" >>"$log"
  sleep 1
done
"""


class Endings:
    """Whether a supervised service has ended since this was made, told by its log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._seen_bytes = log.stat().st_size if log.exists() else 0

    def last_words(self, lines: int = 8) -> str | None:
        """What the service said last before it ended, None while it runs on."""
        if not self._log.exists() or self._log.stat().st_size <= self._seen_bytes:
            return None
        with self._log.open("rb") as log:
            log.seek(self._seen_bytes)
            said = log.read().decode(errors="replace").splitlines()
        ends = [number for number, line in enumerate(said) if f" {ENDED} " in line]
        return "\n".join(said[max(0, ends[0] - lines) : ends[0] + 1]) if ends else None


def hosts_file(spec: NodeSpec) -> str:
    """The node's /etc/hosts."""
    return (
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        f"{spec.ip}\t{spec.name}\n"
        f"{spec.network.host_ip}\thost.minikube.internal control-plane.minikube.internal\n"
    )


def resolv_conf(texts: list[str]) -> str:
    """The first of the host's resolver files whose servers a node can reach; empty when none is."""
    for text in texts:
        servers = [line.split()[1] for line in text.splitlines() if line.startswith("nameserver ")]
        if any(not server.startswith("127.") and server != "::1" for server in servers):
            return text
    return ""
