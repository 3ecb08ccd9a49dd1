"""lightkube against a cluster that a fixture brings up.

pytest examples/test_lightkube.py
"""

import pytest

from navarch.testing.live import LiveCluster

lightkube = pytest.importorskip("lightkube")


def test_what_is_applied_is_there(live_cluster: LiveCluster) -> None:
    from lightkube.models.apps_v1 import DeploymentSpec
    from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
    from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
    from lightkube.resources.apps_v1 import Deployment
    from lightkube.resources.core_v1 import Pod

    client = lightkube.Client(lightkube.KubeConfig.from_file(str(live_cluster.kubeconfig)), field_manager="example")
    labels = {"app": "web"}
    template = PodTemplateSpec(metadata=ObjectMeta(labels=labels), spec=PodSpec([Container("web", image="nginx")]))
    spec = DeploymentSpec(LabelSelector(matchLabels=labels), template, replicas=2)
    client.apply(Deployment(metadata=ObjectMeta(name="web", namespace="default"), spec=spec))
    client.wait(Deployment, "web", for_conditions=["Available"])
    assert len(list(client.list(Pod, labels=labels))) == 2
    client.delete(Deployment, "web")
