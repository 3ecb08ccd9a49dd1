"""The verbs by which nodes of other hosts join: `navarch node join`, `navarch token create|list|delete`.

Flags are kubeadm's where kubeadm has them. As in main.py, each verb imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from navarch.base.errors import LaunchError

if TYPE_CHECKING:
    from navarch.app.tokens import Administrator
    from navarch.launch.output import Output
    from navarch.launch.profile import Home

USAGE_CODE = 64

#: (name, what runs it, help, of=group) -> the verb's parser.
AddVerb = Callable[..., argparse.ArgumentParser]


def add_join(verb: AddVerb, node: Any) -> None:
    """`node` is the group that the verb belongs to."""
    join = verb("join", _join, "be a node of a cluster elsewhere, in the foreground", of=node)
    join.add_argument("address", metavar="HOST:PORT")
    join.add_argument("--token", default="", help="a bootstrap token; needed the first time")
    join.add_argument("--discovery-token-ca-cert-hash", action="append", default=[], metavar="sha256:DIGEST")
    join.add_argument("--discovery-token-unsafe-skip-ca-verification", action="store_true")
    join.add_argument("--node-name", default="", help="this machine's name unless told")
    join.add_argument("--node-ip", default="", help="the address by which the server is reached unless told")
    join.add_argument("--cri-socket", default="unix:///run/containerd/containerd.sock", help="or fake")
    join.add_argument("--cni-conf-dir", type=Path, default=Path("/etc/cni/net.d"), help="the runtime's")
    join.add_argument("--pod-network", choices=("routes", "vxlan", "none"), default="vxlan")
    join.add_argument("--data-dir", type=Path, default=None, help="where its certificates and logs are kept")


def add_tokens(verb: AddVerb, group: argparse.ArgumentParser) -> None:
    token = group.add_subparsers(metavar="VERB", parser_class=type(group))
    create = verb("create", _create, "make one", of=token)
    create.add_argument("token", nargs="?", default="")
    create.add_argument("--ttl", default="24h0m0s", help="how long it is good; 0 for ever")
    create.add_argument("--description", default="")
    create.add_argument("--usages", default="signing,authentication")
    create.add_argument("--groups", default="system:bootstrappers:kubeadm:default-node-token")
    create.add_argument("--print-join-command", action="store_true", help="what to run on the node")
    delete = verb("delete", _delete, "take it back", of=token)
    delete.add_argument("token", nargs="+")
    for each in (group, create, delete, verb("list", list_tokens, "all of them", of=token)):
        each.add_argument("--kubeconfig", type=Path, default=argparse.SUPPRESS, help="the cluster, if not a profile")


def _join(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.app.join import Wanted
    from navarch.app.joined import Options, run
    from navarch.node.podnet import Mode

    hashes = tuple(options.discovery_token_ca_cert_hash)
    if options.token and not hashes and not options.discovery_token_unsafe_skip_ca_verification:
        raise LaunchError(
            "MK_USAGE",
            "--discovery-token-ca-cert-hash is needed: by it this node knows the cluster",
            "navarch token create --print-join-command shows it",
            USAGE_CODE,
        )
    name = options.node_name or socket.gethostname().lower()
    directory = options.data_dir or home.root / "joined" / name
    wanted = Wanted(options.address, options.token, hashes, name)
    network = Mode(options.pod_network)
    chosen = Options(wanted, directory, options.cri_socket, options.node_ip, network, options.cni_conf_dir)
    return run(chosen, out)


def _create(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.app import tokens
    from navarch.base.times import parse_duration

    try:
        ttl_s = 0.0 if options.ttl == "0" else parse_duration(options.ttl)
    except ValueError:
        text = f'invalid argument "{options.ttl}" for "--ttl" flag'
        raise LaunchError("MK_USAGE", text, "--ttl=2h", USAGE_CODE) from None
    listed = tuple(filter(None, options.usages.split(","))), tuple(filter(None, options.groups.split(",")))
    wanted = tokens.Wanted(options.token, ttl_s, options.description, *listed)
    return tokens.create(_administrator(options), wanted, options.print_join_command, out)


def list_tokens(options: argparse.Namespace, home: Home, out: Output) -> int:
    """Every token of the cluster."""
    from navarch.app import tokens

    return tokens.list_tokens(_administrator(options), out)


def _delete(options: argparse.Namespace, home: Home, out: Output) -> int:
    from navarch.app import tokens

    return tokens.delete(_administrator(options), options.token, out)


def _administrator(options: argparse.Namespace) -> Administrator:
    """Of the kubeconfig that was named, or of the profile's entry in the user's."""
    from navarch.app import tokens
    from navarch.launch.kubeconfig import kubeconfig_path

    if hasattr(options, "kubeconfig"):
        return tokens.administrator(options.kubeconfig, "")
    return tokens.administrator(kubeconfig_path(os.environ, Path.home()), options.profile)
