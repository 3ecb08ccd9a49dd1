"""The controllers of storage, policy and certificates against the real API server, under their own roles."""

from __future__ import annotations

import orjson
import pytest

from navarch.base.resource import Resource
from navarch.client.contract import PatchType
from navarch.client.recorder import EVENTS
from navarch.control.certificate_signing import Authority
from navarch.control.config import Config
from navarch.control.hostpath_provisioner import STANDARD_CLASS
from navarch.control.signers import KUBELET_CLIENT
from navarch.control.sources import (
    ADMISSIONPOLICIES,
    AUTOSCALERS,
    CLAIMS,
    DEPLOYMENTS,
    DISRUPTIONBUDGETS,
    ENDPOINTS,
    ENDPOINTSLICES,
    NODES,
    PODS,
    RESOURCEQUOTAS,
    SERVICECIDRS,
    SERVICES,
    SIGNINGREQUESTS,
    STORAGECLASSES,
    VOLUMES,
)
from navarch.control.ttl import ANNOTATION
from navarch.control.volume_binder import SELECTED_NODE
from navarch.schema.types import Tree
from tests.control.test_against_server import RESOURCES, Whole, open_shop, whole, workload
from tests.control.test_certificates import CA, CA_KEY, NODE_USAGES, csr


def test_a_claim_is_served_and_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def body(w: Whole) -> None:
        await open_shop(w)
        asked: Tree = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "shop"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        # The class comes later than the claim, and is its class all the same.
        await w.client.create(CLAIMS.resource, asked, "shop")
        await w.client.create(STORAGECLASSES.resource, STANDARD_CLASS)

        async def classed() -> bool:
            (tree,) = await w.trees(CLAIMS.resource, "shop")
            return bool(tree["spec"].get("storageClassName") == "standard")

        await w.until(classed)
        await w.client.create(NODES.resource, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
        selected = {"metadata": {"annotations": {SELECTED_NODE: "n1"}}}
        await w.client.patch(CLAIMS.resource, "data", selected, PatchType.MERGE, "shop")

        async def bound() -> bool:
            (tree,) = await w.trees(CLAIMS.resource, "shop")
            volumes = await w.trees(VOLUMES.resource)
            phases = [t["status"]["phase"] for t in (tree, *volumes)]
            return phases == ["Bound", "Bound"] and tree["status"]["capacity"] == {"storage": "1Gi"}

        await w.until(bound)
        await w.client.delete(CLAIMS.resource, "data", "shop")

        async def gone() -> bool:
            return not await w.trees(VOLUMES.resource) and not await w.trees(CLAIMS.resource, "shop")

        await w.until(gone)
        assert await w.trees(PODS.resource) == []

    whole(body, caplog)


def test_budget_and_quota_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def body(w: Whole) -> None:
        await open_shop(w)
        metadata = {"name": "limit", "namespace": "shop"}
        hard = {"pods": "4", "count/replicasets.apps": "3", "configmaps": "9"}
        quota: Tree = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
        await w.client.create(RESOURCEQUOTAS.resource, quota, "shop")

        async def used() -> Tree:
            (tree,) = await w.trees(RESOURCEQUOTAS.resource, "shop")
            found: Tree = tree["status"].get("used", {})
            return found

        async def counted() -> bool:
            return await used() == {"pods": "0", "count/replicasets.apps": "0", "configmaps": "1"}

        await w.until(counted)
        budget: Tree = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 1},
        }
        await w.client.create(DISRUPTIONBUDGETS.resource, budget, "shop")
        await w.client.create(DEPLOYMENTS.resource, workload("Deployment", replicas=3), "shop")

        async def allowed() -> bool:
            await w.run_all("shop")
            (tree,) = await w.trees(DISRUPTIONBUDGETS.resource, "shop")
            return bool(tree["status"].get("disruptionsAllowed") == 1)

        await w.until(allowed)

        async def charged() -> bool:
            return await used() == {"pods": "3", "count/replicasets.apps": "1", "configmaps": "1"}

        await w.until(charged)
        pods = await w.trees(PODS.resource, "shop")
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pods[0]["metadata"]["name"]}}
        path = f"/api/v1/namespaces/shop/pods/{pods[0]['metadata']['name']}/eviction"
        headers = {"content-type": "application/json"}
        await w.client.request("POST", path, body=orjson.dumps(eviction), headers=headers)
        (tree,) = await w.trees(DISRUPTIONBUDGETS.resource, "shop")
        assert tree["status"]["disruptionsAllowed"] == 0

    whole(body, caplog)


def test_a_kubelets_request_is_approved_and_signed(caplog: pytest.LogCaptureFixture) -> None:
    async def body(w: Whole) -> None:
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "boot"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "admin"}],
        }
        bindings = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", False)
        await w.client.create(bindings, binding)
        metadata = {"metadata": {"name": "n1"}}
        spec = {"signerName": KUBELET_CLIENT, "request": csr(), "usages": list(NODE_USAGES)}
        kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
        await w.client.create(SIGNINGREQUESTS.resource, {**kind, **metadata, "spec": spec})

        async def issued() -> bool:
            (tree,) = await w.trees(SIGNINGREQUESTS.resource)
            return "certificate" in tree["status"]

        await w.until(issued)

        async def cleared() -> bool:
            return not await w.trees(SIGNINGREQUESTS.resource)

        await w.until(cleared, 2 * 3600)

    whole(body, caplog, Config(RESOURCES, root_ca="PEM", sign=Authority(CA, CA_KEY).sign))


def test_ranges_policies_and_endpoints_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    async def body(w: Whole) -> None:
        await open_shop(w)
        await w.client.create(NODES.resource, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
        metadata: Tree = {"name": "db", "namespace": "shop"}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 5432}]}}
        await w.client.create(SERVICES.resource, service, "shop")
        subset = {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 5432}]}
        written = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [subset]}
        await w.client.create(ENDPOINTS.resource, written, "shop")
        policy = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "few"},
            "spec": {
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": ["apps"],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE"],
                            "resources": ["deployments"],
                        }
                    ]
                },
                "validations": [{"expression": "object.spec.replicas < '100'"}],
            },
        }
        await w.client.create(ADMISSIONPOLICIES.resource, policy)

        async def told() -> bool:
            slices = await w.trees(ENDPOINTSLICES.resource, "shop")
            (node,) = await w.trees(NODES.resource)
            (cidr,) = await w.trees(SERVICECIDRS.resource)
            (seen,) = await w.trees(ADMISSIONPOLICIES.resource)
            return (
                [e["addresses"] for s in slices for e in s["endpoints"]] == [["192.0.2.1"]]
                and node["metadata"].get("annotations", {}).get(ANNOTATION) == "0"
                and [c["status"] for c in cidr["status"].get("conditions", [])] == ["True"]
                and seen.get("status", {}).get("observedGeneration") == 1
                and "(int, string)" in str(seen["status"]["typeChecking"]["expressionWarnings"])
            )

        await w.until(told)
        await w.client.delete(ENDPOINTS.resource, "db", "shop")

        async def unmirrored() -> bool:
            return not await w.trees(ENDPOINTSLICES.resource, "shop")

        await w.until(unmirrored)

    whole(body, caplog)


def test_an_autoscaler_keeps_to_its_bounds_without_metrics(caplog: pytest.LogCaptureFixture) -> None:
    async def body(w: Whole) -> None:
        await open_shop(w)
        await w.client.create(DEPLOYMENTS.resource, workload("Deployment", replicas=1), "shop")
        scaler: Tree = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 2,
                "maxReplicas": 5,
            },
        }
        await w.client.create(AUTOSCALERS.resource, scaler, "shop")

        async def told() -> bool:
            await w.run_all("shop")
            (tree,) = await w.trees(AUTOSCALERS.resource, "shop")
            (target,) = await w.trees(DEPLOYMENTS.resource, "shop")
            reasons = {k["type"]: k["reason"] for k in tree["status"].get("conditions", [])}
            return target["spec"]["replicas"] == 2 and reasons.get("ScalingActive") == "FailedGetResourceMetric"

        await w.until(told)
        reasons = {e["reason"] for e in await w.trees(EVENTS, "shop")}
        assert {"SuccessfulRescale", "FailedGetResourceMetric", "FailedComputeMetricsReplicas"} <= reasons

    whole(body, caplog)
