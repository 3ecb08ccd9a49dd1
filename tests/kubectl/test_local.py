"""What needs no server: kubeconfig files, plug-ins, help; and kubectl's own preferences."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from tests.kubectl.conftest import PROGRAMS, in_new_namespace
from tests.kubectl.objects import labelled_pod
from tests.kubectl.programs import ours
from tests.kubectl.site import Kubectl, Site, Tree

CLUSTER = "{.clusters[?(@.name == 'test-cluster')].cluster.certificate-authority%s}"
#: The first minor version that reads a file of preferences.
KUBERC = 33


@pytest.mark.suite("kubectl_config_set_tests", "kubectl_config_set_cluster_tests")
def test_config_of_clusters(k: Kubectl) -> None:
    def written(suffix: str = "-data") -> str:
        return k("config view --raw", f"-o=jsonpath={CLUSTER % suffix}")

    file = k.site.directory / "pki" / "apiserver.crt"
    text = "#Comment\n" + file.read_text()
    encoded = base64.b64encode(text.encode()).decode()
    k("config set-cluster test-cluster --server=https://does-not-work")
    k("config set clusters.test-cluster.certificate-authority-data", text, "--set-raw-bytes")
    assert written() == encoded
    k("config set clusters.test-cluster.certificate-authority-data", encoded)
    assert written() == encoded
    k("config delete-cluster test-cluster")
    k(f"config set-cluster test-cluster --certificate-authority {file}")
    assert (k.kubeconfig.parent / written("")).resolve() == file
    k(f"config set-cluster test-cluster --embed-certs --certificate-authority {file}")
    assert written() == base64.b64encode(file.read_bytes()).decode()


@pytest.mark.suite("kubectl_config_set_credentials_tests")
def test_config_of_users(k: Kubectl) -> None:
    pki = k.site.directory / "pki"
    files = {"certificate": pki / "admin.crt", "key": pki / "admin.key"}
    given = [f"--client-{name}={path}" for name, path in files.items()]

    def written(user: str, name: str) -> str:
        return k("config view --raw", f"-o=jsonpath={{.users[?(@.name == '{user}')].user.client-{name}}}")

    k("config set-credentials user1", *given)
    k("config set-credentials user2 --embed-certs=true", *given)
    for name, path in files.items():
        assert (k.kubeconfig.parent / written("user1", name)).resolve() == path
        assert written("user2", f"{name}-data") == base64.b64encode(path.read_bytes()).decode()
    # A certificate is who one is, too.
    assert "kubernetes-admin" in k("auth whoami --user=user2")


@pytest.mark.suite("client_config_tests")
def test_what_is_missing_in_a_config(k: Kubectl) -> None:
    for words in ("--context=", "--user=", "--cluster="):
        assert "missing: no such file or directory" in k.fails(f"get pod {words} --kubeconfig=missing")
    wrong = {
        "--context=missing-context": "context was not found for specified context: missing-context",
        "--cluster=missing-cluster": 'no server found for cluster "missing-cluster"',
        "--user=missing-user": 'auth info "missing-user" does not exist',
    }
    for words, text in wrong.items():
        assert text in k.fails(f"get pod {words}")
    config = k.kubeconfig.read_text().replace("apiVersion: v1", "apiVersion: v-1")
    k.write("newconfig.yaml", text=config)
    assert "error loading config file" in k.fails("get pods --context= --user= --kubeconfig=newconfig.yaml")


@pytest.mark.suite("plugins_tests")
def test_plugins(k: Kubectl) -> None:
    def plugin(path: str, text: str) -> str:
        k.write(path, text=f"#!/bin/sh\n{text}\n")
        (k.directory / path).chmod(0o755)
        return str((k.directory / path).parent)

    one = plugin("one/kubectl-foo", 'echo "I am plugin foo called with" "$0" "$@"')
    two = plugin("two/kubectl-foo", "true")
    version = plugin("version/kubectl-version", "true")
    (k.directory / "bin").mkdir()
    (k.directory / "bin" / "kubectl").symlink_to(k.program)
    own = str(k.directory / "bin")

    def path(*more: str) -> str:
        return os.pathsep.join((own, *more, "/bin"))

    said = k.fails("plugin list", PATH=path(version))
    assert 'kubectl-version overwrites existing command: "kubectl version"' in said
    said = k.fails("plugin list", PATH=path(one, two))
    assert f"{two}/kubectl-foo is overshadowed by a similarly named plugin" in said
    assert "plugins are available" in k("plugin list", PATH=path(one))
    assert "unable to find any kubectl plugins in your PATH" in k.fails("plugin list", PATH=own)
    assert k("foo arg1", PATH=path(one)) == f"I am plugin foo called with {one}/kubectl-foo arg1\n"
    said = k.says("version --client", PATH=path(version))
    assert "Client Version" in said and "overshadows an existing plugin" not in said


@pytest.mark.suite("kubectl_help_tests")
def test_help(k: Kubectl) -> None:
    assert "Modify kubeconfig files" in k("help")
    if not k.ours:
        assert "Verändere kubeconfig Dateien" in k("help", LANG="de_DE.UTF8")
    assert "Mark node as schedulable." in k("uncordon --help")
    for verb in ("", "apply", "auth", "certificate", "cluster-info", "config", "create", "create secret", "rollout"):
        words = f"kubectl {verb} <command>" if verb else "kubectl <command>"
        assert f'Use "{words} --help" for more information about a given command.' in k(f"{verb} --help")


@pytest.mark.suite("kuberc_tests")
@pytest.mark.parametrize("client", ["navarch", "kubectl"])
def test_preferences(site: Site, tmp_path: Path, client: str) -> None:
    """Aliases and overrides from a file; the clients that know such files are newer than the others here."""
    program = ours(site.directory) if client == "navarch" else PROGRAMS.get(KUBERC)
    if program is None:
        pytest.skip(f"NO KUBECTL 1.{KUBERC} ON THIS MACHINE: preferences are not tested")
    with in_new_namespace(site, tmp_path, program) as k:
        k.environment["KUBECTL_KUBERC"] = "true"
        name = f"{k.namespace}-kuberc"
        preferences: Tree = {
            "apiVersion": "kubectl.config.k8s.io/v1alpha1",
            "kind": "Preference",
            "aliases": [
                {"name": "crns", "command": "create namespace", "appendArgs": [name]},
                {
                    "name": "getn",
                    "command": "get",
                    "prependArgs": ["namespace"],
                    "flags": [{"name": "output", "default": "json"}],
                },
                {
                    "name": "runx",
                    "command": "run",
                    "flags": [{"name": "image", "default": "nginx"}, {"name": "labels", "default": "app=test"}],
                    "appendArgs": ["test-pod-2", "--", "custom-arg1"],
                },
            ],
            "overrides": [
                {
                    "command": "apply",
                    "flags": [{"name": "server-side", "default": "true"}, {"name": "dry-run", "default": "server"}],
                },
                {"command": "delete", "flags": [{"name": "interactive", "default": "true"}]},
            ],
        }
        file = k.write("kuberc", preferences)
        k(f"crns --kuberc={file}")
        assert '"kind": "Namespace"' in k(f"getn {name} --kuberc={file}")
        assert f"name: {name}" in k(f"getn {name} -o yaml --kuberc={file}")
        k(f"runx --kuberc={file}")
        made = k.get("pods", "test-pod-2")
        assert made["metadata"]["labels"] == {"app": "test"}
        assert made["spec"]["containers"][0]["args"] == ["custom-arg1"]
        said = k(f"apply --kuberc={file} -f", k.write("pod.yaml", labelled_pod()))
        assert said == "pod/test-pod serverside-applied (server dry run)\n"
        k(f"delete pod test-pod-2 --kuberc={file}", text="n\n")
        assert k.exists("pods", "test-pod-2")
        assert 'unknown command "getn"' in k.fails(f"getn {name} --kuberc={file}", KUBECTL_KUBERC="false")
        k(f"delete namespace {name} --interactive=false --kuberc={file}")
