"""minikube's flags that make no difference here. They are accepted, and say why.

A flag that is not here and not ours is an error: nothing is silently ignored.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from navarch.launch.output import Output

_FASTER: Final = "images are built on this machine or come through --registry-mirror"
_SIZE: Final = "nodes share this machine's processors and memory"

#: Flag -> what is said when it is given. They take a value.
WITH_VALUE: Final[Mapping[str, str]] = {
    "image-mirror-country": f"has no effect: {_FASTER}",
    "image-repository": "has no effect: no system images are pulled",
    "base-image": "has no effect: nodes are no containers and need no base image",
    "iso-url": "has no effect: nodes are no virtual machines",
    "container-runtime": "has no effect: the container runtime is containerd",
    "cni": "has no effect: the pod network is a bridge per node with routes between nodes",
    "network-plugin": "has no effect: the pod network is CNI's",
    "cpus": f"has no effect: {_SIZE}",
    "memory": f"has no effect: {_SIZE}",
    "disk-size": f"has no effect: {_SIZE}",
    "kubernetes-version": "has no effect: the API is that of Kubernetes v1.36",
    "feature-gates": "has no effect: there are no feature gates",
    "vm-driver": "has no effect: use --driver",
    "addons": "has no effect: there are no add-ons yet",
    "wait-timeout": "has no effect: a start waits up to 90 s for each node",
    "insecure-registry": "has no effect: registries are asked by https",
    "apiserver-name": "has no effect: the certificate names this machine's addresses",
    "apiserver-ips": "has no effect: the certificate names this machine's addresses",
}
#: The same for flags without a value.
SWITCHES: Final[Mapping[str, str]] = {
    "force": "has no effect: nothing is checked that it would skip",
    "embed-certs": "has no effect: the kubeconfig names the certificates' files",
    "preload": "has no effect: there is nothing to download",
    "download-only": "has no effect: there is nothing to download",
    "interactive": "has no effect: nothing is asked",
    "delete-on-failure": "has no effect: a start that failed is repaired by the next one",
    "cache-images": "has no effect: images are built once",
    "install-addons": "has no effect: there are no add-ons yet",
    "native-ssh": "has no effect: nodes are entered without ssh",
    "keep-context-active": "has no effect: a start makes its context the current one",
}


def add_accepted(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("accepted for minikube's sake, without effect")
    for flag in WITH_VALUE:
        group.add_argument(f"--{flag}", action="append", default=None, help=argparse.SUPPRESS)
    for flag in SWITCHES:
        group.add_argument(f"--{flag}", nargs="?", const="true", default=None, help=argparse.SUPPRESS)


def say_accepted(options: argparse.Namespace, out: Output) -> None:
    """One line for each of these flags that was given."""
    for flag, text in {**WITH_VALUE, **SWITCHES}.items():
        if getattr(options, flag.replace("-", "_"), None) is not None:
            out.note(f"--{flag} {text}")
