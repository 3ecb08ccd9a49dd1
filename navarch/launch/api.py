"""The launcher's own questions to a cluster's API server, as the administrator, one after the other."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from navarch.base import times
from navarch.base.errors import LaunchError
from navarch.launch.profile import Profile

TIMEOUT_S = 5.0

Tree = dict[str, Any]


class Api:
    """One connection per question: the server may come and go between them."""

    def __init__(self, profile: Profile, directory: Path, host: str = "") -> None:
        """`host` is the address of one of several servers, the profile's unless told."""
        self._profile = profile
        self._host = host or profile.host
        pki = directory / "pki"
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def apply(self, path: str, tree: Tree) -> None:
        """Server-side apply of one object. Raises: LaunchError."""
        kind = "application/apply-patch+yaml"
        status, body = self.ask(f"{path}?fieldManager=navarch&force=true", "PATCH", body=json.dumps(tree), kind=kind)
        if status >= 400:
            raise LaunchError(
                "K8S_APISERVER_REFUSED", f"the API server says: {json.loads(body).get('message')}", "", 104
            )

    def ask(
        self, path: str, method: str = "GET", timeout_s: float = TIMEOUT_S, *, body: str = "", kind: str = ""
    ) -> tuple[int, bytes]:
        """Status and body. `kind` is the media type of a `body`. Raises: OSError when the server does not answer."""
        profile = self._profile
        connection = http.client.HTTPSConnection(self._host, profile.port, context=self._context, timeout=timeout_s)
        try:
            headers = {"Accept": "application/json", "User-Agent": "navarch"}
            connection.request(method, path, body or None, {**headers, "Content-Type": kind} if kind else headers)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise OSError(str(error) or "no answer") from error
        finally:
            connection.close()

    def get(self, path: str) -> Tree | None:
        """The object or list, None for 404. Raises: LaunchError."""
        try:
            status, body = self.ask(path)
        except OSError as error:
            raise LaunchError(
                "K8S_APISERVER_STOPPED",
                f"the API server at {self._profile.server} does not answer: {error}",
                f'start it: "navarch start -p {self._profile.name}"',
                105,
            ) from error
        if status == 404:
            return None
        tree: Tree = json.loads(body)
        if status >= 400:
            raise LaunchError("K8S_APISERVER_REFUSED", f"the API server says: {tree.get('message')}", "", 104)
        return tree

    def is_ready(self) -> bool:
        try:
            return self.ask("/readyz", timeout_s=1.0)[0] == 200
        except OSError:
            return False

    def node_ready(self, name: str, since_s: float = 0.0) -> bool:
        """Whether the node is ready and has been heard of after `since_s`, seconds since the epoch."""
        node = self._try(f"/api/v1/nodes/{name}")
        lease = self._try(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}")
        if node is None or lease is None or times.parse(lease["spec"]["renewTime"]) < since_s:
            return False
        return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))

    def _try(self, path: str) -> Tree | None:
        try:
            status, body = self.ask(path, timeout_s=2.0)
        except OSError:
            return None
        return json.loads(body) if status == 200 else None
