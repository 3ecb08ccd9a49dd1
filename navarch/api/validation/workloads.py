"""ReplicaSet, ReplicationController, Deployment, DaemonSet, StatefulSet and PodTemplate."""

from __future__ import annotations

import re
from typing import Any, Final

from navarch.api.validation.labels import label_errors, matches, selector_errors
from navarch.api.validation.persistent import template_claims
from navarch.api.validation.pod_spec import template_errors
from navarch.api.validation.rules import Errors, indexed, invalid_each, not_negative, one_of, percent_or_int
from navarch.base import names
from navarch.base.field import (
    forbidden_field,
    immutable,
    invalid_value,
    not_supported,
    required,
)
from navarch.schema.types import Tree

_NO_MATCH: Final = "`selector` does not match template `labels`"
_STATEFUL_TEXT: Final = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_NUMBER: Final = re.compile(r"-?\d+")
_STATEFUL_MUTABLE: Final = {
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
}


def pod_template_errors(tree: Tree) -> Errors:
    return template_errors(tree.get("template") or {}, "template")


def replica_set_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = not_negative("spec.replicas", spec.get("replicas"))
    errors += not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    selector = spec.get("selector")
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += selector_errors(selector, "spec.selector")
        if not _selects(selector):
            errors.append(invalid_value("spec.selector", selector, "empty selector is invalid for deployment"))
    return errors + _controlled_template_errors(spec, "ReplicaSet")


def replication_controller_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    if not spec.get("selector"):
        errors.append(required("spec.selector"))
    errors += not_negative("spec.replicas", spec.get("replicas"))
    template = spec.get("template")
    if template is None:
        return [*errors, required("spec.template")]
    labels = (template.get("metadata") or {}).get("labels")
    if spec.get("selector") and not spec["selector"].items() <= (labels or {}).items():
        errors.append(invalid_value("spec.template.metadata.labels", labels, _NO_MATCH))
    errors += template_errors(template, "spec.template")
    return errors + _restart_errors(template.get("spec") or {}, "ReplicationController")


def deployment_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = not_negative("spec.replicas", spec.get("replicas"))
    selector = spec.get("selector")
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += selector_errors(selector, "spec.selector")
        if not _selects(selector):
            errors.append(invalid_value("spec.selector", selector, "empty selector is invalid for deployment"))
    errors += _controlled_template_errors(spec, "ReplicaSet")
    errors += _strategy_errors(spec.get("strategy") or {})
    ready, deadline = spec.get("minReadySeconds") or 0, spec.get("progressDeadlineSeconds")
    errors += not_negative("spec.minReadySeconds", ready)
    errors += not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    if deadline is not None:
        errors += not_negative("spec.progressDeadlineSeconds", deadline)
        if deadline <= ready:
            text = "must be greater than minReadySeconds"
            errors.append(invalid_value("spec.progressDeadlineSeconds", deadline, text))
    return errors


def daemon_set_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    template = spec.get("template") or {}
    selector = spec.get("selector")
    labels = (template.get("metadata") or {}).get("labels")
    errors = selector_errors(selector, "spec.selector")
    if not errors and not matches(selector, labels):
        errors.append(invalid_value("spec.template.metadata.labels", labels, _NO_MATCH))
    if selector is not None and not _selects(selector):
        errors.append(invalid_value("spec.selector", selector, "empty selector is invalid for daemonset"))
    errors += template_errors(template, "spec.template")
    errors += _restart_errors(template.get("spec") or {}, "DaemonSet")
    errors += not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += _daemon_strategy_errors(spec.get("updateStrategy") or {})
    return errors + not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))


def new_stateful_set_errors(tree: Tree) -> Errors:
    """The name of the Service is only judged once."""
    service = (tree.get("spec") or {}).get("serviceName")
    return invalid_each("spec.serviceName", service, names.dns1123_label_errors(service)) if service else []


def stateful_set_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    policy = spec.get("podManagementPolicy", "")
    errors: Errors = []
    if not policy:
        errors.append(required("spec.podManagementPolicy"))
    elif policy not in ("OrderedReady", "Parallel"):
        errors.append(invalid_value("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    errors += _stateful_strategy_errors(spec.get("updateStrategy") or {})
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for key in ("whenDeleted", "whenScaled"):
        where = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
        errors += one_of(where, retention.get(key), ("Retain", "Delete"), needed=True)
    errors += template_claims(spec, "spec")
    errors += not_negative("spec.replicas", spec.get("replicas"))
    errors += not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += not_negative("spec.ordinals.start", (spec.get("ordinals") or {}).get("start"))
    errors += not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    selector = spec.get("selector")
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += selector_errors(selector, "spec.selector")
        if not _selects(selector):
            errors.append(invalid_value("spec.selector", selector, "empty selector is invalid for statefulset"))
    return errors + _controlled_template_errors(spec, "StatefulSet")


def controller_revision_errors(tree: Tree) -> Errors:
    data = tree.get("data")
    errors: Errors = []
    if data is None:
        errors.append(required("data", "data is mandatory"))
    elif not isinstance(data, dict):
        errors.append(required("data", "data must be a valid JSON object"))
    return errors + not_negative("revision", tree.get("revision"))


def controller_revision_update_errors(new: Tree, old: Tree) -> Errors:
    return [] if new.get("data") == old.get("data") else [immutable("data", new.get("data"))]


def selector_is_immutable(new: Tree, old: Tree) -> Errors:
    """Deployments, ReplicaSets and DaemonSets keep their selector."""
    selector = (new.get("spec") or {}).get("selector")
    if selector != (old.get("spec") or {}).get("selector"):
        return [immutable("spec.selector", selector)]
    return []


def stateful_set_update_errors(new: Tree, old: Tree) -> Errors:
    def frozen(tree: Tree) -> dict[str, Any]:
        return {key: value for key, value in (tree.get("spec") or {}).items() if key not in _STATEFUL_MUTABLE}

    return [] if frozen(new) == frozen(old) else [forbidden_field("spec", _STATEFUL_TEXT)]


def _selects(selector: Tree) -> bool:
    return bool(selector.get("matchLabels") or selector.get("matchExpressions"))


def _controlled_template_errors(spec: Tree, kind: str) -> Errors:
    """A template whose labels the selector must match, of pods that restart always."""
    template, selector = spec.get("template"), spec.get("selector")
    if template is None:
        return [required("spec.template")]
    errors: Errors = []
    labels = (template.get("metadata") or {}).get("labels")
    if selector is None or (_selects(selector) and _is_valid(selector) and not matches(selector, labels)):
        errors.append(invalid_value("spec.template.metadata.labels", labels, _NO_MATCH))
    stateful = kind == "StatefulSet"
    if selector is not None and not _is_valid(selector):
        errors.append(invalid_value("spec.selector", selector, "" if stateful else "invalid label selector"))
    if stateful:
        # Kubernetes looks at the labels of these pods twice.
        errors += label_errors(labels, "spec.template.labels")
        template = _with_claims(template, spec)
    errors += template_errors(template, "spec.template")
    return errors + _restart_errors(template.get("spec") or {}, kind)


def _with_claims(template: Tree, spec: Tree) -> Tree:
    """The template with a volume for each claim that every pod will get."""
    pod = template.get("spec") or {}
    given = [claim.get("metadata") or {} for _, claim in indexed(spec, "volumeClaimTemplates", "spec")]
    claims = [metadata.get("name", "") for metadata in given]
    added = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    kept = [volume for volume in pod.get("volumes") or () if volume.get("name") not in claims]
    return {**template, "spec": {**pod, "volumes": [*added, *kept]}}


def _is_valid(selector: Tree) -> bool:
    return not selector_errors(selector, "")


def _restart_errors(pod_spec: Tree, kind: str) -> Errors:
    errors: Errors = []
    policy = pod_spec.get("restartPolicy", "")
    if policy != "Always":
        errors.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if pod_spec.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden_field("spec.template.spec.activeDeadlineSeconds", text))
    return errors


def _amount(value: Any) -> int:
    """An integer, or the number of a percentage or of a text that should be one: zero at the same time."""
    if isinstance(value, str):
        found = _NUMBER.match(value)
        return int(found[0]) if found else 0
    return value or 0


def _not_over_all(path: str, value: Any) -> Errors:
    if isinstance(value, str) and not names.percent_errors(value) and int(value[:-1]) > 100:
        return [invalid_value(path, value, "must not be greater than 100%")]
    return []


def _strategy_errors(strategy: Tree) -> Errors:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is None:
            return []
        text = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden_field("spec.strategy.rollingUpdate", text)]
    if kind != "RollingUpdate":
        return [not_supported("spec.strategy", _shown_strategy(strategy), ("Recreate", "RollingUpdate"))]
    if rolling is None:
        return [required("spec.strategy.rollingUpdate", "this should be defaulted and never be nil")]
    surge, gone = rolling.get("maxSurge"), rolling.get("maxUnavailable")
    where = "spec.strategy.rollingUpdate"
    errors = percent_or_int(f"{where}.maxUnavailable", gone) + percent_or_int(f"{where}.maxSurge", surge)
    if _amount(gone) == 0 and _amount(surge) == 0:
        errors.append(invalid_value(f"{where}.maxUnavailable", gone, "may not be 0 when `maxSurge` is 0"))
    return errors + _not_over_all(f"{where}.maxUnavailable", gone)


def _shown_strategy(strategy: Tree) -> Any:
    """A strategy as the server's own structure prints it."""
    rolling = strategy.get("rollingUpdate")
    shown = None
    if rolling is not None:
        shown = {key[0].upper() + key[1:]: value for key, value in rolling.items()}
        if "partition" in rolling:
            shown.setdefault("MaxUnavailable", None)
        elif "maxUnavailable" in rolling:
            shown.setdefault("MaxSurge", 0)
    return {"Type": strategy.get("type", ""), "RollingUpdate": shown}


def _daemon_strategy_errors(strategy: Tree) -> Errors:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    where = "spec.updateStrategy"
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        return [not_supported(where, _shown_strategy(strategy), ("RollingUpdate", "OnDelete"))]
    if rolling is None:
        return [required(f"{where}.rollingUpdate")]
    where = f"{where}.rollingUpdate"
    gone, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    errors = percent_or_int(f"{where}.maxUnavailable", gone) + _not_over_all(f"{where}.maxUnavailable", gone)
    errors += percent_or_int(f"{where}.maxSurge", surge) + _not_over_all(f"{where}.maxSurge", surge)
    if _amount(gone) and _amount(surge):
        text = "may not be set when maxUnavailable is non-zero"
        errors.append(invalid_value(f"{where}.maxSurge", surge, text))
    if not _amount(gone) and not _amount(surge):
        errors.append(required(f"{where}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return errors


def _stateful_strategy_errors(strategy: Tree) -> Errors:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    where = "spec.updateStrategy"
    if not kind:
        return [required(where)]
    if kind == "OnDelete":
        if rolling is None:
            return []
        shown = {"Partition": rolling.get("partition", 0), "MaxUnavailable": rolling.get("maxUnavailable")}
        text = "only allowed for updateStrategy 'RollingUpdate'"
        return [invalid_value(f"{where}.rollingUpdate", shown, text)]
    if kind != "RollingUpdate":
        text = "must be 'RollingUpdate' or 'OnDelete'"
        return [invalid_value(where, _shown_strategy(strategy), text)]
    return not_negative(f"{where}.rollingUpdate.partition", (rolling or {}).get("partition"))
