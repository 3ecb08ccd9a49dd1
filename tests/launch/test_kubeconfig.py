"""The user's kubeconfig: ours goes in and out, the rest stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from navarch.base.errors import LaunchError
from navarch.launch.kubeconfig import Access, kubeconfig_path, read, update, with_access, without_access

ACCESS = Access("navarch", "https://192.168.49.1:8443", Path("/p/ca.crt"), Path("/p/c.crt"), Path("/p/c.key"))

FOREIGN = """\
apiVersion: v1
kind: Config
current-context: work
clusters:
- name: work
  cluster: {server: https://work.example, insecure-skip-tls-verify: true}
contexts:
- name: work
  context: {cluster: work, user: me, extensions: [{name: x, extension: {since: "2024-01-01", flag: "on", n: "0o7"}}]}
users:
- name: me
  user: {token: "1e3"}
my-own-key: {keep: 1}
"""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "/home/me/.kube/config"),
        ({"KUBECONFIG": ""}, "/home/me/.kube/config"),
        ({"KUBECONFIG": "/a:/b"}, "/a"),
        ({"KUBECONFIG": ":/b"}, "/b"),
    ],
)
def test_which_file(environment: dict[str, str], expected: str) -> None:
    assert kubeconfig_path(environment, Path("/home/me")) == Path(expected)


def test_a_first_start_makes_the_file_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / ".kube" / "config"
    assert update(path, lambda config: with_access(config, ACCESS, make_current=True))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    made = read(path)
    assert made["current-context"] == "navarch"
    assert made["contexts"] == [
        {"name": "navarch", "context": {"cluster": "navarch", "namespace": "default", "user": "navarch"}}
    ]
    assert made["clusters"][0]["cluster"]["server"] == "https://192.168.49.1:8443"
    assert not update(path, lambda config: with_access(config, ACCESS, make_current=True))


def test_foreign_entries_survive_a_whole_life(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(FOREIGN)
    before = read(path)
    update(path, lambda config: with_access(config, ACCESS, make_current=True))
    update(path, lambda config: with_access(config, ACCESS, make_current=True))
    assert [entry["name"] for entry in read(path)["clusters"]] == ["work", "navarch"]
    update(path, lambda config: without_access(config, "navarch"))
    after = read(path)
    assert after.pop("current-context") == "" and before.pop("current-context") == "work"
    assert after.pop("preferences") == {}
    assert after == before


def test_the_current_context_of_others_stays() -> None:
    config = with_access({"current-context": "work"}, ACCESS, make_current=False)
    assert config["current-context"] == "work"
    assert without_access(config, "navarch")["current-context"] == "work"


def test_empty_listings_are_no_obstacle() -> None:
    config = with_access({"clusters": None, "users": []}, ACCESS, make_current=True)
    assert [entry["name"] for entry in config["clusters"] + config["users"]] == ["navarch", "navarch"]
    assert without_access({"clusters": None}, "navarch") == {"clusters": []}


@pytest.mark.parametrize("text", ["a: b: c", "- a list", "\tx: 1"])
def test_what_is_no_kubeconfig_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(LaunchError, match="cannot be read"):
        update(path, lambda config: with_access(config, ACCESS, make_current=True))
    assert path.read_text() == text


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(FOREIGN)
    (tmp_path / "config").symlink_to(tmp_path / "real")
    update(tmp_path / "config", lambda config: with_access(config, ACCESS, make_current=True))
    assert (tmp_path / "config").is_symlink() and "navarch" in (tmp_path / "real").read_text()
