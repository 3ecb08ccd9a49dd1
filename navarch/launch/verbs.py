"""What each verb of the launcher does. Options are parsed already; an exit code comes back.

Every function here may raise LaunchError, which `app/main.py` shows.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.launch import kubeconfig, node
from navarch.launch.machine import Cluster, locked, remove_remains
from navarch.launch.output import Output
from navarch.launch.phases import StartOptions
from navarch.launch.phases import start as run_phases
from navarch.launch.profile import Home, Profile, check_name

LOG_LINES = 60


def start(home: Home, options: StartOptions, out: Output) -> int:
    check_name(options.name)
    with locked(home, options.name):
        if options.name in home.names() and home.load(options.name) is None:
            out.warn(f'Profile "{options.name}" is half deleted: removing what is left of it')
            remove_remains(home, options.name)
        run_phases(home, options, out)
    return os.EX_OK


def stop(home: Home, name: str, out: Output) -> int:
    profile = home.require(name)
    with locked(home, name):
        out.line("✋", "Stopping local Kubernetes cluster...")
        Cluster(home, profile).stop()
        out.line("🛑", f'Machine stopped: {len(profile.nodes)} node{"s" if len(profile.nodes) > 1 else ""} of "{name}"')
    return os.EX_OK


def delete(home: Home, name: str, config: Path, out: Output) -> int:
    """Remove a profile in whatever state; one that is not there is no error."""
    if name not in home.names():
        kubeconfig.update(config, lambda tree: kubeconfig.without_access(tree, name))
        out.line("🙄", f'"{name}" profile does not exist, trying anyways.')
        return os.EX_OK
    with locked(home, name):
        out.line("🔥", f'Deleting "{name}" ...')
        try:
            profile: Profile | None = home.load(name)
        except LaunchError as error:
            out.warn(str(error))
            profile = None
        if profile is None:
            remove_remains(home, name)
        else:
            Cluster(home, profile).delete()
        kubeconfig.update(config, lambda tree: kubeconfig.without_access(tree, name))
        out.line("💀", f'Removed all traces of the "{name}" cluster.')
    (home.root / "locks" / name).unlink(missing_ok=True)
    return os.EX_OK


def delete_all(home: Home, purge: bool, config: Path, out: Output) -> int:
    for name in home.names():
        delete(home, name, config, out)
    out.line("🔥", "Successfully deleted all profiles")
    if purge:
        shutil.rmtree(home.root, ignore_errors=True)
        out.line("💀", f"Successfully purged directory located at - [{home.root}]")
    return os.EX_OK


def ssh(home: Home, name: str, node_name: str, command: list[str]) -> int:
    """Become a shell, or a command, inside a node."""
    profile = home.require(name)
    cluster = Cluster(home, profile)
    if not cluster.has_nodes:
        raise LaunchError(
            "GUEST_NO_SSH", "simulated nodes have no inside", "as root, nodes are real: navarch start", 80
        )
    entry = node.find(profile, node_name)
    inside = ["sh", "-c", " ".join(command)] if command else ["bash", "--login"]
    argv = cluster.driver.enter(cluster.spec(entry), inside)
    os.execvp(argv[0], argv)


def logs(home: Home, name: str, lines: int, follow: bool, out: Output) -> int:
    """The last lines of every process of the cluster."""
    cluster = Cluster(home, home.require(name))
    planes = [cluster.planes.spec(plane).logs for plane in range(cluster.profile.control_planes)]
    places = [*planes, *(spec.logs for spec in cluster.specs)]
    files = [str(path) for place in places if place.is_dir() for path in sorted(place.glob("*.log"))]
    if not files:
        out.warn("there are no logs yet")
        return os.EX_OK
    if follow:
        os.execvp("tail", ["tail", "-n", str(lines), "-F", *files])
    for path in files:
        out.plain(f"==> {Path(path).stem} <==")
        for line in Path(path).read_text(errors="replace").splitlines()[-lines:]:
            out.plain(line)
        out.plain("")
    return os.EX_OK


def load_image(home: Home, name: str, archive: Path, out: Output) -> int:
    """Put an archive into every node, and keep it for those that are still to come."""
    from navarch.launch.images.load import load

    profile = home.require(name)
    cluster = Cluster(home, profile)
    if not cluster.has_nodes:
        raise LaunchError("GUEST_IMAGE_LOAD", "simulated nodes take any image", "nothing needs to be loaded", 80)
    brought: dict[str, tuple[str, ...]] = {}
    for spec in cluster.specs:
        brought[spec.name] = load(cluster.driver, spec, archive)
        for image in brought[spec.name]:
            out.line("📦", f"{image} is in {spec.name}")
    kept = cluster.archives.keep(archive, {image for images in brought.values() for image in images})
    for spec in cluster.specs:
        cluster.archives.note(spec.directory, kept)
    return os.EX_OK
