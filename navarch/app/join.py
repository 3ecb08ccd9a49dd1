"""How a machine becomes a node: from an address and a token to a certificate of its own.

    joined = await bootstrap(Wanted("10.0.0.1:6443", "abcdef.0123456789abcdef", ("sha256:…",), "worker-1"), directory)

1. Read `cluster-info` from a server that nobody has vouched for yet, and believe it if it is signed with the token
   and its authority's key has the digest that was told; then trust that authority alone.
2. With the token, ask for a client certificate as system:node:NAME; the controllers approve and sign it.

Keys never leave the directory; what is there already is used again, so a node that is started again needs no token.

Source: KEP-130 and kubeadm's token discovery (checks, names of files); KEP-43 (TLS bootstrap).
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import hmac
import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from navarch.app.tokens import TOKEN, ca_hash
from navarch.base import yaml
from navarch.base.errors import LaunchError, StatusError
from navarch.base.files import replace_file
from navarch.client.contract import Client, Unreachable
from navarch.client.http import http_client
from navarch.control.bootstrap_tokens import SIGNATURE, signature
from navarch.schema.types import Tree

INFO_PATH = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
REQUESTS_PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLIENT_SIGNER, SERVING_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"
CLIENT, SERVING, CA = "kubelet-client", "kubelet-serving", "ca"
POLL_S = 0.5
DISCOVERY_TIMEOUT_S = 60.0
CERTIFICATE_TIMEOUT_S = 60.0
#: Somebody has to approve it; who does not within this time gets a certificate of the node's own making.
SERVING_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """`address` is `host:port` or a URL; `hashes` are digests of the authority's key, () to trust the token alone."""

    address: str
    token: str
    hashes: tuple[str, ...]
    node: str

    @property
    def server(self) -> str:
        return self.address if "://" in self.address else f"https://{self.address}"


@dataclass(frozen=True, slots=True)
class Joined:
    """Where the API is, and the directory with ca.crt and the node's own certificates."""

    server: str
    node: str
    directory: Path

    def file(self, name: str) -> str:
        return str(self.directory / name)

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.file(f"{CA}.crt"))
        context.load_cert_chain(self.file(f"{CLIENT}.crt"), self.file(f"{CLIENT}.key"))
        return context

    def client(self, agent: str) -> Client:
        return http_client(self.server, self.context(), user_agent=agent)


# --- discovery


def trusted(data: Mapping[str, str], token: str, wanted_hashes: Sequence[str]) -> tuple[str, str]:
    """Server and authority (PEM) of a `cluster-info`, once it is proven. Raises: LaunchError."""
    token_id, _, secret = token.partition(".")
    content, made = data.get("kubeconfig", ""), data.get(SIGNATURE + token_id)
    if made is None:
        where = "there is no JWS signed token in the cluster-info ConfigMap"
        raise _refused(f'{where}. This token id "{token_id}" is invalid for this cluster')
    if not hmac.compare_digest(made, signature(content, token_id, secret)):
        raise _refused("failed to verify JWS signature of received cluster info object, can't trust this API Server")
    cluster: Tree = yaml.load(content.encode())["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    found = ca_hash(authority.encode())
    if wanted_hashes and found not in wanted_hashes:
        raise _refused(f"cluster CA found in cluster-info ConfigMap is invalid: public key {found} is not pinned")
    return str(cluster["server"]), authority


def _refused(message: str) -> LaunchError:
    return LaunchError("GUEST_NODE_JOIN", message, "make a new command: navarch token create --print-join-command", 80)


async def discover(wanted: Wanted) -> tuple[str, str]:
    """Server and authority. Raises: LaunchError."""
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    data = await _info(http_client(wanted.server, anyone), wanted.token)
    server, authority = trusted(data, wanted.token, wanted.hashes)
    context = ssl.create_default_context(cadata=authority)
    again = await _info(http_client(wanted.server, context), wanted.token)
    if again.get("kubeconfig") != data["kubeconfig"]:
        raise _refused("the second kubeconfig from the server differs from the one that was proven")
    return server, authority


async def _info(client: Client, token: str) -> Mapping[str, str]:
    """The data of cluster-info, once it is signed for the token. Raises: LaunchError."""
    deadline = asyncio.get_running_loop().time() + DISCOVERY_TIMEOUT_S
    signed = SIGNATURE + token.partition(".")[0]
    try:
        while True:
            last = asyncio.get_running_loop().time() > deadline
            try:
                tree: Tree = orjson.loads(await client.request("GET", INFO_PATH))
                data: dict[str, str] = tree.get("data") or {}
                if signed in data or last:
                    return data
            except (StatusError, Unreachable) as error:
                if last or (isinstance(error, StatusError) and error.code < 500):
                    raise _refused(f"cannot read cluster-info: {error}") from error
            await asyncio.sleep(POLL_S)
    finally:
        await client.close()


# --- certificates


async def bootstrap(wanted: Wanted, directory: Path) -> Joined:
    """Everything a node needs to speak for itself. Raises: LaunchError."""
    if (directory / f"{CLIENT}.crt").exists():
        server = (directory / "server").read_text().strip()
        return Joined(server, wanted.node, directory)
    if not TOKEN.fullmatch(wanted.token):
        raise LaunchError("MK_USAGE", "--token: a token of the form ID.SECRET is needed", "navarch token create", 64)
    server, authority = await discover(wanted)
    _keep(directory, server, authority)
    context = ssl.create_default_context(cadata=authority)
    client = http_client(server, context, token=wanted.token, user_agent="kubelet")
    key = ec.generate_private_key(ec.SECP256R1())
    try:
        usages = ["digital signature", "client auth"]
        signed = await request_certificate(
            client, CLIENT_SIGNER, usages, signing_request(key, wanted.node), CERTIFICATE_TIMEOUT_S
        )
    finally:
        await client.close()
    if signed is None:
        raise _refused("nobody has approved this node's request for a certificate")
    _write(directory, CLIENT, key, signed)
    return Joined(server, wanted.node, directory)


async def ensure_serving(joined: Joined, client: Client, address: str) -> None:
    """A certificate for the kubelet's own port: the cluster's if somebody approves it, else one of our own."""
    if (joined.directory / f"{SERVING}.crt").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(joined.node), x509.IPAddress(ipaddress.ip_address(address))]
    csr = signing_request(key, joined.node, names)
    usages = ["digital signature", "server auth"]
    try:
        signed = await request_certificate(client, SERVING_SIGNER, usages, csr, SERVING_TIMEOUT_S)
    except StatusError:
        signed = None
    _write(joined.directory, SERVING, key, signed or _self_signed(key, joined.node, names))


def signing_request(key: ec.EllipticCurvePrivateKey, node: str, names: Sequence[x509.GeneralName] = ()) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(node))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _subject(node: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes")
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}")])


async def request_certificate(
    client: Client, signer: str, usages: Sequence[str], csr: bytes, timeout_s: float
) -> str | None:
    """The certificate in PEM, None when it is not there in time. Raises: StatusError, LaunchError when refused."""
    spec = {"request": base64.b64encode(csr).decode(), "signerName": signer, "usages": list(usages)}
    tree = {"metadata": {"generateName": "csr-"}, "spec": spec}
    name = orjson.loads(await client.request("POST", REQUESTS_PATH, body=orjson.dumps(tree)))["metadata"]["name"]
    deadline = asyncio.get_running_loop().time() + timeout_s
    while asyncio.get_running_loop().time() < deadline:
        status: Tree = orjson.loads(await client.request("GET", f"{REQUESTS_PATH}/{name}")).get("status") or {}
        if certificate := status.get("certificate"):
            return base64.b64decode(certificate).decode()
        if bad := [c for c in status.get("conditions", ()) if c["type"] in ("Denied", "Failed")]:
            raise _refused(f"the request for a certificate was not granted: {bad[0].get('message')}")
        await asyncio.sleep(POLL_S)
    return None


def _self_signed(key: ec.EllipticCurvePrivateKey, node: str, names: Sequence[x509.GeneralName]) -> str:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(node))
        .issuer_name(_subject(node))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def _keep(directory: Path, server: str, authority: str) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(directory / f"{CA}.crt", authority.encode())
    replace_file(directory / "server", server.encode())


def _write(directory: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: str) -> None:
    form = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    replace_file(directory / f"{name}.key", text, mode=0o600)
    replace_file(directory / f"{name}.crt", certificate.encode())


# --- the node's place


async def pod_range(client: Client, node: str, timeout_s: float = 30.0) -> str:
    """The range that the controllers give to the node, whose object is made for it. Raises: LaunchError."""
    path = f"/api/v1/nodes/{node}"
    tree = {"metadata": {"name": node, "labels": {"kubernetes.io/hostname": node}}}
    try:
        await client.request("POST", "/api/v1/nodes", body=orjson.dumps(tree))
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
    deadline = asyncio.get_running_loop().time() + timeout_s
    while asyncio.get_running_loop().time() < deadline:
        spec: Tree = orjson.loads(await client.request("GET", path)).get("spec") or {}
        if spec.get("podCIDR"):
            return str(spec["podCIDR"])
        await asyncio.sleep(POLL_S)
    raise _refused("the cluster gives this node no range for its pods: has its controller manager a --cluster-cidr?")


async def kubelet_settings(client: Client) -> tuple[tuple[str, ...], str]:
    """Addresses of DNS, and the cluster's domain."""
    path = "/api/v1/namespaces/kube-system/configmaps/kubelet-config"
    tree: Tree = orjson.loads(await client.request("GET", path))
    config: Tree = yaml.load(tree["data"]["kubelet"].encode())
    return tuple(config.get("clusterDNS") or ()), str(config.get("clusterDomain") or "cluster.local")
