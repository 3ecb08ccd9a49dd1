"""Flags of control planes: what is read, what is filled in, what is refused and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from navarch.app.config import Place, plane_flags
from navarch.app.main import main
from navarch.app.plane_flags import flags_of, settings_of, shown
from navarch.base.errors import UsageError
from navarch.client.election import Timing
from navarch.launch.profile import DriverName, Profile


def test_files_that_no_flag_names_lie_in_the_directory_for_certificates() -> None:
    settings = settings_of(["--data-dir=/var/lib/x", "--client-ca-file=/etc/ca.crt"])
    assert settings.client_ca_file == "/etc/ca.crt"
    assert settings.service_account_signing_key_file == "/var/lib/x/pki/sa.key"
    assert settings.audit_log_path == "/var/lib/x/logs/audit.log" and settings.audit_policy_file == ""
    assert settings.advertise_address == "127.0.0.1" and not settings.leader_elect


def test_on_an_etcd_there_may_be_others_to_be_elected() -> None:
    settings = settings_of(["--etcd-servers=http://a:1,http://b:2", "--leader-elect-lease-duration=30s"])
    assert settings.etcd_servers == ("http://a:1", "http://b:2") and settings.leader_elect
    assert settings.timing == Timing(30, 10.0, 2.0)
    assert not settings_of(["--etcd-servers=http://a:1", "--leader-elect=false"]).leader_elect


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--nope=1", "unrecognized arguments: --nope=1"),
        ("--secure-port=x", 'invalid argument "x" for "--secure-port" flag'),
        ("--secure-port=70000", 'invalid argument "70000" for "--secure-port" flag'),
        ("--anonymous-auth=maybe", 'invalid argument "maybe" for "--anonymous-auth" flag'),
        ("--node-monitor-grace-period=40", 'invalid argument "40" for "--node-monitor-grace-period" flag'),
        ("--leader-elect-lease-duration=10s", "must be greater than leader-elect-renew-deadline"),
        ("--leader-elect-renew-deadline=2s", "1.2 times leader-elect-retry-period"),
        ("--etcd-servers=a:1", "must be URLs"),
        ("--etcd-servers=http://a:1,https://b:1", "must be URLs"),
    ],
)
def test_wrong_flags_are_named(word: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        settings_of([word])


def test_extra_config_becomes_flags() -> None:
    extra = ["apiserver.audit-policy-file=/p.yaml", "controller-manager.node-monitor-grace-period=16s"]
    assert flags_of(extra) == ["--audit-policy-file=/p.yaml", "--node-monitor-grace-period=16s"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("audit-policy-file", "expected COMPONENT.FLAG=VALUE"),
        (
            "kubeadm.pod-network-cidr=x",
            'no component "kubeadm" takes flags; apiserver, ',
        ),
        ("scheduler.audit-policy-file=x", 'scheduler has no flag "audit-policy-file"; it has: leader-elect'),
        ("kubelet.eviction-hard=memory.free<1Gi", "unknown eviction signal memory.free"),
        ("kubelet.max-pods=1", 'kubelet has no flag "max-pods" that can be set'),
        ("apiserver.secure-port=1", "the launcher sets --secure-port itself"),
        ("controller-manager.terminated-pod-gc-threshold=x", 'invalid argument "x"'),
    ],
)
def test_extra_config_that_is_none(extra: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        flags_of([extra])


def test_a_profile_is_a_way_of_writing_flags(tmp_path: Path) -> None:
    one = Place(tmp_path, Profile("dev", DriverName.FAKE, port=8444))
    settings = settings_of(plane_flags(one, 0))
    assert (settings.bind_address, settings.secure_port, settings.data_dir) == ("127.0.0.1", 8444, tmp_path)
    assert not settings.etcd_servers and settings.cluster_cidr == ("10.128.0.0/9",)
    extra = ("apiserver.anonymous-auth=false",)
    three = Place(tmp_path, Profile("dev", DriverName.NETNS, control_planes=3, extra_config=extra))
    settings = settings_of(plane_flags(three, 1))
    assert settings.bind_address == "192.168.49.186" and settings.hostname_override == "dev-m02"
    assert settings.data_dir == tmp_path / "control-planes" / "dev-m02"
    assert settings.cert_dir == str(tmp_path / "pki") and not settings.anonymous_auth
    assert settings.etcd_servers == tuple(f"https://192.168.49.{n}:2379" for n in (185, 186, 187))


def test_the_launcher_says_what_is_wrong_before_it_starts_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NAVARCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    assert main(["start", "--driver=fake", "--extra-config=apiserver.nope=1"]) == 64
    assert 'apiserver has no flag "nope"; it has: anonymous-auth, ' in capsys.readouterr().err
    assert main(["control-plane", "--nope=1"]) == 64
    assert main(["control-plane", "--bind-address=127.0.0.1"]) == 64
    assert "--data-dir is needed" in capsys.readouterr().err
    assert main(["start", "--control-planes=8"]) == 64
    assert "8 is not between 1 and 7" in capsys.readouterr().err
    assert not (tmp_path / "home" / "profiles").exists()


def test_flags_are_shown_as_the_server_tells_them() -> None:
    told = shown(settings_of(["--etcd-servers=https://a:2379,https://b:2379", "--anonymous-auth=false"]))
    assert told["etcd-servers"] == "[https://a:2379,https://b:2379]"
    assert (told["anonymous-auth"], told["secure-port"]) == ("false", "6443")
    assert "leader-elect" not in told, "another component's"
