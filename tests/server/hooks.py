"""Webhooks over real TLS on the loopback: certificates, and a Service whose endpoint is the test itself."""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from navarch.seams.real import real_seams
from navarch.server.app import ApiServer, ServerConfig
from navarch.server.authn.keys import generate_key
from navarch.server.authn.tokens import ServiceAccountTokens
from navarch.server.bootstrap import BootstrapConfig, bootstrap
from navarch.server.own_writes import API_SERVER
from navarch.store.memory import MemoryStore
from navarch.wire.http import Server, serve
from navarch.wire.messages import Request, Response, User

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

#: What has not come about after this never will.
PATIENCE_S = 30.0

Answer = Callable[[Request], Awaitable[Response]]


def certificate(path: Path, name: str) -> tuple[ssl.SSLContext, str]:
    """A server's context with a certificate of its own signing, and the bundle that trusts it (base64)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    file = path / "webhook.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, base64.b64encode(pem).decode()


class Hooked:
    """An API server whose Service `hook` in `default` is answered by `answer`."""

    def __init__(self, server: ApiServer, hook: Server, bundle: str) -> None:
        self.server = server
        self.bundle = bundle
        #: Ends the webhook.
        self.stop = hook.close

    @property
    def service(self) -> dict[str, Any]:
        """What names the webhook in a clientConfig."""
        return {"service": {"namespace": "default", "name": "hook", "path": "/ask"}, "caBundle": self.bundle}

    async def send(
        self, method: str, path: str, body: Any = None, *, user: User = API_SERVER, **headers: str
    ) -> tuple[Response, Any]:
        path, _, query = path.partition("?")
        sent = {"user-agent": "test/1", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = b"" if body is None else json.dumps(body).encode()
        response = await self.server.handle_as(Request(method, path, query, sent, raw, user=user))
        is_json = response.body.startswith((b"{", b"["))
        return response, json.loads(response.body) if is_json else None

    async def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's tree, which must be no error."""
        response, found = await self.send(method, path, body, **headers)
        assert response.status < 300, found
        return found

    async def until(self, path: str, holds: Callable[[Any], bool]) -> Any:
        """The object at a path as soon as it is as wanted: looked at again whenever its bucket changes."""
        served = self.server.resources.find(*_resource(path))
        assert served is not None, path
        changed = asyncio.Event()
        index = self.server.store.index
        cancel = index.watch(served.bucket, index.revision, lambda _: changed.set())
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds(tree := await self.ok("GET", path)):
                    await changed.wait()
                    changed.clear()
        finally:
            cancel()
        return tree

    async def define(self, definition: Any) -> None:
        """Make a CustomResourceDefinition; when this returns its objects are served."""
        await self.ok("POST", DEFINITIONS, definition)
        await self.until(f"{DEFINITIONS}/{definition['metadata']['name']}", _is_established)


def _resource(path: str) -> tuple[str, str, str]:
    """Group, version and plural of a cluster-scoped object's path."""
    _, _, group, version, plural, _ = path.split("/")
    return group, version, plural


def _is_established(crd: Any) -> bool:
    return any(c["type"] == "Established" and c["status"] == "True" for c in crd["status"].get("conditions") or ())


@asynccontextmanager
async def hooked(path: Path, answer: Answer, config: ServerConfig | None = None) -> AsyncIterator[Hooked]:
    """A bootstrapped server, and `answer` listening behind the Service `hook`."""
    store = MemoryStore()
    await store.start()
    seams = real_seams()
    tokens = ServiceAccountTokens("https://i", generate_key(), (), ("https://i",), lambda *_: None, seams.clock.now)
    server = ApiServer(store, seams, config, tokens=tokens)
    await bootstrap(server, BootstrapConfig())
    context, bundle = certificate(path, "hook.default.svc")
    hook = await serve(answer, context, "127.0.0.1", 0)
    world = Hooked(server, hook, bundle)
    service = {"metadata": {"name": "hook"}, "spec": {"ports": [{"port": 443, "targetPort": hook.port}]}}
    await world.ok("POST", "/api/v1/namespaces/default/services", service)
    slice_ = {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": "hook",
            "namespace": "default",
            "uid": "u",
            "labels": {"kubernetes.io/service-name": "hook"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"]}],
        "ports": [{"name": "", "port": hook.port}],
    }
    # Loopback addresses are not valid in a slice: the test writes past validation.
    served = server.resources.find("discovery.k8s.io", "v1", "endpointslices")
    assert served is not None
    await store.put(served.key("default", "hook"), served.document(slice_), 0)
    try:
        yield world
    finally:
        server.close()
        await hook.close()
