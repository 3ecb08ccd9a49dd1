"""The objects of the addon `ingress`: an nginx on the ports 80 and 443 of the first node.

Its configuration is written by the control plane's controller of the same name (`navarch/control/ingress.py`).

Source: ingress-nginx and minikube's addon (names, labels, the default class).
"""

from __future__ import annotations

import base64
from typing import Final

from navarch.launch.api import Tree

NAMESPACE: Final = "ingress-nginx"
DEPLOYMENT: Final = "ingress-nginx-controller"
_LABELS: Final = {
    "app.kubernetes.io/name": "ingress-nginx",
    "app.kubernetes.io/instance": "ingress-nginx",
    "app.kubernetes.io/component": "controller",
}
#: Starts nginx when there is a configuration, and has it look again when that or a certificate has changed.
_SCRIPT: Final = """\
cd /etc/ingress
until [ -s conf/nginx.conf ]; do sleep 0.2; done
nginx -c /etc/ingress/conf/nginx.conf -g 'daemon off;' &
server=$!
trap 'kill -QUIT $server; wait $server; exit 0' TERM QUIT
seen="$(readlink conf/..data) $(readlink tls/..data)"
while kill -0 $server; do
  sleep 1 & wait $!
  now="$(readlink conf/..data) $(readlink tls/..data)"
  if [ "$now" != "$seen" ]; then
    nginx -q -t -c /etc/ingress/conf/nginx.conf && kill -HUP $server
    seen=$now
  fi
done
"""


def objects(certificate: bytes, key: bytes) -> tuple[tuple[str, Tree], ...]:
    """(path, object) of everything, in the order of creation. The certificate, in PEM, is for hosts that have none."""
    rbac, core = "/apis/rbac.authorization.k8s.io/v1", f"/api/v1/namespaces/{NAMESPACE}"
    return (
        (f"/api/v1/namespaces/{NAMESPACE}", _object("v1", "Namespace", NAMESPACE)),
        (f"{rbac}/clusterroles/{DEPLOYMENT}", _role()),
        (f"{rbac}/clusterrolebindings/{DEPLOYMENT}", _binding()),
        (f"{core}/secrets/nginx-certificates", _certificates(certificate, key)),
        (f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{DEPLOYMENT}", _deployment()),
        (f"{core}/services/{DEPLOYMENT}", _service()),
        ("/apis/networking.k8s.io/v1/ingressclasses/nginx", _class()),
    )


def _object(api_version: str, kind: str, name: str, **rest: object) -> Tree:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": _LABELS}, **rest}


def _role() -> Tree:
    rules = [
        {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["get", "create", "update", "patch"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["update", "patch"]},
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ]
    return _object("rbac.authorization.k8s.io/v1", "ClusterRole", DEPLOYMENT, rules=rules)


def _binding() -> Tree:
    subject = {"kind": "ServiceAccount", "name": DEPLOYMENT, "namespace": "kube-system"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": DEPLOYMENT}
    return _object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", DEPLOYMENT, subjects=[subject], roleRef=role)


def _certificates(certificate: bytes, key: bytes) -> Tree:
    data = {"default.crt": base64.b64encode(certificate).decode(), "default.key": base64.b64encode(key).decode()}
    return _object("v1", "Secret", "nginx-certificates", data=data)


def _class() -> Tree:
    tree = _object("networking.k8s.io/v1", "IngressClass", "nginx", spec={"controller": "k8s.io/ingress-nginx"})
    metadata = {**tree["metadata"], "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}
    return {**tree, "metadata": metadata}


def _service() -> Tree:
    ports = [
        {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"},
        {"name": "https", "port": 443, "targetPort": "https", "protocol": "TCP"},
    ]
    return _object("v1", "Service", DEPLOYMENT, spec={"type": "NodePort", "selector": _LABELS, "ports": ports})


def _deployment() -> Tree:
    probe = {"httpGet": {"path": "/healthz", "port": 80}, "periodSeconds": 10}
    container = {
        "name": "controller",
        "image": "nginx:stable-alpine",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _SCRIPT],
        "ports": [
            {"name": "http", "containerPort": 80, "hostPort": 80, "protocol": "TCP"},
            {"name": "https", "containerPort": 443, "hostPort": 443, "protocol": "TCP"},
        ],
        "readinessProbe": {**probe, "periodSeconds": 1},
        "livenessProbe": {**probe, "initialDelaySeconds": 10, "failureThreshold": 5},
        "resources": {"requests": {"cpu": "100m", "memory": "90Mi"}},
        "volumeMounts": [
            {"name": "configuration", "mountPath": "/etc/ingress/conf"},
            {"name": "certificates", "mountPath": "/etc/ingress/tls"},
        ],
    }
    spec = {
        "nodeSelector": {"kubernetes.io/os": "linux", "minikube.k8s.io/primary": "true"},
        "terminationGracePeriodSeconds": 10,
        "containers": [container],
        "volumes": [
            {"name": "configuration", "configMap": {"name": "nginx-configuration", "optional": True}},
            {"name": "certificates", "secret": {"secretName": "nginx-certificates"}},
        ],
    }
    template = {"metadata": {"labels": _LABELS}, "spec": spec}
    # Two of them could not have the node's ports at one time.
    strategy = {"type": "Recreate"}
    selector = {"matchLabels": _LABELS}
    whole = {"replicas": 1, "selector": selector, "strategy": strategy, "template": template}
    return _object("apps/v1", "Deployment", DEPLOYMENT, spec=whole)
