"""Defaults of containers: pull policy, probes, hooks, environment.

Called by `pod_defaults` for every container of pods and of pod templates.
"""

from __future__ import annotations

from typing import Final

from navarch.api.defaulting import each, fill, struct
from navarch.schema.types import Tree

TERMINATION_MESSAGE_PATH: Final = "/dev/termination-log"
PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


def default_container(container: Tree) -> None:
    fill(container, "imagePullPolicy", pull_policy(container.get("image") or ""))
    fill(container, "terminationMessagePath", TERMINATION_MESSAGE_PATH)
    fill(container, "terminationMessagePolicy", "File")
    struct(container, "resources")
    for port in each(container, "ports"):
        fill(port, "protocol", "TCP")
    for variable in each(container, "env"):
        _default_source(variable.get("valueFrom") or {})
    for name in PROBES:
        if (probe := container.get(name)) is not None:
            _default_probe(probe)
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            default_http(hook.get("httpGet"))


def pull_policy(image: str) -> str:
    """`Always` for the tag `latest`, spelled out or meant, else `IfNotPresent`, also for what is no image's name."""
    if not image or "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def default_http(action: Tree | None) -> None:
    if action is not None:
        fill(action, "path", "/")
        fill(action, "scheme", "HTTP")


def default_field_ref(item: Tree) -> None:
    """Of a downward API item or an environment source."""
    if reference := item.get("fieldRef"):
        fill(reference, "apiVersion", "v1")
    if reference := item.get("resourceFieldRef"):
        fill(reference, "divisor", "0")


def _default_source(source: Tree) -> None:
    default_field_ref(source)
    if reference := source.get("fileKeyRef"):
        reference.setdefault("optional", False)


def _default_probe(probe: Tree) -> None:
    default_http(probe.get("httpGet"))
    if probe.get("grpc"):
        fill(probe["grpc"], "service", "")
    for key, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(key):
            probe[key] = value
