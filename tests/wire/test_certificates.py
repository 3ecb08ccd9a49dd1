"""The cluster's certificates: made once, renewed in time, replaced when they no longer fit."""

from __future__ import annotations

import datetime
import os
import ssl
import stat
from pathlib import Path

from cryptography import x509

from navarch.wire.certificates import RENEWAL_MARGIN, cluster_certificates, ensure

NOW = datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)
API_IPS = ("192.168.49.1", "10.96.0.1")
NODES = (("navarch", "192.168.49.2"),)
WANTED = cluster_certificates(API_IPS, NODES)


def read(directory: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / f"{name}.crt").read_bytes())


def test_made_once(tmp_path: Path) -> None:
    made = ensure(tmp_path, WANTED, NOW)
    assert {"ca", "front-proxy-ca", "apiserver", "admin", "kubelet-navarch", "sa"} <= set(made)
    assert ensure(tmp_path, WANTED, NOW) == ()
    for path in tmp_path.glob("*.key"):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path
    for name, authority in (("apiserver", "ca"), ("front-proxy-client", "front-proxy-ca")):
        read(tmp_path, name).verify_directly_issued_by(read(tmp_path, authority))


def test_the_api_server_is_known_by_all_its_names(tmp_path: Path) -> None:
    ensure(tmp_path, WANTED, NOW)
    names = read(tmp_path, "apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "kubernetes.default.svc.cluster.local" in names.get_values_for_type(x509.DNSName)
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", *API_IPS}
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    context.load_cert_chain(tmp_path / "apiserver.crt", tmp_path / "apiserver.key")


def test_who_is_who(tmp_path: Path) -> None:
    ensure(tmp_path, WANTED, NOW)
    assert read(tmp_path, "admin").subject.rfc4514_string() == "CN=kubernetes-admin,O=system:masters"
    assert read(tmp_path, "kubelet-navarch").subject.rfc4514_string() == "CN=system:node:navarch,O=system:nodes"
    assert read(tmp_path, "scheduler").subject.rfc4514_string() == "CN=system:kube-scheduler"


def test_only_what_must_be_is_made_again(tmp_path: Path) -> None:
    ensure(tmp_path, WANTED, NOW)
    moved = cluster_certificates((*API_IPS, "203.0.113.7"), (*NODES, ("m02", "192.168.49.3")))
    assert ensure(tmp_path, moved, NOW) == ("apiserver", "kubelet-m02")
    (tmp_path / "admin.key").unlink()
    (tmp_path / "scheduler.crt").write_text("garbage")
    assert ensure(tmp_path, moved, NOW) == ("admin", "scheduler")


def test_renewed_before_the_end_and_with_a_new_authority(tmp_path: Path) -> None:
    ensure(tmp_path, WANTED, NOW)
    signing_key = (tmp_path / "sa.key").read_bytes()
    end = read(tmp_path, "admin").not_valid_after_utc
    assert ensure(tmp_path, WANTED, end - RENEWAL_MARGIN) == ()
    renewed = ensure(tmp_path, WANTED, end - RENEWAL_MARGIN + datetime.timedelta(seconds=1))
    assert set(renewed) == {each.name for each in WANTED}
    (tmp_path / "ca.crt").unlink()
    assert set(ensure(tmp_path, WANTED, NOW)) == {"ca", *(each.name for each in WANTED if each.authority == "ca")}
    assert (tmp_path / "sa.key").read_bytes() == signing_key
