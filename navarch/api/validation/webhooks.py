"""ValidatingWebhookConfiguration and MutatingWebhookConfiguration, and how a webhook is reached.

Source: kubernetes `pkg/apis/admissionregistration/validation`, apiserver `pkg/util/webhook`.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from navarch.api.validation.admission_match import (
    FAILURE_POLICIES,
    MATCH_POLICIES,
    REINVOCATION_POLICIES,
    match_condition_errors,
    rule_errors,
)
from navarch.api.validation.labels import selector_errors
from navarch.api.validation.rules import Errors, indexed, supported
from navarch.base import names
from navarch.base.field import duplicate, invalid_value, required
from navarch.schema.types import Tree

_SIDE_EFFECTS: Final = ("None", "NoneOnDryRun")
_REVIEWS: Final = ("v1", "v1beta1")
_CLOSED: Final = {
    "failurePolicy": FAILURE_POLICIES,
    "matchPolicy": MATCH_POLICIES,
    "reinvocationPolicy": REINVOCATION_POLICIES,
}
_MAX_TIMEOUT_S: Final = 30
_NAME_PARTS: Final = 3
_FORM: Final = "; desired format: https://host[/path]"


def webhook_configuration_errors(tree: Tree) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for path, webhook in indexed(tree, "webhooks", ""):
        where, name = path.removeprefix("."), webhook.get("name", "")
        errors += _webhook_errors(webhook, where)
        errors += review_version_errors(webhook, f"{where}.admissionReviewVersions", _REVIEWS)
        if name and name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
    return errors


def _webhook_errors(webhook: Tree, path: str) -> Errors:
    errors = qualified_domain_errors(webhook.get("name", ""), f"{path}.name")
    for where, rule in indexed(webhook, "rules", path):
        errors += rule_errors(rule, where)
    for key in ("failurePolicy", "matchPolicy"):
        errors += _closed(webhook, key, path)
    effects = webhook.get("sideEffects")
    if effects is None:
        errors.append(required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun"))
    else:
        errors += supported(f"{path}.sideEffects", effects, _SIDE_EFFECTS)
    timeout = webhook.get("timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= _MAX_TIMEOUT_S:
        text = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid_value(f"{path}.timeoutSeconds", timeout, text))
    for key in ("namespaceSelector", "objectSelector"):
        errors += selector_errors(webhook.get(key), f"{path}.{key}")
    errors += _closed(webhook, "reinvocationPolicy", path)
    errors += client_config_errors(webhook.get("clientConfig") or {}, f"{path}.clientConfig")
    return errors + match_condition_errors(webhook, path)


def _closed(webhook: Tree, key: str, path: str) -> Errors:
    value = webhook.get(key)
    return [] if value is None else supported(f"{path}.{key}", value, _CLOSED[key])


def qualified_domain_errors(name: str, path: str) -> Errors:
    """A domain of at least three parts."""
    if not name:
        return [required(path)]
    if found := names.dns1123_subdomain_errors(name):
        return [invalid_value(path, name, ", ".join(found))]
    if name.count(".") + 1 < _NAME_PARTS:
        return [invalid_value(path, name, "should be a domain with at least three segments separated by dots")]
    return []


def review_version_errors(webhook: Tree, path: str, known: tuple[str, ...]) -> Errors:
    """The versions of the review object that a webhook understands; one of them must be `known`."""
    versions = [version or "" for version in webhook.get(path.rpartition(".")[2]) or ()]
    listed = ", ".join(known)
    if not versions:
        return [required(path, f"must specify one of {listed}")]
    errors: Errors = []
    seen: set[str] = set()
    for index, version in enumerate(versions):
        where = f"{path}[{index}]"
        if version in seen:
            errors.append(invalid_value(where, version, "duplicate version"))
            continue
        seen.add(version)
        errors += [invalid_value(where, version, text) for text in names.dns1035_label_errors(version)]
    if not seen & set(known):
        errors.append(invalid_value(path, versions, f"must include at least one of {listed}"))
    return errors


def client_config_errors(
    config: Tree, path: str, *, needs: str = "exactly one of url or service is required"
) -> Errors:
    """Exactly one of a URL and a Service."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(path, needs)]
    if url is not None:
        return url_errors(url, f"{path}.url")
    return service_errors(service or {}, f"{path}.service")


def url_errors(url: str, path: str) -> Errors:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return [required(path, f"url must be a valid URL: {error}{_FORM}")]
    errors: Errors = []
    if parts.scheme != "https":
        errors.append(invalid_value(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not parts.netloc:
        errors.append(invalid_value(path, parts.netloc, f"host must be specified{_FORM}"))
    if parts.username is not None:
        user = parts.netloc.rpartition("@")[0]
        errors.append(invalid_value(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(invalid_value(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid_value(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def service_errors(service: Tree, path: str) -> Errors:
    """Kubernetes names a missing namespace as the name and the other way round."""
    errors: Errors = []
    if not service.get("namespace"):
        errors.append(required(f"{path}.name"))
    if not service.get("name"):
        errors.append(required(f"{path}.namespace"))
    port = service.get("port")
    if port is not None and (found := names.port_number_errors(port)):
        errors.append(invalid_value(f"{path}.port", port, "port is not valid: " + ", ".join(found)))
    return errors + _service_path_errors(service.get("path") or "", f"{path}.path")


def _service_path_errors(text: str, path: str) -> Errors:
    if text in ("", "/"):
        return []
    if not text.startswith("/"):
        return [invalid_value(path, text, "must start with a '/'")]
    errors: Errors = []
    for index, step in enumerate(text[1:].removesuffix("/").split("/")):
        if not step:
            errors.append(invalid_value(path, text, f"segment[{index}] may not be empty"))
            continue
        errors += [
            invalid_value(path, text, f"segment[{index}]: {why}") for why in names.dns1123_subdomain_errors(step)
        ]
    return errors
