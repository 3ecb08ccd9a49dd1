"""The certificates and keys of a cluster: made once, renewed in time, replaced when they no longer fit.

    ca.crt, ca.key                      signs everything below
    front-proxy-ca.*, front-proxy-client.*   for aggregated API servers
    apiserver.*                         the API server's serving certificate
    apiserver-kubelet-client.*          with which the API server calls kubelets
    etcd-ca.*, etcd.*, apiserver-etcd-client.*   where the cluster has an etcd: its members, and who asks them
    admin.*, controller-manager.*, scheduler.*, proxy.*, dns.*, kubelet-NODE.*   clients; a kubelet's serves too
    sa.key, sa.pub                      signs and checks service account tokens

Keys are on the P-256 curve: a whole cluster's take a few milliseconds.

Source: kubeadm's PKI (names, subjects, usages); SEMANTICS of serving certificates in clusters.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID

from navarch.base.files import replace_file

AUTHORITY_LIFE = datetime.timedelta(days=3650)
CERTIFICATE_LIFE = datetime.timedelta(days=1095)
#: Renewed by the first start within this time before the end.
RENEWAL_MARGIN = datetime.timedelta(days=60)
#: Clocks of other machines may be behind.
BACKDATED = datetime.timedelta(hours=1)

CA, FRONT_PROXY_CA, ETCD_CA = "ca", "front-proxy-ca", "etcd-ca"
CLIENT, SERVER = Usage.CLIENT_AUTH, Usage.SERVER_AUTH
#: As pods and clients call the API server, whatever its address.
API_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
    "control-plane.minikube.internal",
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one certificate must say. `name` is its file's name without suffix."""

    name: str
    common_name: str
    organization: str = ""
    usages: tuple[x509.ObjectIdentifier, ...] = (CLIENT,)
    dns_names: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    authority: str = CA


def cluster_certificates(api_ips: Sequence[str], nodes: Sequence[tuple[str, str]]) -> tuple[Certificate, ...]:
    """All leaf certificates of a cluster whose API server has `api_ips`, with nodes as (name, address)."""
    return (
        Certificate(
            "apiserver",
            "kube-apiserver",
            usages=(SERVER,),
            dns_names=API_NAMES,
            ips=tuple(sorted({*api_ips, "127.0.0.1"})),
        ),
        Certificate("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
        Certificate("front-proxy-client", "front-proxy-client", authority=FRONT_PROXY_CA),
        Certificate("admin", "kubernetes-admin", "system:masters"),
        Certificate("controller-manager", "system:kube-controller-manager"),
        Certificate("scheduler", "system:kube-scheduler"),
        Certificate("proxy", "system:kube-proxy", "system:node-proxier"),
        # DNS keeps a Service and slices of its own, which no role of Kubernetes' bootstrap policy covers.
        Certificate("dns", "system:navarch-dns", "system:masters"),
        *(
            Certificate(f"kubelet-{name}", f"system:node:{name}", "system:nodes", (CLIENT, SERVER), (name,), (ip,))
            for name, ip in nodes
        ),
    )


def etcd_certificates(hosts: Sequence[str]) -> tuple[Certificate, ...]:
    """Of an etcd whose members have these addresses: one that they share, and that of the API servers."""
    return (
        Certificate("etcd", "etcd", usages=(CLIENT, SERVER), ips=tuple(sorted(hosts)), authority=ETCD_CA),
        Certificate("apiserver-etcd-client", "kube-apiserver-etcd-client", authority=ETCD_CA),
    )


def ensure(directory: Path, wanted: Sequence[Certificate], now: datetime.datetime) -> tuple[str, ...]:
    """Make or renew what is missing, near its end, or not as wanted; the names of what was made."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    authorities = dict.fromkeys((CA, FRONT_PROXY_CA, *(each.authority for each in wanted)))
    made = [name for name in authorities if _ensure_authority(directory, name, now)]
    made += [each.name for each in wanted if _ensure_certificate(directory, each, now)]
    if not (directory / "sa.key").exists():
        key = ec.generate_private_key(ec.SECP256R1())
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        replace_file(directory / "sa.pub", key.public_key().public_bytes(serialization.Encoding.PEM, public))
        _write_key(directory / "sa.key", key)
        made.append("sa")
    return tuple(made)


def _ensure_authority(directory: Path, name: str, now: datetime.datetime) -> bool:
    found = _load(directory / f"{name}.crt")
    if found and (directory / f"{name}.key").exists() and not _near_its_end(found, now):
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject("kubernetes" if name == CA else name, "")
    usage = x509.KeyUsage(True, False, True, False, False, True, True, False, False)
    signed = (
        _builder(subject, subject, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(directory, name, signed, key)
    return True


def _ensure_certificate(directory: Path, wanted: Certificate, now: datetime.datetime) -> bool:
    authority = _load(directory / f"{wanted.authority}.crt")
    assert authority is not None, "authorities are made first"
    found = _load(directory / f"{wanted.name}.crt")
    if (
        found
        and (directory / f"{wanted.name}.key").exists()
        and not _near_its_end(found, now)
        and _fits(found, wanted, authority)
    ):
        return False
    signing_key = serialization.load_pem_private_key((directory / f"{wanted.authority}.key").read_bytes(), None)
    assert isinstance(signing_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(wanted.common_name, wanted.organization)
    builder = (
        _builder(subject, authority.subject, key.public_key(), now, CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, False, True, False, False, False, False, False, False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(wanted.usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
    )
    if names := _alternative_names(wanted):
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    _write(directory, wanted.name, builder.sign(signing_key, hashes.SHA256()), key)
    return True


def _fits(found: x509.Certificate, wanted: Certificate, authority: x509.Certificate) -> bool:
    """Whether a certificate says what it must, signed by the authority of today."""
    try:
        found.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    try:
        names = list(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        names = []
    usages = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    subject = _subject(wanted.common_name, wanted.organization)
    return found.subject == subject and names == _alternative_names(wanted) and tuple(usages) == wanted.usages


def _alternative_names(wanted: Certificate) -> list[x509.GeneralName]:
    return [
        *(x509.DNSName(name) for name in wanted.dns_names),
        *(x509.IPAddress(ipaddress.ip_address(ip)) for ip in wanted.ips),
    ]


def _subject(common_name: str, organization: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    life: datetime.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _near_its_end(found: x509.Certificate, now: datetime.datetime) -> bool:
    return found.not_valid_after_utc - now < RENEWAL_MARGIN


def _load(path: Path) -> x509.Certificate | None:
    """The certificate there; None where there is none that can be read."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _write(directory: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    # The key first: a certificate without its key would look complete after a crash.
    (directory / f"{name}.crt").unlink(missing_ok=True)
    _write_key(directory / f"{name}.key", key)
    replace_file(directory / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    replace_file(path, text, mode=0o600)
