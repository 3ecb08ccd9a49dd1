"""The Debian packages that real containers need: which are missing, and their installation."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from navarch.base.errors import LaunchError

#: A file that shows a package is there -> the package.
NODE_PACKAGES: Mapping[str, str] = {
    "/usr/bin/containerd": "containerd",
    "/usr/sbin/runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/sbin/nft": "nftables",
    "/usr/bin/tini": "tini",
    "/usr/bin/unshare": "util-linux",
    "/usr/bin/ip": "iproute2",
}
IMAGE_PACKAGES: Mapping[str, str] = {
    "/bin/busybox": "busybox-static",
    "/bin/bash-static": "bash-static",
    "/usr/sbin/nginx": "nginx-light",
    "/usr/bin/wget": "wget",
}
ETCD_PACKAGES: Mapping[str, str] = {"/usr/bin/etcd": "etcd-server"}
OLDEST_CONTAINERD = (1, 6)
#: While this says 101, Debian starts no service that it installs: no nginx on port 80, no second containerd.
POLICY = Path("/usr/sbin/policy-rc.d")


def missing(wanted: Mapping[str, str], root: Path = Path("/")) -> list[str]:
    """The packages whose files are not below `root`."""
    return sorted(package for file, package in wanted.items() if not (root / file.lstrip("/")).exists())


def require(wanted: Mapping[str, str]) -> None:
    """Raises: LaunchError that names the command which installs what is missing."""
    if lacking := missing(wanted):
        raise LaunchError("HOST_MISSING_PACKAGES", f"not installed: {', '.join(lacking)}", _command(lacking), 50)


def install(packages: Sequence[str], say: Callable[[str], None]) -> None:
    """Install with apt-get. Raises: LaunchError that says why it cannot be."""
    if not packages:
        return
    if shutil.which("apt-get") is None:
        advice = f"install what these Debian packages hold: {', '.join(packages)}"
        raise LaunchError("HOST_NO_APT", "this machine has no apt-get", advice, 50)
    if os.geteuid() != 0:
        raise LaunchError(
            "HOST_NOT_ROOT", f"not installed: {', '.join(packages)}", f"as root: {_command(packages)}", 50
        )
    say(f"Installing {', '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services(POLICY):
        result = _apt(packages, environment)
        if result.returncode:  # the lists may be old or empty
            subprocess.run(["apt-get", "update"], env=environment, capture_output=True)
            result = _apt(packages, environment)
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.startswith("E:")]
        raise LaunchError("HOST_INSTALL", f"apt-get failed: {' '.join(lines)}", f"try: {_command(packages)}", 50)


def require_containerd(version_line: str) -> tuple[int, int]:
    """Check what `containerd --version` printed; (major, minor). Raises: LaunchError when too old or unknown."""
    found = re.search(r"\bv?(\d+)\.(\d+)\.\d+", version_line)
    if found is None:
        raise LaunchError(
            "RUNTIME_UNKNOWN", f"cannot tell containerd's version from {version_line!r}", "reinstall it", 50
        )
    version = int(found[1]), int(found[2])
    if version < OLDEST_CONTAINERD:
        wanted = ".".join(map(str, OLDEST_CONTAINERD))
        text = f"containerd {version[0]}.{version[1]} is too old: {wanted} or later is needed"
        raise LaunchError("RUNTIME_TOO_OLD", text, _command(["containerd"]), 50)
    return version


def containerd_version_line() -> str:
    """What `containerd --version` prints. Raises: LaunchError when it does not run."""
    try:
        return subprocess.run(["containerd", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise LaunchError("RUNTIME_MISSING", "containerd does not run", _command(["containerd"]), 50) from error


def _command(packages: Sequence[str]) -> str:
    return f"apt-get install --no-install-recommends {' '.join(packages)}"


def _apt(packages: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@contextmanager
def _no_services(policy: Path) -> Iterator[None]:
    """Keep Debian from starting what it installs; a policy of the machine's own stays untouched."""
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
