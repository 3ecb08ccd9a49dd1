from __future__ import annotations

import base64

import msgspec
import pytest

from navarch.api.views.base import decode
from navarch.api.views.core import ConfigMap, Secret
from navarch.api.views.pod import Pod
from navarch.api.views.service import Service
from navarch.node.downward import Surroundings
from navarch.node.environment import ConfigError, Sources, environment, expand
from navarch.schema.types import Tree
from tests.node.cluster import container, pod

AROUND = Surroundings(("10.0.0.7",), ("192.168.49.2",), {"cpu": "2", "memory": "1Gi"})


def values(spec: Tree, sources: Sources | None = None, services: tuple[Service, ...] = ()) -> dict[str, str]:
    tree = pod("web", container("c", **spec))
    tree["metadata"]["uid"] = "u"
    view = decode(Pod, msgspec.json.encode(tree))
    return environment(view, view.spec.containers[0], sources or Sources(), services, AROUND)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("$$(A)", "$(A)"),
        ("$(NONE)", "$(NONE)"),
        ("$A $", "$A $"),
        ("$$$(A)", "$1"),
        ("a$(A)b$(B)c", "a1b2c"),
    ],
)
def test_expand(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}.get) == expected


def test_order_and_references() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(C)"}, {"name": "C", "value": "3"}]
    assert values({"env": env}) == {"A": "1", "B": "1-$(C)", "C": "3"}


def test_downward() -> None:
    env = [
        {"name": n, "valueFrom": {"fieldRef": {"fieldPath": p}}}
        for n, p in (("IP", "status.podIP"), ("NAME", "metadata.name"), ("APP", "metadata.labels['app']"))
    ]
    env.append({"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}})
    env.append({"name": "MEM", "valueFrom": {"resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}}})
    resources = {"requests": {"memory": "1500Ki"}}
    assert values({"env": env, "resources": resources}) == {
        "IP": "10.0.0.7",
        "NAME": "web",
        "APP": "web",
        "CPU": "2000",
        "MEM": "2",
    }


def test_config_maps_and_secrets() -> None:
    sources = Sources(
        {"m": ConfigMap(data={"x": "1"})}, {"s": Secret(data={"k": base64.b64encode(b"hidden").decode()})}
    )
    spec = {
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "m"}}, {"secretRef": {"name": "none", "optional": True}}],
        "env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    }
    assert values(spec, sources) == {"P_x": "1", "K": "hidden"}


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ({"configMapKeyRef": {"name": "none", "key": "k"}}, 'configmap "none" not found'),
        ({"configMapKeyRef": {"name": "m", "key": "k"}}, "couldn't find key k in ConfigMap default/m"),
        ({"secretKeyRef": {"name": "none", "key": "k"}}, 'secret "none" not found'),
    ],
)
def test_missing(ref: Tree, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        values({"env": [{"name": "A", "valueFrom": ref}]}, Sources({"m": ConfigMap(data={"x": "1"})}))
    assert str(caught.value) == message


def test_services() -> None:
    tree = {
        "metadata": {"name": "my-db", "namespace": "default"},
        "spec": {"clusterIP": "10.96.0.9", "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}]},
    }
    headless = {
        "metadata": {"name": "h", "namespace": "default"},
        "spec": {"clusterIP": "None", "ports": [{"port": 1}]},
    }
    services = tuple(decode(Service, msgspec.json.encode(t)) for t in (tree, headless))
    assert values({}, services=services) == {
        "MY_DB_SERVICE_HOST": "10.96.0.9",
        "MY_DB_SERVICE_PORT": "5432",
        "MY_DB_SERVICE_PORT_SQL": "5432",
        "MY_DB_PORT": "tcp://10.96.0.9:5432",
        "MY_DB_PORT_5432_TCP": "tcp://10.96.0.9:5432",
        "MY_DB_PORT_5432_TCP_PROTO": "tcp",
        "MY_DB_PORT_5432_TCP_PORT": "5432",
        "MY_DB_PORT_5432_TCP_ADDR": "10.96.0.9",
    }
