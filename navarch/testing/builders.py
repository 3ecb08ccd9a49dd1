"""Objects that tests often need, as plain dicts: `c.apply(deployment("web", 3))`.

Each takes the fields that matter most; anything else is set on the dict afterwards. Pods carry the label
`app: <name>`, and their container is called `main`.
"""

from __future__ import annotations

from typing import Any

from navarch.schema.types import Tree

#: Requests of a container: cpu and memory as Kubernetes writes them.
Requests = dict[str, str]


def pod(name: str, image: str = "nginx", *, requests: Requests | None = None, **spec: Any) -> Tree:
    """A pod of one container."""
    template = _template(name, image, requests, spec)
    template["metadata"]["name"] = name
    return {"apiVersion": "v1", "kind": "Pod", **template}


def deployment(
    name: str,
    replicas: int = 1,
    image: str = "nginx",
    *,
    max_surge: int | str | None = None,
    max_unavailable: int | str | None = None,
    requests: Requests | None = None,
    **pod_spec: Any,
) -> Tree:
    """A Deployment with a rolling update."""
    spec: Tree = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": _template(name, image, requests, pod_spec),
    }
    limits = {"maxSurge": max_surge, "maxUnavailable": max_unavailable}
    rolling = {k: v for k, v in limits.items() if v is not None}
    if rolling:
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def daemon_set(name: str, image: str = "agent", *, requests: Requests | None = None, **pod_spec: Any) -> Tree:
    spec = {"selector": {"matchLabels": {"app": name}}, "template": _template(name, image, requests, pod_spec)}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name}, "spec": spec}


def job(
    name: str,
    image: str,
    *,
    completions: int = 1,
    parallelism: int = 1,
    backoff_limit: int = 6,
    requests: Requests | None = None,
    **pod_spec: Any,
) -> Tree:
    """A Job whose pods are not restarted in place."""
    spec = {
        "completions": completions,
        "parallelism": parallelism,
        "backoffLimit": backoff_limit,
        "template": _template(name, image, requests, {"restartPolicy": "Never", **pod_spec}),
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def service(name: str, port: int = 80, *, app: str = "") -> Tree:
    """A Service of the pods labelled `app`, by default those named as the service."""
    spec = {"selector": {"app": app or name}, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def namespace(name: str) -> Tree:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _template(name: str, image: str, requests: Requests | None, spec: Tree) -> Tree:
    container: Tree = {"name": "main", "image": image}
    if requests:
        container["resources"] = {"requests": requests}
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **spec}}
