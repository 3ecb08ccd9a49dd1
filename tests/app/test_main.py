"""The command line: a simulated cluster's whole life, and what is said when something is wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from navarch.app.main import main
from navarch.launch.drivers.process import wait_for
from navarch.launch.machine import Cluster
from navarch.launch.packages import NODE_PACKAGES, missing
from navarch.launch.ports import free_port
from navarch.launch.profile import DriverName, Home, NodeEntry, Profile

Navarch = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("NAVARCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("NAVARCH_IN_STYLE", "false")
    return Home(tmp_path / "home")


@pytest.fixture
def navarch(home: Home, capsys: pytest.CaptureFixture[str]) -> Iterator[Navarch]:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    main(["delete", "--all", "--purge"])


def test_the_life_of_a_simulated_cluster(navarch: Navarch, home: Home) -> None:
    code, out, _ = navarch("start", "--driver=fake", "--nodes=2", "--force", "--memory=2g")
    assert code == 0 and "Done!" in out
    assert "--force has no effect" in out and "--memory has no effect" in out
    assert navarch("start")[1].count("runs already") == 1
    code, out, _ = navarch("status")
    assert (code, out.split("\n\n")[0]) == (
        0,
        "navarch\ntype: Control Plane\nhost: Running\nkubelet: Running\napiserver: Running\nkubeconfig: Configured",
    )
    assert [each["Name"] for each in json.loads(navarch("status", "-o", "json")[1])] == ["navarch", "navarch-m02"]
    assert navarch("node", "list")[1].splitlines()[0] == "navarch\t127.0.0.1"
    assert navarch("kubectl", "--", "get", "nodes", "-o", "name") == (0, "node/navarch\nnode/navarch-m02\n", "")
    code, out, _ = navarch("service", "list")
    assert code == 0 and "| default" in out and "No node port" in out
    code, _, err = navarch("service", "web")
    assert code == 115 and "SVC_NOT_FOUND: Service 'web' was not found in 'default' namespace." in err
    assert navarch("ssh", "--", "id")[0] == 80
    assert navarch("stop")[0] == 0
    assert navarch("status")[0] == 7
    assert navarch("service", "list")[0] == 105
    assert navarch("start")[0] == 0
    assert navarch("delete")[0] == 0
    assert home.names() == () and navarch("status")[0] == 85


def test_kubectl_logs_of_the_control_plane(navarch: Navarch) -> None:
    navarch("start", "--driver=fake")

    def shown() -> bool:
        return "etcd-navarch" in navarch("kubectl", "--", "get", "pods", "-n", "kube-system", "-o", "name")[1]

    assert wait_for(shown, 10)
    # The launcher's own view of the same files.
    assert "starting controllers" in navarch("logs")[1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nonsense"], 64, "invalid choice"),
        (["start", "--nonsense"], 64, "unrecognized arguments"),
        (["start", "--nodes=0"], 64, "not between 1 and"),
        (["start", "-p", "Not A Name"], 64, "is no name for a profile"),
        (["start", "--driver=teleport"], 56, "there is no driver"),
        (["delete", "--purge"], 64, "--purge is for all profiles"),
        (["status", "-p", "nope"], 85, 'Profile "nope" not found'),
        (["stop"], 85, "navarch start"),
        (["logs"], 85, "not found"),
        (["node", "add"], 85, "not found"),
        (["image"], 64, "navarch image load ARCHIVE"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(navarch: Navarch, words: list[str], code: int, said: str) -> None:
    found, _, err = navarch(*words)
    assert (found, said in err) == (code, True), err
    assert "Exiting due to" in err


def test_a_taken_port_is_told_and_leaves_nothing(navarch: Navarch, home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, _, err = navarch("start", "--driver=fake", f"--apiserver-port={other.getsockname()[1]}")
    assert code == 50 and "HOST_PORT_TAKEN" in err
    assert home.names() == ()


def test_a_control_plane_that_cannot_start_is_told_at_once_and_stopped(navarch: Navarch, home: Home) -> None:
    navarch("start", "--driver=fake")
    navarch("stop")
    store = home.directory("navarch") / "store"
    store.rename(store.with_name("aside"))
    store.write_text("no store")
    code, _, err = navarch("start")
    assert code == 80 and "PROCESS_ENDED: the control-plane" in err
    assert str(store) in err, "its last words"
    assert not Cluster(home, home.require("navarch")).anything_runs
    store.unlink()
    store.with_name("aside").rename(store)
    assert navarch("start")[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize(
    ("version", "said"), [("1.5.9", "RUNTIME_TOO_OLD: containerd 1.5 is too old"), ("", "RUNTIME_MISSING")]
)
def test_containerd_too_old_or_broken_is_told_and_leaves_nothing(
    navarch: Navarch, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, said: str
) -> None:
    if missing(NODE_PACKAGES):
        pytest.skip("what nodes need is not installed")
    program = tmp_path / "bin" / "containerd"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{f'echo containerd x v{version} y' if version else 'exit 1'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    code, _, err = navarch("start", "--driver=netns", "--no-install")
    assert code == 50 and said in err and "apt-get install" in err
    assert home.names() == () and not (tmp_path / "kubeconfig").exists()


#: A user namespace that maps nobody: files are this user's still, and no right of root is left.
WITHOUT_RIGHTS = ("unshare", "--user")


def test_without_root_real_nodes_are_refused_and_pods_are_pretended(home: Home) -> None:
    if subprocess.run([*WITHOUT_RIGHTS, "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [*WITHOUT_RIGHTS, sys.executable, "-m", "navarch.app.main", *words]
        path = {"PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(command, env={**os.environ, **path}, capture_output=True, text=True)

    refused = run("start", "--driver=netns")
    assert refused.returncode == 69 and "PROVIDER_NOT_ROOT: the netns driver must be run as root" in refused.stderr
    assert home.names() == ()
    started = run("start")
    try:
        assert started.returncode == 0 and "PRETENDED" in started.stderr, started
    finally:
        assert run("delete", "--all", "--purge").returncode == 0
    assert not home.root.exists()


def test_kubectl_of_a_stopped_cluster_says_that_nobody_answers(navarch: Navarch) -> None:
    navarch("start", "--driver=fake")
    navarch("stop")
    code, _, err = navarch("kubectl", "--", "get", "pods")
    assert code == 1 and "refused - did you specify the right host or port?" in err


def test_a_kubeconfig_that_cannot_be_read_is_told_before_anything_is_made(navarch: Navarch, home: Home) -> None:
    home.root.parent.joinpath("kubeconfig").write_text("\tno: yaml")
    code, _, err = navarch("start", "--driver=fake")
    assert code == 1 and "HOST_KUBECONFIG" in err
    assert home.names() == ()
    home.root.parent.joinpath("kubeconfig").unlink()


def test_what_is_left_of_a_profile_is_removed_by_a_start_and_by_a_delete(navarch: Navarch, home: Home) -> None:
    (home.directory("navarch") / "store").mkdir(parents=True)
    code, out, err = navarch("start", "--driver=fake")
    assert code == 0 and "half deleted" in err and "Done!" in out
    (home.directory("broken")).mkdir()
    (home.directory("broken") / "profile.json").write_text("{")
    assert navarch("start", "-p", "broken", "--driver=fake")[0] != 0
    assert navarch("delete", "-p", "broken")[0] == 0
    assert home.names() == ("navarch",)


@pytest.mark.parametrize("driver", ["docker", "none"])
def test_drivers_that_are_not_needed_are_said_to_be(navarch: Navarch, home: Home, driver: str) -> None:
    home.save(Profile("navarch", DriverName.FAKE, nodes=(NodeEntry("navarch", 0),), port=free_port(0)))
    code, out, _ = navarch("start", f"--driver={driver}")
    assert code == 0 and f"--driver={driver} is not needed" in out


def test_a_delete_of_nothing_is_no_error(navarch: Navarch) -> None:
    code, out, _ = navarch("delete", "-p", "gone")
    assert code == 0 and "does not exist" in out


def test_a_busy_profile_is_left_alone(navarch: Navarch, home: Home) -> None:
    from navarch.launch.machine import locked

    home.save(Profile("navarch", DriverName.FAKE))
    with locked(home, "navarch"):
        code, _, err = navarch("start")
    assert code == 50 and "HOST_PROFILE_BUSY" in err


def test_version(navarch: Navarch) -> None:
    code, out, _ = navarch("version")
    assert code == 0 and [line.partition(":")[0] for line in out.splitlines()] == ["navarch version", "commit"]
