"""PersistentVolumes and the claims on them."""

from __future__ import annotations

from typing import Any, Final

from navarch.api.strategy import carry
from navarch.api.validation.affinity import node_selector_errors
from navarch.api.validation.go_form import difference, shown
from navarch.api.validation.labels import selector_errors
from navarch.api.validation.rules import ABOVE_ZERO, Errors, indexed, invalid_each, one_of, supported
from navarch.api.validation.volume_sources import only_one, source_errors
from navarch.base import names, quantity
from navarch.base.field import forbidden_field, immutable, invalid_value, not_supported, required
from navarch.schema.types import Tree

_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_VOLUME_MODES: Final = ("Block", "Filesystem")
_RECLAIM: Final = ("Delete", "Recycle", "Retain")
#: Entries of a PersistentVolume's spec that are no volume source.
_NO_SOURCE: Final = {
    "capacity",
    "accessModes",
    "claimRef",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "mountOptions",
    "volumeMode",
    "nodeAffinity",
    "volumeAttributesClassName",
}
#: Labels of nodes and what they are called now.
_NEWER_LABELS: Final = {
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}
_CLAIM: Final = "PersistentVolumeClaimSpec"
_CLAIM_FROZEN: Final = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


def inline_volume_errors(spec: Tree, path: str) -> Errors:
    """The volume in a VolumeAttachment: a CSI source and how it may be used, nothing else."""
    errors: Errors = []
    if spec.get("csi") is None:
        errors.append(required(f"{path}.csi", "has to be specified in the context of inline volumes"))
    errors += _access_mode_errors(spec, path, needed="")
    for key in ("capacity", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "nodeAffinity"):
        if spec.get(key):
            errors.append(forbidden_field(f"{path}.{key}", "may not be specified in the context of inline volumes"))
    if spec.get("volumeMode") is not None:
        errors += supported(f"{path}.volumeMode", spec["volumeMode"], _VOLUME_MODES)
    return errors + _source_errors(spec, path)


def volume_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = _access_mode_errors(spec, "spec", needed="")
    capacity = spec.get("capacity") or {}
    if not capacity:
        errors.append(required("spec.capacity"))
    if list(capacity) != ["storage"]:
        errors.append(not_supported("spec.capacity", spec.get("capacity"), ("storage",)))
    for name, amount in capacity.items():
        whole = quantity.value(str(amount))
        if whole < 0:
            text = "must be a valid resource quantity"
            errors.append(invalid_value(f"spec.capacity[{name}]", whole, text))
        errors += _amount_errors(amount, f"spec.capacity[{name}]")
    errors += one_of("spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), _RECLAIM)
    errors += _node_affinity_errors(spec)
    errors += _source_errors(spec, "spec")
    if (spec.get("hostPath") or {}).get("path") == "/" and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        text = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(forbidden_field("spec.persistentVolumeReclaimPolicy", text))
    if storage_class := spec.get("storageClassName"):
        errors += invalid_each("spec.storageClassName", storage_class, names.dns1123_subdomain_errors(storage_class))
    errors += _volume_mode_errors(spec, "spec")
    attributes = spec.get("volumeAttributesClassName")
    if attributes is not None:
        if not attributes:
            errors.append(required("spec.volumeAttributesClassName", "an empty string is disallowed"))
        else:
            rule = names.dns1123_subdomain_errors(attributes)
            errors += invalid_each("spec.volumeAttributesClassName", attributes, rule)
        if not spec.get("csi"):
            errors.append(required("spec.csi", "has to be specified when using volumeAttributesClassName"))
    return errors


def volume_update_errors(new: Tree, old: Tree) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = volume_errors(new)
    if _sources(spec) != _sources(before):
        text = "spec.persistentvolumesource is immutable after creation"
        text += difference("PersistentVolumeSource", before, spec)
        errors.append(forbidden_field("spec.persistentvolumesource", text))
    if spec.get("volumeMode") != before.get("volumeMode"):
        errors.append(immutable("volumeMode", spec.get("volumeMode")))
    if before.get("nodeAffinity") and not _only_relabelled(spec.get("nodeAffinity"), before["nodeAffinity"]):
        text = "field is immutable, except for updating from beta label to GA"
        errors.append(invalid_value("nodeAffinity", shown("VolumeNodeAffinity", spec.get("nodeAffinity")), text))
    if before.get("volumeAttributesClassName") and spec.get("volumeAttributesClassName") is None:
        text = "update from non-nil value to nil is forbidden"
        errors.append(forbidden_field("spec.volumeAttributesClassName", text))
    return errors


def _only_relabelled(new: Tree | None, old: Tree) -> bool:
    """Is the affinity as it was, but for labels that have a newer name?"""

    def requirements(affinity: Tree | None) -> list[tuple[Any, str]]:
        terms = ((affinity or {}).get("required") or {}).get("nodeSelectorTerms") or []
        return [
            ((i, part, j, item.get("operator"), item.get("values")), item.get("key", ""))
            for i, term in enumerate(terms)
            for part in ("matchExpressions", "matchFields")
            for j, item in enumerate(term.get(part) or ())
        ]

    after, before = requirements(new), requirements(old)
    return [place for place, _ in after] == [place for place, _ in before] and all(
        key in (was, _NEWER_LABELS.get(was, "")) for (_, key), (_, was) in zip(after, before, strict=True)
    )


def new_claim_errors(tree: Tree) -> Errors:
    """The groups of data sources are only judged once."""
    spec = tree.get("spec") or {}
    errors: Errors = []
    for key in ("dataSource", "dataSourceRef"):
        if group := (spec.get(key) or {}).get("apiGroup"):
            errors += invalid_each(f"spec.{key}.apiGroup", group, names.dns1123_subdomain_errors(group))
    return errors


def claim_errors(tree: Tree) -> Errors:
    return claim_spec_errors(tree.get("spec") or {}, "spec")


def claim_spec_errors(spec: Tree, path: str) -> Errors:
    errors = _access_mode_errors(spec, path, needed="at least 1 access mode is required")
    errors += selector_errors(spec.get("selector"), f"{path}.selector")
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    where = f"{path}.resources[storage]"
    errors += [required(where)] if storage is None else _amount_errors(storage, where)
    if storage_class := spec.get("storageClassName"):
        rule = names.dns1123_subdomain_errors(storage_class)
        errors += invalid_each(f"{path}.storageClassName", storage_class, rule)
    errors += _volume_mode_errors(spec, path)
    for key in ("dataSource", "dataSourceRef"):
        if (source := spec.get(key)) is not None:
            errors += _data_source_errors(source, f"{path}.{key}")
    errors += _data_source_conflict(spec, path)
    if attributes := spec.get("volumeAttributesClassName"):
        rule = names.dns1123_subdomain_errors(attributes)
        errors += invalid_each(f"{path}.volumeAttributesClassName", attributes, rule)
    return errors


def claim_update_errors(new: Tree, old: Tree) -> Errors:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors: Errors = []
    allowed = _allowed_claim(spec, before, bound=(new.get("status") or {}).get("phase") == "Bound")
    if allowed != before and shown(_CLAIM, allowed) != shown(_CLAIM, before):
        errors.append(forbidden_field("spec", _CLAIM_FROZEN + difference(_CLAIM, before, allowed)))
    now, was = _request(spec), _request(before)
    if was is not None and (now is None or (now.nano < was.nano and now.nano <= _capacity(old))):
        # A claim whose volume could not grow may ask for less again.
        text = "field can not be less than status.capacity"
        errors.append(forbidden_field("spec.resources.requests.storage", text))
    if spec.get("volumeMode") != before.get("volumeMode"):
        errors.append(immutable("volumeMode", spec.get("volumeMode")))
    return errors


def _capacity(claim: Tree) -> int:
    """What the claim has, in billionths of bytes."""
    stated = ((claim.get("status") or {}).get("capacity") or {}).get("storage", 0)
    return quantity.parse(str(stated)).nano


def _access_mode_errors(spec: Tree, path: str, *, needed: str) -> Errors:
    modes = spec.get("accessModes") or []
    where = f"{path}.accessModes"
    if not modes:
        return [required(where, needed)]
    errors: Errors = [not_supported(where, mode, _MODES) for mode in modes if mode not in _MODES]
    if "ReadWriteOncePod" in modes and any(mode in _MODES and mode != "ReadWriteOncePod" for mode in modes):
        errors.append(forbidden_field(where, "may not use ReadWriteOncePod with other access modes"))
    return errors


def _volume_mode_errors(spec: Tree, path: str) -> Errors:
    mode = spec.get("volumeMode")
    return [] if mode is None else supported(f"{path}.volumeMode", mode, _VOLUME_MODES)


def _amount_errors(amount: Any, path: str) -> Errors:
    parsed = quantity.parse(str(amount))
    return [] if parsed.nano > 0 else [invalid_value(path, str(parsed), ABOVE_ZERO)]


def _node_affinity_errors(spec: Tree) -> Errors:
    affinity = spec.get("nodeAffinity")
    if affinity is None:
        return [required("spec.nodeAffinity", "Local volume requires node affinity")] if spec.get("local") else []
    if affinity.get("required") is None:
        return [required("spec.nodeAffinity.required", "must specify required node constraints")]
    return node_selector_errors(affinity["required"], "spec.nodeAffinity.required")


def _source_errors(spec: Tree, path: str) -> Errors:
    given = [key for key in spec if key not in _NO_SOURCE and spec[key] is not None]
    if not given:
        return [required(path, "must specify a volume type")]
    errors = only_one(path, given, "may not specify more than 1 volume type")
    name = given[0]
    source, where = spec[name], f"{path}.{'persistentDisk' if name == 'gcePersistentDisk' else name}"
    errors += source_errors(name, source, where)
    if name == "csi" and not source.get("volumeHandle"):
        errors.append(required(f"{where}.volumeHandle"))
    if name == "azureFile" and source.get("secretNamespace") == "":
        errors.append(required(f"{where}.secretNamespace"))
    return errors


def _sources(spec: Tree) -> Tree:
    return {key: value for key, value in spec.items() if key not in _NO_SOURCE}


def _data_source_errors(source: Tree, path: str) -> Errors:
    errors: Errors = []
    if not source.get("name"):
        errors.append(required(f"{path}.name"))
    if not source.get("kind"):
        errors.append(required(f"{path}.kind"))
    group = source.get("apiGroup") or ""
    if not group and source.get("kind") != "PersistentVolumeClaim":
        text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid_value(path, source.get("kind", ""), text))
    return errors


def _data_source_conflict(spec: Tree, path: str) -> Errors:
    """Both names of the data source must say the same, unless one crosses namespaces."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is None or reference is None or reference.get("namespace"):
        return []
    same = all((source.get(key) or "") == (reference.get(key) or "") for key in ("apiGroup", "kind", "name"))
    return [] if same else [invalid_value(path, {}, "must match dataSourceRef")]


def _request(spec: Tree) -> quantity.Quantity | None:
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return None if amount is None else quantity.parse(str(amount))


def _allowed_claim(spec: Tree, before: Tree, *, bound: bool) -> Tree:
    """The new spec with what an update may change put back: the volume and the class may be set once,
    size and attributes of a bound claim may change."""
    kept = dict(spec)
    for key in ("volumeName", "storageClassName"):
        if not before.get(key):
            carry(kept, before, key)
    if bound and (kept.get("resources") or {}).get("requests"):
        kept["resources"] = {**kept["resources"], "requests": dict(kept["resources"]["requests"])}
        size = ((before.get("resources") or {}).get("requests") or {}).get("storage")
        kept["resources"]["requests"]["storage"] = size
    if bound and kept.get("volumeAttributesClassName") is not None:
        carry(kept, before, "volumeAttributesClassName")
    return kept


def template_claims(spec: Tree, path: str) -> Errors:
    """The claim templates of a StatefulSet."""
    errors: Errors = []
    for where, claim in indexed(spec, "volumeClaimTemplates", path):
        errors += claim_spec_errors(claim.get("spec") or {}, f"{where}.spec")
    return errors
