"""The objects that the commands of the suite work on."""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]

NGINX = "registry.k8s.io/nginx:1.7.9"
NGINX_2 = "registry.k8s.io/nginx:test-cmd"
PERL = "registry.k8s.io/perl"
PAUSE = "registry.k8s.io/pause:2.0"
PAUSE_2 = "registry.k8s.io/pause:latest"


def meta(name: str, labels: dict[str, str] | None = None, **more: Any) -> Tree:
    return {"name": name, **({"labels": labels} if labels else {}), **more}


def container(name: str, image: str, **more: Any) -> Tree:
    return {"name": name, "image": image, **more}


def pod(name: str, labels: dict[str, str] | None = None, *containers: Tree, **spec: Any) -> Tree:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(name, labels),
        "spec": {"containers": list(containers) or [container("main", PAUSE)], **spec},
    }


def valid_pod() -> Tree:
    """A pod with limits, labelled with its own name."""
    limits = {"limits": {"cpu": "1", "memory": "512Mi"}}
    return pod("valid-pod", {"name": "valid-pod"}, container("hostname", "serve_hostname", resources=limits))


def labelled_pod(label: str = "test-pod-label", image: str = PAUSE) -> Tree:
    return pod("test-pod", {"name": label}, container("pause", image))


def template(labels: dict[str, str], *containers: Tree, **spec: Any) -> Tree:
    return {"metadata": {"labels": labels}, "spec": {"containers": list(containers), **spec}}


def workload(
    kind: str, name: str, *containers: Tree, labels: dict[str, str] | None = None, selects: bool = True, **spec: Any
) -> Tree:
    """An object of group apps whose pods are labelled, by default, with `app` and its name."""
    own = labels or {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": meta(name, own),
        "spec": {
            **({"selector": {"matchLabels": own}} if selects else {}),
            "template": template(own, *(containers or (container("nginx", NGINX),))),
            **spec,
        },
    }


def deployment(name: str, *containers: Tree, **spec: Any) -> Tree:
    return workload("Deployment", name, *containers, **spec)


def replica_set(name: str = "frontend", replicas: int = 3) -> Tree:
    php = container("php-redis", "redis", env=[{"name": "GET_HOSTS_FROM", "value": "dns"}])
    return workload("ReplicaSet", name, php, labels={"app": "guestbook", "tier": name}, replicas=replicas)


def controller(name: str = "frontend", replicas: int = 3, image: str = "redis") -> Tree:
    """A ReplicationController."""
    labels = {"app": "guestbook", "tier": name}
    env = [{"name": "GET_HOSTS_FROM", "value": "dns"}]
    inside = template(labels, container("php-redis", image, env=env, ports=[{"containerPort": 80}]))
    spec = {"replicas": replicas, "selector": labels, "template": inside}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": meta(name, labels), "spec": spec}


def service(name: str, selector: dict[str, str] | None = None, port: int = 80, **spec: Any) -> Tree:
    whole = {"ports": [{"port": port, "targetPort": port}], **({"selector": selector} if selector else {}), **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, selector), "spec": whole}


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Tree:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name, labels), "data": data}


def namespace(name: str) -> Tree:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name)}


def listed(*items: Tree) -> Tree:
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def definition(
    plural: str,
    group: str,
    kind: str,
    *,
    version: str = "v1",
    schema: Tree | None = None,
    scope: str = "Namespaced",
    short: tuple[str, ...] = (),
    singular: str = "",
    **more: Any,
) -> Tree:
    """A CustomResourceDefinition; its objects may hold anything unless `schema` says otherwise."""
    open_ = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"plural": plural, "kind": kind, **({"shortNames": list(short)} if short else {})}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema or open_}, **more}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": meta(f"{plural}.{group}"),
        "spec": {
            "group": group,
            "scope": scope,
            "names": names | ({"singular": singular} if singular else {}),
            "versions": [served],
        },
    }


def custom(kind: str, group: str, name: str, *, version: str = "v1", **fields: Any) -> Tree:
    return {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": meta(name), **fields}
