"""The dashboard in a browser, in front of a cluster in real time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from navarch.launch.dashboard import PREFIX, client_of_file, proxy
from navarch.node.runtime.script import Script
from navarch.testing.builders import deployment
from navarch.testing.live import LiveCluster
from tests.dashboard.browser import PROGRAM, Tab, tab

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs chromium")

BOATS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "boats.ex.org"},
    "spec": {
        "group": "ex.org",
        "scope": "Namespaced",
        "names": {"plural": "boats", "singular": "boat", "kind": "Boat", "listKind": "BoatList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                "additionalPrinterColumns": [{"name": "Sails", "type": "integer", "jsonPath": ".sails"}],
            }
        ],
    },
}


@pytest.fixture(scope="module")
def live() -> Iterator[LiveCluster]:
    with LiveCluster(nodes=2) as live:
        live.scripts.image("talker", Script(log=("one", "two")))
        live.scripts.image("broken", Script(exit_after_s=0.05, exit_code=1))
        live.apply([BOATS, {"apiVersion": "ex.org/v1", "kind": "Boat", "metadata": {"name": "argo"}, "sails": 3}])
        live.apply(deployment("web", 2, "talker"))
        live.apply(deployment("bad", 1, "broken"))
        yield live


@pytest.fixture(scope="module")
def address(live: LiveCluster) -> Iterator[str]:
    served = proxy(client_of_file(str(live.kubeconfig), os.environ), 0)
    threading.Thread(target=served.run, daemon=True).start()
    yield f"http://{served.address}{PREFIX}"
    served.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with tab(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def page(browser: Tab, address: str) -> Iterator[Tab]:
    browser.open("about:blank")
    yield browser
    assert not browser.faults


def test_the_overview(page: Tab, address: str) -> None:
    page.open(f"{address}#/")
    page.until_text("2 Ready")
    page.until_text("Back-off restarting failed container")
    page.click("Deployments")
    page.until_text("web")
    assert page.run("location.hash") == "#/list/deployments.apps"


def test_a_list_follows_what_happens(page: Tab, address: str, live: LiveCluster) -> None:
    page.open(f"{address}#/list/configmaps")
    page.until_text("kube-root-ca.crt")
    live.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new-one"}})
    page.until_text("new-one")
    page.run(
        "(() => { const f = document.getElementById('filter'); f.value = 'new-'; "
        "f.dispatchEvent(new Event('input')); })()"
    )
    page.until("!document.getElementById('page').innerText.includes('kube-root-ca.crt')")
    live.delete("configmap", "new-one")
    page.until("!document.getElementById('page').innerText.includes('new-one')")


def test_custom_resources_have_their_columns(page: Tab, address: str) -> None:
    page.open(f"{address}#/")
    page.click("Boats")
    page.until_text("Sails")
    assert page.run("document.querySelector('tbody tr').innerText").split()[:2] == ["argo", "3"]


def test_a_workload_is_scaled_and_its_pods_are_shown(page: Tab, address: str, live: LiveCluster) -> None:
    page.open(f"{address}#/object/deployments.apps/default/web")
    page.until_text("2 of 2 ready")
    page.click("Scale")
    page.run("document.querySelector('dialog input').value = 3")
    page.run("document.querySelector('dialog button[value=yes]').click()")
    page.until_text("Scaled to 3.")
    page.click("pods")
    page.until("document.querySelectorAll('tbody tr').length === 3")
    page.until("document.querySelectorAll('tbody td.good').length >= 3")
    page.click("events")
    page.until_text("ScalingReplicaSet")


def test_what_a_pod_writes(page: Tab, address: str, live: LiveCluster) -> None:
    name = live.pods_of("deployment", "web")[0].name
    page.open(f"{address}#/object/pods/default/{name}/log")
    page.until("document.querySelector('pre').textContent === 'one\\ntwo\\n'")


def test_yaml_is_edited_and_faults_are_told(page: Tab, address: str, live: LiveCluster) -> None:
    page.open(f"{address}#/object/deployments.apps/default/web/yaml")
    page.until("document.querySelector('textarea').value.includes('kind: Deployment')")
    assert not page.run("document.querySelector('textarea').value.includes('managedFields')")
    page.run(
        "(() => { const t = document.querySelector('textarea'); "
        "t.value = t.value.replace(/replicas: 3/, 'replicas: -3'); })()"
    )
    page.click("Save")
    page.until_text("spec.replicas: Invalid value: -3: must be greater than or equal to 0")
    page.run(
        "(() => { const t = document.querySelector('textarea'); "
        "t.value = t.value.replace(/replicas: -3/, 'replicas: 1'); })()"
    )
    page.click("Save")
    page.until_text("Saved.")
    web = live.get("deployment", "web")
    assert web.spec.replicas == 1
    assert {"navarch-test", "kube-controller-manager"} <= {each.manager for each in web.metadata.managedFields}


def test_manifests_are_applied_one_by_one(page: Tab, address: str, live: LiveCluster) -> None:
    page.open(f"{address}#/create")
    documents = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {a: b}\n  name: made\n---\n"
        '{"apiVersion": "ex.org/v1", "kind": "Boat", "metadata": {"name": "pinta"}}\n---\nkind: Nothing\n'
    )
    page.until("document.querySelector('textarea')")
    page.run(f"document.querySelector('textarea').value = {documents!r}")
    page.click("Apply")
    page.until_text("Applied Boat/pinta")
    page.until_text("a document lacks apiVersion")
    assert live.get("configmap", "made").metadata.labels.a == "b"


def test_deletion_asks_first(page: Tab, address: str, live: LiveCluster) -> None:
    live.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "doomed"}})
    page.open(f"{address}#/object/configmaps/default/doomed")
    page.click("Delete")
    page.until_text("Delete ConfigMap doomed")
    page.click("Cancel")
    page.until("!document.querySelector('dialog')")
    assert live.find("configmap", "doomed") is not None
    page.click("Delete")
    page.run("document.querySelector('dialog button[value=yes]').click()")
    page.until_text("It is being deleted.")
    assert live.find("configmap", "doomed") is None


def test_what_is_not_there_is_told(page: Tab, address: str) -> None:
    page.open(f"{address}#/object/pods/default/nobody")
    page.until_text('pods "nobody" not found')
