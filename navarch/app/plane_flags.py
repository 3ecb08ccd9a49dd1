"""The flags of a control plane, named as those of kube-apiserver, kube-controller-manager and kube-scheduler.

    settings = settings_of(["--etcd-servers=https://10.0.0.1:2379", "--data-dir=/var/lib/navarch"])

One process is all three, so their flags stand side by side; where two have the same flag it is one here. The
launcher writes the flags of a profile's control planes itself (`app/config.py`) and adds what its users pass
with `--extra-config=COMPONENT.FLAG=VALUE`.

Source: the flag references of the components.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, NoReturn

from navarch.base.errors import UsageError
from navarch.base.times import format_duration, parse_duration
from navarch.client.election import Timing

APISERVER, MANAGER, SCHEDULER, OURS = "apiserver", "controller-manager", "scheduler", ""
#: Its flags are `kubelet_flags.py`'s.
KUBELET = "kubelet"


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return number


@dataclass(frozen=True, slots=True)
class Flag:
    """`read` turns the text of the flag into its value. Raises: ValueError. A flag that is `fixed` is the
    launcher's own affair in a profile."""

    name: str
    components: tuple[str, ...]
    help: str
    read: Callable[[str], Any] = str
    default: Any = ""
    fixed: bool = True

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")


FLAGS: Final = (
    Flag("data-dir", (OURS,), "where logs, certificates and, without etcd, the objects are kept", Path, Path()),
    Flag("cert-dir", (APISERVER,), "where certificates are made that no flag names; pki in the data directory"),
    Flag("hostname-override", (OURS,), "the name under which this control plane is elected and listed"),
    Flag("advertise-address", (APISERVER,), "where others reach this server; the bind address unless told"),
    Flag("bind-address", (APISERVER,), "the address to listen on", str, "127.0.0.1"),
    Flag("secure-port", (APISERVER,), "the port to listen on", _port, 6443),
    Flag("tls-cert-file", (APISERVER,), "the serving certificate"),
    Flag("tls-private-key-file", (APISERVER,), "its key"),
    Flag("client-ca-file", (APISERVER,), "who signs client certificates"),
    Flag("requestheader-client-ca-file", (APISERVER,), "who signs the front proxy's certificate"),
    Flag("proxy-client-cert-file", (APISERVER,), "shown to aggregated servers"),
    Flag("proxy-client-key-file", (APISERVER,), "its key"),
    Flag("kubelet-certificate-authority", (APISERVER,), "who signs kubelets' certificates; unchecked without"),
    Flag("kubelet-client-certificate", (APISERVER,), "shown to kubelets"),
    Flag("kubelet-client-key", (APISERVER,), "its key"),
    Flag("token-auth-file", (APISERVER,), "bearer tokens: lines of token,user,uid and quoted groups", fixed=False),
    Flag("anonymous-auth", (APISERVER,), "whether requests without credentials are heard", _boolean, True, fixed=False),
    Flag("service-account-issuer", (APISERVER,), "the issuer of service account tokens"),
    Flag("service-account-signing-key-file", (APISERVER,), "signs service account tokens; an RSA or EC key"),
    Flag("service-account-key-file", (APISERVER,), "files of further keys whose tokens are good", _listed, ()),
    Flag("service-cluster-ip-range", (APISERVER, MANAGER), "addresses for services", _listed, ("10.96.0.0/12",)),
    Flag("audit-policy-file", (APISERVER,), "what the audit log is to say; without it there is none", fixed=False),
    Flag(
        "audit-log-path", (APISERVER,), "the audit log; logs/audit.log in the data directory unless told", fixed=False
    ),
    Flag("audit-log-maxsize", (APISERVER,), "megabytes of one file, 0 for no bound", _count, 100, fixed=False),
    Flag("audit-log-maxbackup", (APISERVER,), "how many files are put aside", _count, 10, fixed=False),
    Flag("audit-log-maxage", (APISERVER,), "days that they are kept, 0 for no bound", _count, 0, fixed=False),
    Flag("audit-webhook-config-file", (APISERVER,), "kubeconfig of a server that is told of events", fixed=False),
    Flag("audit-webhook-batch-buffer-size", (APISERVER,), "how many events wait at most", _count, 10_000, fixed=False),
    Flag("audit-webhook-batch-max-size", (APISERVER,), "how many go in one request", _count, 400, fixed=False),
    Flag(
        "audit-webhook-batch-max-wait", (APISERVER,), "how long one waits for others", parse_duration, 30.0, fixed=False
    ),
    Flag(
        "audit-webhook-batch-throttle-enable",
        (APISERVER,),
        "whether requests are bounded in number",
        _boolean,
        True,
        fixed=False,
    ),
    Flag("audit-webhook-batch-throttle-qps", (APISERVER,), "requests a second", float, 10.0, fixed=False),
    Flag("audit-webhook-batch-throttle-burst", (APISERVER,), "requests at once", _count, 15, fixed=False),
    Flag(
        "audit-webhook-initial-backoff",
        (APISERVER,),
        "how long to wait before the second try",
        parse_duration,
        10.0,
        fixed=False,
    ),
    Flag("etcd-servers", (APISERVER,), "etcd's members as URLs; without any, objects are kept here", _listed, ()),
    Flag("etcd-cafile", (APISERVER,), "who signs etcd's certificates"),
    Flag("etcd-certfile", (APISERVER,), "shown to etcd"),
    Flag("etcd-keyfile", (APISERVER,), "its key"),
    Flag("etcd-prefix", (APISERVER,), "before every key in etcd", str, "/navarch"),
    Flag("cluster-cidr", (MANAGER,), "addresses for pods", _listed, ("10.244.0.0/16",)),
    Flag("cluster-signing-cert-file", (MANAGER,), "signs certificate requests"),
    Flag("cluster-signing-key-file", (MANAGER,), "its key"),
    Flag("root-ca-file", (MANAGER,), "published to all namespaces"),
    Flag("node-monitor-grace-period", (MANAGER,), "how long a node may be silent", parse_duration, 40.0, fixed=False),
    Flag("terminated-pod-gc-threshold", (MANAGER,), "how many ended pods are kept", int, 12500, fixed=False),
    Flag("load-balancer-cidr", (OURS,), "addresses for services of type LoadBalancer"),
    Flag(
        "leader-elect",
        (MANAGER, SCHEDULER),
        "whether only one of several works; with etcd yes",
        _boolean,
        None,
        fixed=False,
    ),
    Flag(
        "leader-elect-lease-duration",
        (MANAGER, SCHEDULER),
        "when others may take over",
        parse_duration,
        15.0,
        fixed=False,
    ),
    Flag(
        "leader-elect-renew-deadline", (MANAGER, SCHEDULER), "when a leader gives up", parse_duration, 10.0, fixed=False
    ),
    Flag("leader-elect-retry-period", (MANAGER, SCHEDULER), "between two tries", parse_duration, 2.0, fixed=False),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """A control plane's flags, read, with every file named. Fields are flags; their help says what they are."""

    data_dir: Path
    cert_dir: str
    hostname_override: str
    advertise_address: str
    bind_address: str
    secure_port: int
    tls_cert_file: str
    tls_private_key_file: str
    client_ca_file: str
    requestheader_client_ca_file: str
    proxy_client_cert_file: str
    proxy_client_key_file: str
    kubelet_certificate_authority: str
    kubelet_client_certificate: str
    kubelet_client_key: str
    token_auth_file: str
    anonymous_auth: bool
    service_account_issuer: str
    service_account_signing_key_file: str
    service_account_key_file: tuple[str, ...]
    service_cluster_ip_range: tuple[str, ...]
    audit_policy_file: str
    audit_log_path: str
    audit_log_maxsize: int
    audit_log_maxbackup: int
    audit_log_maxage: int
    audit_webhook_config_file: str
    audit_webhook_batch_buffer_size: int
    audit_webhook_batch_max_size: int
    audit_webhook_batch_max_wait: float
    audit_webhook_batch_throttle_enable: bool
    audit_webhook_batch_throttle_qps: float
    audit_webhook_batch_throttle_burst: int
    audit_webhook_initial_backoff: float
    etcd_servers: tuple[str, ...]
    etcd_cafile: str
    etcd_certfile: str
    etcd_keyfile: str
    etcd_prefix: str
    cluster_cidr: tuple[str, ...]
    cluster_signing_cert_file: str
    cluster_signing_key_file: str
    root_ca_file: str
    node_monitor_grace_period: float
    terminated_pod_gc_threshold: int
    load_balancer_cidr: str
    leader_elect: bool
    leader_elect_lease_duration: float
    leader_elect_renew_deadline: float
    leader_elect_retry_period: float

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    @property
    def timing(self) -> Timing:
        return Timing(
            int(self.leader_elect_lease_duration), self.leader_elect_renew_deadline, self.leader_elect_retry_period
        )


#: Flag -> the file of a cluster's certificates that stands for it.
_MADE: Final = {
    "tls_cert_file": "apiserver.crt",
    "tls_private_key_file": "apiserver.key",
    "client_ca_file": "ca.crt",
    "requestheader_client_ca_file": "front-proxy-ca.crt",
    "proxy_client_cert_file": "front-proxy-client.crt",
    "proxy_client_key_file": "front-proxy-client.key",
    "kubelet_client_certificate": "apiserver-kubelet-client.crt",
    "kubelet_client_key": "apiserver-kubelet-client.key",
    "service_account_signing_key_file": "sa.key",
    "cluster_signing_cert_file": "ca.crt",
    "cluster_signing_key_file": "ca.key",
    "root_ca_file": "ca.crt",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def add_flags(parser: argparse.ArgumentParser) -> None:
    for flag in FLAGS:
        parser.add_argument(f"--{flag.name}", help=flag.help, default=None, metavar="VALUE")


def settings_of(words: Sequence[str]) -> Settings:
    """Raises: UsageError for a flag that does not exist, a value it cannot have, and flags that do not go together."""
    parser = _Parser("navarch control-plane", add_help=False, allow_abbrev=False)
    add_flags(parser)
    return settings_from(parser.parse_args(list(words)))


def settings_from(options: argparse.Namespace) -> Settings:
    """Raises: UsageError."""
    values: dict[str, Any] = {}
    for flag in FLAGS:
        text = getattr(options, flag.field)
        try:
            values[flag.field] = flag.default if text is None else flag.read(text)
        except ValueError:
            raise UsageError(f'invalid argument "{text}" for "--{flag.name}" flag') from None
    values["cert_dir"] = values["cert_dir"] or str(values["data_dir"] / "pki")
    for name, file in _MADE.items():
        values[name] = values[name] or str(Path(values["cert_dir"]) / file)
    values["hostname_override"] = values["hostname_override"] or socket.gethostname()
    values["advertise_address"] = values["advertise_address"] or values["bind_address"]
    values["audit_log_path"] = values["audit_log_path"] or str(values["data_dir"] / "logs" / "audit.log")
    if values["leader_elect"] is None:
        values["leader_elect"] = bool(values["etcd_servers"])
    found = Settings(**{each.name: values[each.name] for each in fields(Settings)})
    _check(found)
    return found


def _check(settings: Settings) -> None:
    retry, deadline, lease = (
        settings.leader_elect_retry_period,
        settings.leader_elect_renew_deadline,
        settings.leader_elect_lease_duration,
    )
    if not lease > deadline:
        raise UsageError("leader-elect-lease-duration must be greater than leader-elect-renew-deadline")
    if not deadline > 1.2 * retry > 0:
        raise UsageError("leader-elect-renew-deadline must be greater than 1.2 times leader-elect-retry-period")
    schemes = {server.partition("://")[0] for server in settings.etcd_servers}
    if not schemes <= {"http", "https"} or len(schemes) > 1:
        raise UsageError("--etcd-servers must be URLs that all begin with http:// or all with https://")


def shown(settings: Settings) -> dict[str, str]:
    """The API server's flags with their values as it tells them on /flagz."""
    return {flag.name: _text(getattr(settings, flag.field)) for flag in FLAGS if APISERVER in flag.components}


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return format_duration(value)
        case tuple():
            return f"[{','.join(value)}]"
    return str(value)


def flags_of(extra: Sequence[str]) -> list[str]:
    """The flags that `--extra-config` values `COMPONENT.FLAG=VALUE` stand for, without those of kubelets, which are
    only checked. Raises: UsageError."""
    words = []
    for each in extra:
        component, dot, rest = each.partition(".")
        name, equals, value = rest.partition("=")
        if not dot or not equals:
            raise UsageError(f'--extra-config="{each}": expected COMPONENT.FLAG=VALUE')
        if component == KUBELET:
            continue
        if component not in (APISERVER, MANAGER, SCHEDULER):
            there = f"{APISERVER}, {MANAGER}, {SCHEDULER} and {KUBELET}"
            raise UsageError(f'--extra-config="{each}": no component "{component}" takes flags; {there} do')
        known = {flag.name: flag for flag in FLAGS if component in flag.components}
        if name not in known:
            free = ", ".join(sorted(flag.name for flag in known.values() if not flag.fixed))
            raise UsageError(f'--extra-config="{each}": {component} has no flag "{name}"; it has: {free}')
        if known[name].fixed:
            raise UsageError(f'--extra-config="{each}": the launcher sets --{name} itself')
        words.append(f"--{name}={value}")
    if len(words) < len(extra):
        _check_kubelets(extra)
    settings_of(words)
    return words


def _check_kubelets(extra: Sequence[str]) -> None:
    from navarch.app import kubelet_flags  # of no use to a control plane, which must begin soon

    try:
        kubelet_flags.tree_of(extra)
    except ValueError as error:
        raise UsageError(f"--extra-config: {error}") from error
