"""CustomResourceDefinition: names, versions, conversion and what is shown of each version.

Faults are named where the server's own form has the field: what all versions have in common stands
at the top of the spec there (`spec.validation`), and so do the faults in it.

Source: apiextensions-apiserver `pkg/apis/apiextensions/validation`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from navarch.api.validation.definition_rules import ends_at
from navarch.api.validation.definition_schema import schema_errors
from navarch.api.validation.go_form import shown
from navarch.api.validation.rules import Errors, indexed, one_of, supported
from navarch.api.validation.webhooks import client_config_errors, review_version_errors
from navarch.base import names
from navarch.base.field import duplicate, forbidden_field, immutable, invalid_value, required
from navarch.schema.types import Tree

_SCOPES: Final = ("Cluster", "Namespaced")
_STRATEGIES: Final = ("None", "Webhook")
_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS: Final = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_NAMES: Final = ("plural", "singular", "kind", "listKind")
_MIXED_CASE: Final = "may have mixed case, but should otherwise match: "
#: Parts of a version, and under which name all versions' common one stands at the top.
_HOISTED: Final = {
    "schema": "validation",
    "subresources": "subresources",
    "additionalPrinterColumns": "additionalPrinterColumns",
    "selectableFields": "selectableFields",
}
#: Where the scale subresource may find its values.
_SCALE_PATHS: Final = {
    "specReplicasPath": (".spec.",),
    "statusReplicasPath": (".status.",),
    "labelSelectorPath": (".status.", ".spec."),
}
_MAX_WARNING: Final = 256
_APPROVED: Final = "api-approved.kubernetes.io"
_APPROVAL_RULES: Final = "https://github.com/kubernetes/enhancements/pull/1111"
_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/]+")


def new_definition_errors(tree: Tree) -> Errors:
    """The name says which objects are defined."""
    name, spec = tree["metadata"].get("name", ""), tree.get("spec") or {}
    wanted = f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}"
    errors = _approval_errors(tree["metadata"], spec.get("group", ""))
    text = 'must be spec.names.plural+"."+spec.group'
    given = {"metadata.generateName": tree["metadata"].get("generateName"), "metadata.name": name}
    return [invalid_value(path, each, text) for path, each in given.items() if each and each != wanted] + errors


def _approval_errors(metadata: Tree, group: str) -> Errors:
    """Groups of Kubernetes itself are for those whose API was looked at. Source: KEP-1111."""
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return []
    where = f"metadata.annotations[{_APPROVED}]"
    text, see = f'protected groups must have approval annotation "{_APPROVED}"', f", see {_APPROVAL_RULES}"
    given = (metadata.get("annotations") or {}).get(_APPROVED)
    if not given:
        return [required(where, text + see)]
    if given.startswith("unapproved") or _URL.match(given):
        return []
    return [invalid_value(where, given, f'{text} with either a URL or a reason starting with "unapproved"{see}')]


def definition_errors(tree: Tree) -> Errors:
    spec = tree.get("spec") or {}
    errors = _group_errors(spec.get("group", ""))
    errors += [required("spec.scope")] if not spec.get("scope") else supported("spec.scope", spec["scope"], _SCOPES)
    errors += _preserve_errors(spec)
    errors += _versions_errors(spec)
    errors += _names_errors(spec.get("names") or {})
    common = _common(spec)
    if common:
        errors += _parts_errors(common, "spec", "spec.validation")
    errors += _conversion_errors(spec.get("conversion") or {}, "spec.conversion")
    return errors + _stored_errors(spec, (tree.get("status") or {}).get("storedVersions"))


def definition_update_errors(new: Tree, old: Tree) -> Errors:
    """Objects may exist: what they are called cannot change any more."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    named, was = spec.get("names") or {}, before.get("names") or {}
    pairs: tuple[tuple[str, str, str], ...] = (
        ("spec.group", spec.get("group", ""), before.get("group", "")),
        ("spec.names.plural", named.get("plural", ""), was.get("plural", "")),
    )
    if any(c.get("type") == "Established" and c.get("status") == "True" for c in _conditions(old)):
        pairs = (
            ("spec.scope", spec.get("scope", ""), before.get("scope", "")),
            ("spec.names.kind", named.get("kind", ""), was.get("kind", "")),
            *pairs,
        )
    return [immutable(path, now) for path, now, then in pairs if now != then]


def _conditions(tree: Tree) -> list[Tree]:
    return (tree.get("status") or {}).get("conditions") or []


def _group_errors(group: str) -> Errors:
    if not group:
        return [required("spec.group")]
    if found := names.dns1123_subdomain_errors(group):
        return [invalid_value("spec.group", group, ",".join(found))]
    return [] if "." in group else [invalid_value("spec.group", group, "should be a domain with at least one dot")]


def _preserve_errors(spec: Tree) -> Errors:
    if not spec.get("preserveUnknownFields"):
        return []
    where = "spec.preserveUnknownFields"
    text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    errors = [invalid_value(where, True, text)]
    if '"default"' in repr(spec).replace("'", '"'):
        errors.insert(0, invalid_value(where, True, "must be false in order to use defaults in the schema"))
    return errors


def _versions_errors(spec: Tree) -> Errors:
    versions = [version or {} for version in spec.get("versions") or ()]
    errors: Errors = []
    common = _common(spec)
    for index, version in enumerate(versions):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            errors.append(required(f"spec.versions[{index}].schema.openAPIV3Schema"))
    for index, version in enumerate(versions):
        path, name = f"spec.versions[{index}]", version.get("name", "")
        if found := names.dns1035_label_errors(name):
            errors.append(invalid_value(f"{path}.name", name, ",".join(found)))
        if (warning := version.get("deprecationWarning")) is not None:
            errors += _warning_errors(warning, bool(version.get("deprecated")), f"{path}.deprecationWarning")
        if not common:
            errors += _parts_errors(version, path, f"{path}.schema")
    first = versions[0].get("name", "") if versions else "v1"
    if found := names.dns1035_label_errors(first) if first else []:
        errors.append(invalid_value("spec.version", first, ",".join(found)))
    shown_versions = None if spec.get("versions") is None else [_shown_version(v, common) for v in versions]
    if len({version.get("name", "") for version in versions}) < len(versions):
        errors.append(invalid_value("spec.versions", shown_versions, "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        text = "must have exactly one version marked as storage version"
        errors.append(invalid_value("spec.versions", shown_versions, text))
    return errors


def _common(spec: Tree) -> Tree:
    """What is the same in all versions; nothing if they differ in any part."""
    versions = [version or {} for version in spec.get("versions") or ()]
    parts = [{key: version[key] for key in _HOISTED if version.get(key)} for version in versions]
    return parts[0] if parts and all(part == parts[0] for part in parts) else {}


def _shown_version(version: Tree, hoisted: Tree) -> Tree | None:
    return shown("DefinitionVersion", {key: value for key, value in version.items() if key not in hoisted})


def _warning_errors(warning: str, deprecated: bool, path: str) -> Errors:
    if not deprecated:
        return [invalid_value(path, warning, "can only be set for deprecated versions")]
    if not warning:
        return [invalid_value(path, warning, "must not be an empty string")]
    if len(warning) > _MAX_WARNING:
        return [invalid_value(path, warning, f"must be <= {_MAX_WARNING} characters long")]
    for index, character in enumerate(warning):
        if not character.isprintable():
            text = "must only contain printable UTF-8 characters; non-printable character found at index "
            return [invalid_value(path, warning, f"{text}{index}")]
    return []


def _names_errors(given: Tree) -> Errors:
    path = "spec.names"
    errors = [required(f"{path}.{key}") for key in _NAMES if not given.get(key)]
    for key in _NAMES:
        name = given.get(key, "")
        mixed = key in ("kind", "listKind")
        found = names.dns1035_label_errors(name.lower() if mixed else name) if name else []
        if found:
            errors.append(invalid_value(f"{path}.{key}", name, (_MIXED_CASE if mixed else "") + ",".join(found)))
    for key in ("shortNames", "categories"):
        for index, name in enumerate(given.get(key) or ()):
            if found := names.dns1035_label_errors(name or ""):
                errors.append(invalid_value(f"{path}.{key}[{index}]", name or "", ",".join(found)))
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        text = "kind and listKind may not be the same"
        errors.append(invalid_value(f"{path}.listKind", given["listKind"], text))
    return errors


def _parts_errors(parts: Tree, path: str, schema_path: str) -> Errors:
    schema = (parts.get("schema") or {}).get("openAPIV3Schema")
    errors: Errors = []
    if schema is not None:
        with_status = (parts.get("subresources") or {}).get("status") is not None
        errors += schema_errors(schema, f"{schema_path}.openAPIV3Schema", with_status=with_status)
    scale = (parts.get("subresources") or {}).get("scale")
    if scale is not None:
        errors += _scale_errors(scale, f"{path}.subresources.scale")
    for where, column in indexed(parts, "additionalPrinterColumns", path):
        errors += _column_errors(column, where)
    if parts.get("selectableFields") and schema is None:
        text = "may only be set when validations.schema is included"
        return [*errors, invalid_value(f"{path}.selectableFields", "", text)]
    return errors + _selectable_errors(parts, schema or {}, path)


def _scale_errors(scale: Tree, path: str) -> Errors:
    errors: Errors = []
    for key, below in _SCALE_PATHS.items():
        where, text = f"{path}.{key}", scale.get(key) or ""
        if not text:
            errors += [] if key == "labelSelectorPath" else [required(where)]
        elif found := _simple_path_errors(text, where):
            errors += found
        elif not text.startswith(below):
            listed = " or ".join(part[:-1] for part in below)
            errors.append(invalid_value(where, text, f"should be a json path under {listed}"))
    return errors


def _simple_path_errors(text: str, path: str) -> Errors:
    if text.startswith("."):
        return []
    return [invalid_value(path, text, "must be a simple json path starting with .")]


def _column_errors(column: Tree, path: str) -> Errors:
    errors = [] if column.get("name") else [required(f"{path}.name")]
    kind, listed = column.get("type", ""), "must be one of " + ",".join(_COLUMN_TYPES)
    if not kind:
        errors.append(required(f"{path}.type", listed))
    elif kind not in _COLUMN_TYPES:
        errors.append(invalid_value(f"{path}.type", kind, listed))
    if (shape := column.get("format")) and shape not in _COLUMN_FORMATS:
        errors.append(invalid_value(f"{path}.format", shape, "must be one of " + ",".join(_COLUMN_FORMATS)))
    where = f"{path}.JSONPath"
    text = column.get("jsonPath", "")
    return [*errors, required(where)] if not text else errors + _simple_path_errors(text, where)


def _selectable_errors(parts: Tree, schema: Tree, path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for where, field in indexed(parts, "selectableFields", path):
        text, place = field.get("jsonPath", ""), f"{where}.jsonPath"
        if not text:
            errors.append(required(place))
            continue
        if text in seen:
            errors.append(duplicate(place, text))
            continue
        seen.add(text)
        errors += _selected_errors(text, schema, place)
    return errors


def _selected_errors(text: str, schema: Tree, path: str) -> Errors:
    if not text.startswith("."):
        return [invalid_value(path, text, f"is an invalid path: expected [ or . but got: {text}")]
    found = ends_at(schema, text)
    if found is None or text.startswith(".metadata."):
        return [invalid_value(path, text, "is an invalid path: does not refer to a valid field")]
    if found.get("type") not in ("string", "boolean", "integer"):
        text_of = (
            "must point to a field of type string, boolean or integer. "
            "Enum string fields and strings with formats are allowed."
        )
        return [invalid_value(path, text, text_of)]
    return []


def _conversion_errors(conversion: Tree, path: str) -> Errors:
    strategy, webhook = conversion.get("strategy", ""), conversion.get("webhook") or {}
    errors = one_of(f"{path}.strategy", strategy, _STRATEGIES, needed=True)
    config, reviews = webhook.get("clientConfig"), webhook.get("conversionReviewVersions")
    if strategy != "Webhook":
        text = "should not be set when strategy is not set to Webhook"
        given = (("webhookClientConfig", config), ("conversionReviewVersions", reviews))
        return errors + [forbidden_field(f"{path}.{key}", text) for key, value in given if value]
    where = f"{path}.webhookClientConfig"
    if config is None:
        errors = [required(where, "required when strategy is set to Webhook")]
    else:
        errors = client_config_errors(config, where)
    if not reviews:
        return [*errors, required(f"{path}.conversionReviewVersions")]
    return errors + review_version_errors(webhook, f"{path}.conversionReviewVersions", ("v1", "v1beta1"))


def _stored_errors(spec: Tree, stored: Any) -> Errors:
    """Every version in which objects may lie in the store must still be known."""
    where = "status.storedVersions"
    if not stored:
        return [invalid_value(where, None, "must have at least one stored version")]
    versions = [version or {} for version in spec.get("versions") or ()]
    known = {version.get("name", "") for version in versions}
    errors: Errors = []
    current = [version.get("name", "") for version in versions if version.get("storage")]
    if len(current) > 1 or not set(current) <= set(stored):
        errors.append(invalid_value(where, stored, f"must have the storage version {current[-1]}"))
    return errors + [
        invalid_value(
            f"{where}[{index}]",
            name,
            f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions "
            f"until a storage migration ensures no data remains persisted in {name} and removes {name} from {where}",
        )
        for index, name in enumerate(stored)
        if name not in known
    ]
