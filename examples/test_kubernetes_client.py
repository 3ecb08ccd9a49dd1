"""The official client, unchanged, against a cluster that a fixture brings up.

pytest examples/test_kubernetes_client.py
"""

import pytest

from navarch.testing.live import LiveCluster

kubernetes = pytest.importorskip("kubernetes")


def test_a_deployment_is_rolled_out(live_cluster: LiveCluster) -> None:
    api = kubernetes.config.new_client_from_config(str(live_cluster.kubeconfig))
    apps, core = kubernetes.client.AppsV1Api(api), kubernetes.client.CoreV1Api(api)
    labels = {"app": "web"}
    container = kubernetes.client.V1Container(name="web", image="nginx")
    template = kubernetes.client.V1PodTemplateSpec(
        metadata=kubernetes.client.V1ObjectMeta(labels=labels),
        spec=kubernetes.client.V1PodSpec(containers=[container]),
    )
    apps.create_namespaced_deployment(
        "default",
        kubernetes.client.V1Deployment(
            metadata=kubernetes.client.V1ObjectMeta(name="web"),
            spec=kubernetes.client.V1DeploymentSpec(
                replicas=3, selector=kubernetes.client.V1LabelSelector(match_labels=labels), template=template
            ),
        ),
    )
    watch = kubernetes.watch.Watch()
    for event in watch.stream(apps.list_namespaced_deployment, "default", timeout_seconds=30):
        if event["object"].status.ready_replicas == 3:
            watch.stop()
    pods = core.list_namespaced_pod("default", label_selector="app=web").items
    assert [pod.status.phase for pod in pods] == ["Running"] * 3
    apps.delete_namespaced_deployment("web", "default")
    api.close()
