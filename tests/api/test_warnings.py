"""What clients are advised against, and when they are not."""

from __future__ import annotations

from navarch.api.warnings import of_template, pod_warnings, service_warnings

_POD = {
    "metadata": {},
    "spec": {
        "nodeSelector": {"beta.kubernetes.io/os": "linux"},
        "containers": [{"name": "c", "env": [{"name": "A"}, {"name": "A"}]}],
    },
}


def test_a_new_pod_is_warned_of_and_a_changed_one_is_not() -> None:
    assert pod_warnings(_POD, None) == [
        'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ]
    assert pod_warnings(_POD, _POD) == []


def test_a_template_is_warned_of_whenever_the_spec_changes() -> None:
    warn = of_template("spec", "template")
    deployment = {"metadata": {}, "spec": {"template": _POD}}
    changed = {"metadata": {}, "spec": {"template": _POD, "replicas": 2}}
    assert all(text.startswith("spec.template.spec.") for text in warn(deployment, None))
    assert warn(deployment, deployment) == []
    assert len(warn(changed, deployment)) == 2


def test_services() -> None:
    spec = {"type": "ClusterIP", "externalName": "x", "trafficDistribution": "PreferClose"}
    assert len(service_warnings({"metadata": {}, "spec": spec}, None)) == 2
