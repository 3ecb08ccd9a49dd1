"""Claims in the whole cluster: from a StatefulSet's template to a directory on the pod's node."""

from __future__ import annotations

from navarch.control.hostpath_provisioner import STANDARD_CLASS


def test_a_stateful_set_gets_its_volumes(c):
    c.apply(STANDARD_CLASS)
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    container = {"name": "db", "image": "db", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    c.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": "default"},
            "spec": {
                "serviceName": "db",
                "replicas": 2,
                "selector": {"matchLabels": {"app": "db"}},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [container]}},
                "volumeClaimTemplates": [claim],
            },
        }
    )
    c.settle()
    assert c.get("statefulset", "db").status.readyReplicas == 2
    claims = c.list("persistentvolumeclaims", "default")
    assert [(p.name, p.status.phase) for p in claims] == [("data-db-0", "Bound"), ("data-db-1", "Bound")]
    volumes = {v.name: v for v in c.list("persistentvolumes")}
    for pvc, pod in zip(claims, c.pods_of("statefulset", "db"), strict=True):
        (term,) = volumes[pvc.spec.volumeName].spec.nodeAffinity.required.nodeSelectorTerms
        assert term.matchExpressions[0]["values"] == [pod.spec.nodeName]
