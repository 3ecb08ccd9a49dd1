"""`navarch dashboard`: the cluster in a browser.

The pages (`navarch/dashboard/`) are files that ask the Kubernetes API. A port of the loopback interface serves both,
in the name of the cluster's administrator, as `kubectl proxy` does: to names of this machine only, and neither exec nor
attach, so that no other web page can do anything through it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from navarch.base.errors import LaunchError
from navarch.cli.command import GLOBAL_FLAGS
from navarch.cli.errors import CliError
from navarch.cli.flags import parse
from navarch.cli.proxying import Filter, Proxy, Rules
from navarch.cli.rest import Client, Endpoint
from navarch.cli.session import Session
from navarch.launch.machine import Cluster
from navarch.launch.output import Output

PAGES = Path(__file__).parents[1] / "dashboard"
#: Below this the pages lie; everything else is the API.
PREFIX = "/ui/"

_HOSTS = (re.compile(r"^(localhost|127\.0\.0\.1|\[::1\])$"),)
_PATHS = (re.compile("^/"),)
_REFUSED_PATHS = (re.compile("^/api/.*/pods/.*/(exec|attach)"),)


def client_of(cluster: Cluster) -> Client:
    """As the administrator of a profile. Raises: LaunchError when its API server does not answer."""
    cluster.api().get("/version")
    pki = cluster.directory / "pki"
    ca, certificate, key = ((pki / name).read_bytes() for name in ("ca.crt", "admin.crt", "admin.key"))
    return Client(Endpoint(cluster.profile.server, ca=ca, certificate=certificate, key=key))


def client_of_file(kubeconfig: str, environment: Mapping[str, str]) -> Client:
    """As the user of a kubeconfig's current context. Raises: LaunchError."""
    options, _ = parse(GLOBAL_FLAGS, [f"--kubeconfig={kubeconfig}"])
    session = Session(options, environment)
    try:
        session.client.get("/version")
        return session.another_client()
    except CliError as error:
        raise LaunchError("K8S_APISERVER_STOPPED", f"no cluster by {kubeconfig}: {error}", "", 105) from error
    finally:
        session.close()


def proxy(client: Client, port: int) -> Proxy:
    """Listens already. Raises: LaunchError for a port that is taken."""
    rules = Rules("/", Filter(_HOSTS, _PATHS, _REFUSED_PATHS, ()), str(PAGES), PREFIX)
    try:
        return Proxy(client, rules, ("127.0.0.1", port))
    except OSError as error:
        advice = "choose another, or none: --port=0 takes one that is free"
        raise LaunchError("HOST_PORT_TAKEN", f"port {port}: {error.strerror}", advice, 82) from error


def run(client: Client, port: int, url_only: bool, out: Output) -> int:
    """Serve until interrupted, and open a browser where there is one."""
    served = proxy(client, port)
    url = f"http://{served.address}{PREFIX}"
    opener = None if url_only else shutil.which("xdg-open") or shutil.which("open")
    if url_only:
        out.plain(url)
    elif opener is None:
        out.line("🎉", f"No browser on this machine: open {url} yourself. Ctrl-C ends it.")
    else:
        out.line("🎉", f"Opening {url} in your default browser... Ctrl-C ends it.")
        subprocess.Popen([opener, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    served.run()
    return os.EX_OK
