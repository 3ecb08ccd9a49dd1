"""A served API, and the real kubectl in front of it.

`Site` is the process of `tests.kubectl.server` and calls to it without kubectl, for what a command has to have
brought about; `Kubectl` runs commands in one namespace.
"""

from __future__ import annotations

import http.client
import json
import os
import shlex
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml

Tree = dict[str, Any]

ROOT = Path(__file__).parents[2]
TOKEN = "admin-token"
#: The longest that anything is waited for.
PATIENCE_S = 30

#: Where the resources lie that tests ask for.
_GROUPS = {
    "apps/v1": ("daemonsets", "deployments", "replicasets", "statefulsets", "controllerrevisions"),
    "autoscaling/v2": ("horizontalpodautoscalers",),
    "batch/v1": ("cronjobs", "jobs"),
    "policy/v1": ("poddisruptionbudgets",),
    "rbac.authorization.k8s.io/v1": ("roles", "rolebindings", "clusterroles", "clusterrolebindings"),
    "scheduling.k8s.io/v1": ("priorityclasses",),
    "storage.k8s.io/v1": ("storageclasses",),
    "certificates.k8s.io/v1": ("certificatesigningrequests",),
    "apiextensions.k8s.io/v1": ("customresourcedefinitions",),
    "networking.k8s.io/v1": ("ingresses", "networkpolicies"),
}
_PLACE = {plural: f"/apis/{group}" for group, plurals in _GROUPS.items() for plural in plurals}
_GLOBAL = frozenset(
    {
        "namespaces",
        "nodes",
        "persistentvolumes",
        "clusterroles",
        "clusterrolebindings",
        "priorityclasses",
        "storageclasses",
        "certificatesigningrequests",
        "customresourcedefinitions",
    }
)


@dataclass(frozen=True)
class Done:
    """What one command left: its exit code and what it wrote."""

    command: str
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both streams, the way `2>&1` shows them."""
        return self.out + self.err


class Site:
    """`directory` holds pki/; `server` is the URL."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.server = f"https://127.0.0.1:{port}"
        self.home = directory / "home"
        self.home.mkdir()
        self._context = ssl.create_default_context(cafile=str(directory / "pki" / "ca.crt"))
        self._connection: http.client.HTTPSConnection | None = None

    def kubeconfig(self, namespace: str) -> Path:
        """A kubeconfig file whose context `test` is the administrator in `namespace`."""
        path = self.directory / f"kubeconfig-{namespace}"
        cluster = {"server": self.server, "certificate-authority": str(self.directory / "pki" / "ca.crt")}
        context = {"cluster": "local", "user": "admin", "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request as administrator, on a connection that is kept."""
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {TOKEN}"}
        if raw is not None:
            sent["Content-Type"] = "application/json"
        for name, value in (headers or {}).items():
            sent[name] = value
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request(method, path, raw, {k: v for k, v in sent.items() if v})
        response = self._connection.getresponse()
        return response.status, response.read()

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Tree:
        """The answer of a request that has to succeed."""
        status, raw = self.request(method, path, body, headers)
        assert status < 300, (method, path, status, raw)
        answer: Tree = json.loads(raw)
        return answer

    def events(self, path: str, query: Mapping[str, str]) -> Iterator[Tree]:
        """The events of a watch, until it ends by itself."""
        connection = self._connect()
        try:
            whole = {"watch": "1", "timeoutSeconds": str(PATIENCE_S), **query}
            connection.request("GET", f"{path}?{urlencode(whole)}", headers={"Authorization": f"Bearer {TOKEN}"})
            response = connection.getresponse()
            assert response.status == 200, response.read()
            while line := response.readline():
                yield json.loads(line)
        finally:
            connection.close()

    def frames(self, path: str, query: Mapping[str, str], accept: str) -> Iterator[bytes]:
        """The frames of a watch whose events are preceded by their length in four bytes."""
        connection = self._connect()
        try:
            whole = {"watch": "1", "timeoutSeconds": str(PATIENCE_S), **query}
            headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accept}
            connection.request("GET", f"{path}?{urlencode(whole)}", headers=headers)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            assert response.headers["Content-Type"] == "application/vnd.kubernetes.protobuf;stream=watch"
            while head := response.read(4):
                yield response.read(int.from_bytes(head, "big"))
        finally:
            connection.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self._context, timeout=PATIENCE_S + 5)


@dataclass
class Kubectl:
    """One kubectl program in one namespace. Command lines are written as for a shell, without its expansions."""

    site: Site
    program: str
    namespace: str
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """Whether it is our own command line, of the server's minor version."""
        return self.program.endswith("navarch-kubectl")

    def __post_init__(self) -> None:
        self.kubeconfig = self.site.kubeconfig(self.namespace)

    # --- commands

    def run(self, line: str, *words: str, text: str = "", **environment: str) -> Done:
        """Run `kubectl` with the words of `line` and `words`; `text` is its standard input."""
        whole = [*shlex.split(line), *words]
        base = {
            "HOME": str(self.site.home),
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(self.kubeconfig),
            "KUBE_EDITOR": "cat",
        }
        done = subprocess.run(
            ["kubectl", *whole],
            executable=self.program,
            cwd=self.directory,
            env=base | self.environment | environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            check=False,
        )
        return Done(f"kubectl {shlex.join(whole)}", done.returncode, done.stdout, done.stderr)

    def __call__(self, line: str, *words: str, text: str = "", **environment: str) -> str:
        """The output of a command that has to succeed."""
        done = self.run(line, *words, text=text, **environment)
        assert done.code == 0, done
        return done.out

    def says(self, line: str, *words: str, text: str = "", **environment: str) -> str:
        """Both streams of a command that has to succeed."""
        done = self.run(line, *words, text=text, **environment)
        assert done.code == 0, done
        return done.text

    def fails(self, line: str, *words: str, text: str = "", **environment: str) -> str:
        """Both streams of a command that has to fail."""
        done = self.run(line, *words, text=text, **environment)
        assert done.code != 0, done
        return done.text

    @contextmanager
    def running(self, line: str, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on while the block runs; its output is to be read from `stdout`."""
        with subprocess.Popen(
            ["kubectl", *shlex.split(line), *words],
            executable=self.program,
            cwd=self.directory,
            env={"HOME": str(self.site.home), "PATH": os.environ["PATH"], "KUBECONFIG": str(self.kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child:
            try:
                yield child
            finally:
                child.kill()

    # --- files

    def write(self, name: str, *trees: Tree, text: str = "") -> str:
        """A file with the trees as YAML documents, or with `text`; its name, for `-f`."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or yaml.safe_dump_all(trees, sort_keys=False))
        return name

    def editor(self, old: str, new: str) -> str:
        """A program that replaces `old` in the file that it is given: for $KUBE_EDITOR."""
        path = self.directory / f"editor-{abs(hash((old, new)))}"
        path.write_text(
            f"#!{sys.executable}\nimport pathlib, sys\nfor name in sys.argv[1:]:\n    file = pathlib.Path(name)\n"
            f"    file.write_text(file.read_text().replace({old!r}, {new!r}))\n"
        )
        path.chmod(0o755)
        return str(path)

    # --- the state of things, asked without kubectl

    def path(self, plural: str, name: str = "", group: str = "") -> str:
        """`plural` may name a namespace: `other/pods`."""
        namespace, _, plural = plural.rpartition("/")
        base = f"/apis/{group}" if group else _PLACE.get(plural, "/api/v1")
        where = "" if plural in _GLOBAL else f"/namespaces/{namespace or self.namespace}"
        return f"{base}{where}/{plural}" + (f"/{quote(name)}" if name else "")

    def get(self, plural: str, name: str, group: str = "") -> Tree:
        return self.site.call("GET", self.path(plural, name, group))

    def list(self, plural: str, selector: str = "", group: str = "") -> list[Tree]:
        query = f"?{urlencode({'labelSelector': selector})}" if selector else ""
        items: list[Tree] = self.site.call("GET", self.path(plural, group=group) + query)["items"]
        return items

    def names(self, plural: str, selector: str = "", group: str = "") -> list[str]:
        return [each["metadata"]["name"] for each in self.list(plural, selector, group)]

    def exists(self, plural: str, name: str, group: str = "") -> bool:
        status, _ = self.site.request("GET", self.path(plural, name, group))
        assert status in (200, 404), status
        return status == 200

    def managers(self, plural: str, name: str) -> list[str]:
        return [entry["manager"] for entry in self.get(plural, name)["metadata"]["managedFields"]]

    def until(self, plural: str, holds: Callable[[list[Tree]], bool], selector: str = "", group: str = "") -> None:
        """Wait until `holds` is true of the objects of a kind, in the order of their names."""
        path = self.path(plural, group=group)
        query = {"labelSelector": selector} if selector else {}
        listed = self.site.call("GET", f"{path}?{urlencode(query)}")
        objects = {each["metadata"]["name"]: each for each in listed["items"]}
        if holds(_in_order(objects)):
            return
        version = listed["metadata"]["resourceVersion"]
        for event in self.site.events(path, {**query, "resourceVersion": version}):
            name = event["object"]["metadata"]["name"]
            if event["type"] == "DELETED":
                objects.pop(name, None)
            else:
                objects[name] = event["object"]
            if holds(_in_order(objects)):
                return
        raise AssertionError(f"not within {PATIENCE_S} s: {plural} {selector}: {json.dumps(objects)[:2000]}")

    def until_one(self, plural: str, name: str, holds: Callable[[Tree], bool]) -> None:
        self.until(plural, lambda found: any(o["metadata"]["name"] == name and holds(o) for o in found))


def _in_order(objects: Mapping[str, Tree]) -> list[Tree]:
    return [objects[name] for name in sorted(objects)]


@contextmanager
def served(directory: Path, *options: str) -> Iterator[Site]:
    """A running server whose files lie in `directory`."""
    command = [sys.executable, "-m", "tests.kubectl.server", str(directory), *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        site = Site(directory, int(child.stdout.readline()))
        try:
            yield site
        finally:
            site.close()
            child.stdin.close()
            child.wait(10)
