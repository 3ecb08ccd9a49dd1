"""`kubectl apply --server-side`."""

from __future__ import annotations

import json

import pytest

from tests.kubectl.objects import config_map, custom, definition, labelled_pod
from tests.kubectl.site import Kubectl

pytestmark = pytest.mark.suite("kubectl_server_side_apply_tests")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def test_managers(k: Kubectl) -> None:
    file = k.write("pod.yaml", labelled_pod())
    assert k(f"apply --server-side -f {file}") == "pod/test-pod serverside-applied\n"
    assert k.managers("pods", "test-pod") == ["kubectl"]
    k(f"apply --server-side --field-manager=my-field-manager --force-conflicts -f {file}")
    assert "my-field-manager" in k.managers("pods", "test-pod")
    other = k.write("other.yaml", labelled_pod("test-pod-applied"))
    said = k.fails(f"apply --server-side --field-manager=third -f {other}")
    assert 'conflicts with "kubectl"' in said and ".metadata.labels.name" in said
    k(f"apply --server-side --field-manager=third --force-conflicts -f {other}")
    assert k.get("pods", "test-pod")["metadata"]["labels"]["name"] == "test-pod-applied"


def test_dry_run(k: Kubectl) -> None:
    file, next_ = k.write("pod.yaml", labelled_pod()), k.write("next.yaml", labelled_pod("test-pod-applied"))
    said = k(f"apply --server-side --dry-run=server -f {file}")
    assert said == "pod/test-pod serverside-applied (server dry run)\n"
    assert k.names("pods") == []
    k(f"apply --server-side -f {file}")
    before = k.get("pods", "test-pod")
    k(f"apply --server-side --dry-run=server -f {next_}")
    assert k.get("pods", "test-pod") == before


def test_from_client_side_apply_and_back(k: Kubectl) -> None:
    file, next_ = k.write("pod.yaml", labelled_pod()), k.write("next.yaml", labelled_pod("test-pod-applied"))
    k(f"apply -f {file}")
    assert "conflict" in k.fails(f"apply --server-side --field-manager=not-kubectl -f {next_}")
    k(f"apply --server-side -f {next_}")
    found = k.get("pods", "test-pod")["metadata"]
    assert json.loads(found["annotations"][LAST_APPLIED])["metadata"]["labels"]["name"] == "test-pod-applied"
    assert "kubectl-client-side-apply" not in k.managers("pods", "test-pod")
    k(f"apply --server-side -f {file}")
    shown = json.loads(k("apply view-last-applied pod/test-pod -o json"))
    assert shown["metadata"]["labels"]["name"] == "test-pod-label"
    k(f"apply -f {next_}")
    assert k.get("pods", "test-pod")["metadata"]["labels"]["name"] == "test-pod-applied"


def test_fields_of_client_side_apply_can_be_given_up(k: Kubectl) -> None:
    whole = k.write("whole.yaml", config_map("test", None, key="value", legacy="unused"))
    k(f"apply -f {whole}")
    k(f"apply --server-side -f {whole}")
    assert k.get("configmaps", "test")["data"] == {"key": "value", "legacy": "unused"}
    k("apply --server-side -f", k.write("less.yaml", config_map("test", None, key="value")))
    assert k.get("configmaps", "test")["data"] == {"key": "value"}


def test_custom_resources(k: Kubectl) -> None:
    group = f"{k.namespace}.ssa.example.com"
    k("create -f", k.write("crd.yaml", definition("resources", group, "Kind", version="v1alpha1")))
    k(f"wait --for=condition=Established crd/resources.{group}")
    file = k.write("cr.yaml", custom("Kind", group, "myobj", version="v1alpha1", spec={"a": 1}))
    k(f"apply --server-side --dry-run=server -f {file}")
    assert "not found" in k.fails(f"get resources.{group}/myobj")
    k(f"apply --server-side -f {file}")
    k("apply --server-side -f", k.write("b.yaml", custom("Kind", group, "myobj", version="v1alpha1", spec={"b": 2})))
    assert k.get("resources", "myobj", f"{group}/v1alpha1")["spec"] == {"b": 2}
    k(f"delete crd resources.{group}")


def test_conditions_of_two_managers(k: Kubectl) -> None:
    """Each manager owns the conditions of its own, by their type."""
    k("apply --server-side -f", k.write("pod.yaml", labelled_pod()))
    for manager, kind in (("one", "example.com/First"), ("two", "example.com/Second")):
        tree = labelled_pod()
        del tree["spec"]
        tree["status"] = {"conditions": [{"type": kind, "status": "True"}]}
        file = k.write(f"{manager}.yaml", tree)
        k(f"apply --server-side --subresource=status --validate=false --field-manager={manager} -f {file}")
    conditions = k.get("pods", "test-pod")["status"]["conditions"]
    assert [c["type"] for c in conditions] == ["example.com/First", "example.com/Second"]
