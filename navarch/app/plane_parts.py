"""What a control plane is made of, from its settings: store, authentication, access to kubelets."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from navarch.app.plane_flags import Settings
from navarch.base.errors import UsageError
from navarch.seams.contract import Clock
from navarch.server.authn.authenticate import Authenticator, IdentifyToken
from navarch.server.authn.of_store import authenticator_of
from navarch.server.authn.static import StaticTokens, parse_token_file
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.bootstrap import BootstrapConfig
from navarch.server.health import Check, well
from navarch.server.served import Served
from navarch.store.contract import Store

if TYPE_CHECKING:
    from navarch.control.config import Config


def open_store(settings: Settings, clock: Clock) -> tuple[Store, Check]:
    """The store, to be started, and what /readyz asks about it. Raises: StoreUnusable, OSError."""
    if not settings.etcd_servers:
        from navarch.store.durable import DurableStore

        return DurableStore(settings.data_dir / "store", clock), well
    import grpc  # takes its time, and is of no use without etcd

    from navarch.store.etcd import EtcdStore

    credentials = None
    if settings.etcd_servers[0].startswith("https://"):
        credentials = grpc.ssl_channel_credentials(
            _bytes(settings.etcd_cafile), _bytes(settings.etcd_keyfile), _bytes(settings.etcd_certfile)
        )
    targets = [server.partition("://")[2].rstrip("/") for server in settings.etcd_servers]
    store = EtcdStore(targets, credentials, prefix="/" + settings.etcd_prefix.strip("/") + "/")
    return store, lambda: store.fault


def _bytes(file: str) -> bytes | None:
    return Path(file).read_bytes() if file else None


def authenticator(settings: Settings, store: Store, tokens: ServiceAccountTokens, clock: Clock) -> Authenticator:
    """Raises: UsageError for a token file with a line that is none, OSError."""
    others: tuple[IdentifyToken, ...] = ()
    if settings.token_auth_file:
        with Path(settings.token_auth_file).open() as lines:
            others = (StaticTokens(parse_token_file(lines)),)
    return authenticator_of(store, tokens, clock, others, settings.anonymous_auth)


def kubelet_context(settings: Settings) -> ssl.SSLContext:
    """TLS towards kubelets. Without an authority their certificates are taken as they are, as kube-apiserver does."""
    if settings.kubelet_certificate_authority:
        context = ssl.create_default_context(cafile=settings.kubelet_certificate_authority)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(settings.kubelet_client_certificate, settings.kubelet_client_key)
    return context


def reachable(address: str) -> bool:
    """Whether others may be told of an address: pods cannot use a loopback one, and no endpoint may be one.

    Raises: UsageError for what is no address.
    """
    try:
        return not ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise UsageError(f'--advertise-address: "{address}" is no IP address') from None


def bootstrap_config(settings: Settings) -> BootstrapConfig:
    """Endpoints are written at the start where there is one server only; several keep them together."""
    alone = not settings.etcd_servers and reachable(settings.advertise_address)
    return BootstrapConfig(
        service_cidrs=settings.service_cluster_ip_range,
        address=settings.advertise_address if alone else "",
        port=settings.secure_port,
        client_ca=Path(settings.client_ca_file).read_text(),
        front_proxy_ca=Path(settings.requestheader_client_ca_file).read_text(),
    )


def components(settings: Settings) -> tuple[str, ...]:
    """What people ask the health of. The store is called as it is where it has a process of its own."""
    members = max(1, len(settings.etcd_servers))
    return ("controller-manager", *(f"etcd-{member}" for member in range(members)), "scheduler")


def controllers_config(settings: Settings, resources: Iterable[Served]) -> Config:
    """What controllers are told. Imports what they need, which takes its time."""
    from navarch.control.certificate_signing import Authority
    from navarch.control.config import Config

    certificate = Path(settings.cluster_signing_cert_file).read_text()
    return Config(
        resources=tuple(
            served.resource
            for served in resources
            if served.builtin and {"list", "watch", "delete"} <= set(served.kind.verbs) and served.bucket != "events"
        ),
        root_ca=Path(settings.root_ca_file).read_text(),
        cluster_cidrs=settings.cluster_cidr,
        load_balancer_cidr=settings.load_balancer_cidr,
        ingress=True,
        node_grace_s=settings.node_monitor_grace_period,
        terminated_pods_kept=settings.terminated_pod_gc_threshold,
        sign=Authority(certificate, Path(settings.cluster_signing_key_file).read_text()).sign,
    )
