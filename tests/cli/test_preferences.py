"""Preferences: both forms of the file, where it is looked for, which programs may give credentials."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from navarch.cli.errors import CliError
from navarch.cli.main import main
from navarch.cli.preferences import NONE, load, parse

NEW = b"""apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
defaults: [{command: create namespace, options: [{name: dry-run, default: client}, {name: output, default: name}]}]
aliases: [{name: mk, command: create, prependArgs: [namespace], options: [{name: dry-run, default: client}]}]
credentialPluginPolicy: Allowlist
credentialPluginAllowlist: [{name: login}, {name: /opt/token}]
"""
OLD = b"""apiVersion: kubectl.config.k8s.io/v1alpha1
kind: Preference
overrides: [{command: create namespace, flags: [{name: dry-run, default: client}]}]
"""


def test_both_forms() -> None:
    new, old = parse(NEW, "new"), parse(OLD, "old")
    assert new.defaults["create namespace"] == [("dry-run", "client"), ("output", "name")]
    assert old.defaults["create namespace"] == [("dry-run", "client")]
    alias = new.aliases["mk"]
    assert (alias.command, alias.before, alias.after) == (("create",), ("namespace",), ())


def test_the_first_document_of_a_known_version_counts() -> None:
    assert parse(b"apiVersion: v2\nkind: Preference\n---\n" + OLD, "x") == parse(OLD, "x")
    with pytest.raises(CliError, match="no valid preferences"):
        parse(b"apiVersion: v2\nkind: Preference\n", "x")


def test_where_the_file_is(tmp_path: Path) -> None:
    assert load([], {"HOME": str(tmp_path)}) == NONE
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "kuberc").write_bytes(OLD)
    (tmp_path / "other").write_bytes(NEW)
    env = {"HOME": str(tmp_path)}
    assert load([], env) == parse(OLD, "")
    for found in (load(["--kuberc", f"{tmp_path}/other"], env), load([], env | {"KUBERC": f"{tmp_path}/other"})):
        assert found == parse(NEW, "")
    for off in ({"KUBERC": "off"}, {"KUBECTL_KUBERC": "false"}):
        assert load([], env | off) == NONE
    with pytest.raises(CliError, match="no such file"):
        load(["--kuberc=nowhere"], env)


def test_which_programs_may_give_credentials() -> None:
    allowed = parse(NEW, "")
    assert allowed.refusal("/usr/bin/login") == allowed.refusal("/opt/token") == ""
    assert "is not permitted by the credential plugin allowlist" in allowed.refusal("token")
    assert 'policy set to "DenyAll"' in NONE._replace(plugin_policy="DenyAll").refusal("login")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("create namespace a", "namespace/a\n"),
        ("create namespace a -o jsonpath={.kind}", "Namespace"),
        ("mk a", "namespace/a created (dry run)\n"),
        ("mk a -o name", "namespace/a\n"),
    ],
)
def test_the_line_goes_before_what_is_preferred(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "kuberc").write_bytes(NEW)
    out = io.StringIO()
    env = {"HOME": str(tmp_path), "KUBERC": str(tmp_path / "kuberc")}
    assert main(line.split(), env, out=out, err=out) == 0
    assert out.getvalue() == said


def test_the_file_is_written_and_read_again(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path)}

    def kuberc(line: str) -> tuple[int, str]:
        out = io.StringIO()
        return main(["kuberc", *line.split()], env, out=out, err=out), out.getvalue()

    assert kuberc("view")[0] == 1
    default = "set --section defaults --command get --option output=wide"
    assert kuberc(default)[0] == 0
    assert "use --overwrite" in kuberc(default)[1]
    assert kuberc(f"{default} --option v=1 --overwrite")[0] == 0
    assert kuberc("set --section aliases --name getn --command get --prependarg nodes")[0] == 0
    assert kuberc("set --section credentialplugin --policy Allowlist --allowlist-entry command=login")[0] == 0
    found = load([], env)
    assert found.defaults == {"get": [("output", "wide"), ("v", "1")]}
    assert found.aliases["getn"].before == ("nodes",)
    assert (found.plugin_policy, found.plugins) == ("Allowlist", ("login",))
    assert "kind: Preference" in kuberc("view")[1]
