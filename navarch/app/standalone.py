"""`navarch control-plane FLAGS`: a control plane in the foreground, of a cluster that no launcher looks after.

    navarch control-plane --data-dir=/var/lib/navarch --etcd-servers=https://10.0.0.1:2379 \\
        --etcd-cafile=ca.crt --etcd-certfile=client.crt --etcd-keyfile=client.key \\
        --bind-address=10.0.0.11 --cert-dir=/etc/navarch/pki

Certificates and keys that no flag names are made in --cert-dir. Servers of one cluster need the same
authorities and the same service account key: start one, and give its ca.*, front-proxy-ca.* and sa.* to the others.
"""

from __future__ import annotations

import argparse
import datetime
import os
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

from navarch.app.control_plane import run_logged, serve_settings
from navarch.app.plane_flags import Settings, add_flags, settings_of
from navarch.app.plane_parts import reachable
from navarch.base.errors import LaunchError, UsageError
from navarch.launch import kubeconfig
from navarch.wire.certificates import cluster_certificates, ensure

ANYWHERE = ("0.0.0.0", "::")


def run(words: Sequence[str]) -> int:
    """Until SIGTERM or Ctrl-C. Raises: LaunchError for wrong flags."""
    if {"-h", "--help"}.intersection(words):
        parser = argparse.ArgumentParser("navarch control-plane", add_help=False)
        add_flags(parser)
        parser.print_help()
        return os.EX_OK
    try:
        settings = settings_of(words)
        if settings.data_dir == Path():
            raise UsageError("--data-dir is needed: where logs and certificates are kept")
        if settings.advertise_address in ANYWHERE:
            raise UsageError("--advertise-address is needed where --bind-address is no address of its own")
        reachable(settings.advertise_address)
    except UsageError as error:
        raise LaunchError("MK_USAGE", str(error), "see: navarch control-plane --help", 64) from error
    config = make_certificates(settings)

    def ready() -> None:
        print(f"ready at https://{settings.advertise_address}:{settings.secure_port}; KUBECONFIG={config}", flush=True)

    return run_logged(settings.logs, lambda: serve_settings(settings, on_ready=ready))


def make_certificates(settings: Settings) -> Path:
    """Those that nobody gave, in --cert-dir; the kubeconfig of an administrator, beside them."""
    pki = Path(settings.cert_dir)
    services = [str(ip_network(cidr)[1]) for cidr in settings.service_cluster_ip_range]
    own = [address for address in (settings.bind_address, settings.advertise_address) if address not in ANYWHERE]
    ensure(pki, cluster_certificates((*own, *services), ()), datetime.datetime.now(datetime.UTC))
    server = f"https://{settings.advertise_address}:{settings.secure_port}"
    access = kubeconfig.Access("navarch", server, pki / "ca.crt", pki / "admin.crt", pki / "admin.key")
    config = settings.data_dir / "kubeconfig"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    kubeconfig.update(config, lambda old: kubeconfig.with_access(old, access, make_current=True))
    return config
