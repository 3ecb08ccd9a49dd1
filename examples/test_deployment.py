"""A test in virtual time: hours pass in milliseconds, and nothing sleeps.

pytest examples/test_deployment.py
"""

from navarch.testing import Cluster, Script
from navarch.testing.builders import deployment


def test_a_bad_image_does_not_take_the_service_down(cluster: Cluster) -> None:
    web = deployment("web", replicas=4, image="web:1")
    web["spec"]["minReadySeconds"] = 10
    cluster.apply(web)
    cluster.settle()
    cluster.scripts.image("web:2", Script(exit_after_s=1, exit_code=1, log=("no database",)))
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
    cluster.apply(web)
    cluster.advance("1h")
    assert cluster.get("deployment", "web").status.availableReplicas >= 3
    broken = [pod for pod in cluster.pods_of("deployment", "web") if pod.spec.containers[0].image == "web:2"]
    assert cluster.logs(broken[0].name) == "no database\n"


def test_a_dead_node_costs_no_replicas(cluster: Cluster) -> None:
    cluster.apply(deployment("web", replicas=3))
    cluster.settle()
    cluster.kill_node("node-1")
    cluster.settle()
    assert cluster.get("deployment", "web").status.readyReplicas == 3
    living = [pod for pod in cluster.pods_of("deployment", "web") if not pod.metadata.deletionTimestamp]
    assert {pod.spec.nodeName for pod in living} <= {"node-2", "node-3"}
