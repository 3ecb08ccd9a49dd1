"""Putting an image archive into a running node, as `image load` does."""

from __future__ import annotations

from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.launch.drivers.contract import NodeSpec
from navarch.launch.drivers.netns import NetnsDriver


def load(driver: NetnsDriver, node: NodeSpec, archive: Path) -> tuple[str, ...]:
    """Import an OCI or `docker save` archive; the names it brought. Raises: LaunchError."""
    if not archive.is_file():
        raise LaunchError("GUEST_IMAGE_LOAD", f"{archive} is no file", "give the path of an image archive", 80)
    command = ["ctr", "--address", driver.runtime_socket(node), "--namespace", "k8s.io", "images", "import", "-"]
    result = driver.run(node, command, stdin=archive.read_bytes())
    if result.returncode:
        why = result.stderr.decode(errors="replace").strip()
        raise LaunchError("GUEST_IMAGE_LOAD", f"{archive} cannot be loaded: {why}", "is it an image archive?", 80)
    lines = result.stdout.decode().splitlines()
    return tuple(line.split()[1] for line in lines if line.startswith("unpacking "))
