"""`navarch serve --simulated --nodes N`: a cluster in this very process, in the foreground.

No root, no containers: pods are pretended, everything else is real. The kubeconfig is a file of its own,
so that the user's stays as it is.
"""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

import uvloop

from navarch.app.config import AUDIT_POLICY, Place
from navarch.app.control_plane import serve_profile, until_signalled
from navarch.launch import kubeconfig
from navarch.launch.output import Output
from navarch.launch.ports import free_port
from navarch.launch.profile import FILE, DriverName, NodeEntry, Profile
from navarch.launch.profile import load as load_profile
from navarch.wire.certificates import cluster_certificates, ensure


def serve(directory: Path, nodes: int, port: int, out: Output, audit_policy: Path | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; `port` 0 takes a free one. State in `directory` is taken up again.
    `audit_policy` becomes the directory's own."""
    directory.mkdir(parents=True, exist_ok=True)
    if audit_policy is not None:
        (directory / AUDIT_POLICY).write_bytes(audit_policy.read_bytes())
    profile = _profile(directory, nodes, port)
    place = Place(directory, profile)
    made = cluster_certificates((profile.host, profile.service_ip(1)), ())
    ensure(directory / "pki", made, datetime.datetime.now(datetime.UTC))
    config = directory / "kubeconfig"
    access = kubeconfig.Access(
        profile.name,
        profile.server,
        directory / "pki" / "ca.crt",
        directory / "pki" / "admin.crt",
        directory / "pki" / "admin.key",
    )
    kubeconfig.update(config, lambda old: kubeconfig.with_access(old, access, make_current=True))

    def ready() -> None:
        out.line("🏄", f"{nodes} simulated nodes at {profile.server}; containers are only pretended")
        out.line("🔑", f"export KUBECONFIG={config}")
        sys.stdout.flush()

    uvloop.run(until_signalled(lambda: serve_profile(place, 0, ready)))
    return os.EX_OK


def _profile(directory: Path, nodes: int, port: int) -> Profile:
    known = load_profile(directory) if (directory / FILE).exists() else None
    entries = tuple(NodeEntry(f"node-{i}", i) for i in range(1, nodes + 1))
    chosen = free_port(port or (known.port if known else 0))
    return Profile("simulated", DriverName.FAKE, port=chosen, nodes=entries)
