"""`windowsOptions` of pods and containers, and what pods of processes of the host must say.

Called by `security.py` for each security context, and by `pod_spec.py` for the pod as a whole.

Source: kubernetes `validateWindowsSecurityContextOptions`, `validateWindowsHostProcessPod`; KEP-1981.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from navarch.api.validation.rules import Errors, indexed, invalid_each
from navarch.base import names
from navarch.base.field import invalid_value
from navarch.schema.types import Tree

_MAX_CREDENTIAL_KIB: Final = 64
_MAX_DOMAIN: Final = 256
_MAX_USER: Final = 104
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
#: Names of domains: of NetBIOS and of DNS.
_NETBIOS: Final = re.compile(r'[^\\/:*?"<>|.\n][^\\/:*?"<>|\n]{0,14}')
_DNS_LABEL: Final = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DNS: Final = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_BARRED: Final = frozenset('"/\\:;|=,+*?<>@[]')
_BARRED_TEXT: Final = "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"


def windows_errors(context: Tree, path: str) -> Errors:
    """The options of one security context; `path` is that of the context."""
    options = context.get("windowsOptions")
    if options is None:
        return []
    path = f"{path}.windowsOptions"
    errors: Errors = []
    if (name := options.get("gmsaCredentialSpecName")) is not None:
        errors += invalid_each(f"{path}.gmsaCredentialSpecName", name, names.dns1123_subdomain_errors(name))
    if (spec := options.get("gmsaCredentialSpec")) is not None:
        where = f"{path}.gmsaCredentialSpec"
        if not spec:
            errors.append(invalid_value(where, spec, "gmsaCredentialSpec cannot be an empty string"))
        elif len(spec.encode()) > _MAX_CREDENTIAL_KIB << 10:
            text = f"gmsaCredentialSpec size must be under {_MAX_CREDENTIAL_KIB} KiB"
            errors.append(invalid_value(where, spec, text))
    if (user := options.get("runAsUserName")) is not None:
        errors += invalid_each(f"{path}.runAsUserName", user, _user_name_errors(user))
    return errors


def _user_name_errors(value: str) -> Iterator[str]:
    """What is wrong with `USER` or `DOMAIN\\USER`."""
    if not value:
        yield "runAsUserName cannot be an empty string"
        return
    if _CONTROL.search(value):
        yield "runAsUserName cannot contain control characters"
        return
    *domains, user = value.split("\\")
    if len(domains) > 1:
        yield "runAsUserName cannot contain more than one backslash"
        return
    for domain in domains:
        if len(domain.encode()) >= _MAX_DOMAIN:
            yield f"runAsUserName's Domain length must be under {_MAX_DOMAIN} characters"
        if not (_NETBIOS.fullmatch(domain) or _DNS.fullmatch(domain)):
            yield "runAsUserName's Domain doesn't match the NetBios nor the DNS format"
    if not user:
        yield "runAsUserName's User cannot be empty"
    elif len(user.encode()) > _MAX_USER:
        yield f"runAsUserName's User length must not be longer than {_MAX_USER} characters"
    if user and not user.strip(". "):
        yield "runAsUserName's User cannot contain only periods or spaces"
    if _BARRED & set(user):
        yield _BARRED_TEXT


def host_process_errors(spec: Tree, path: str) -> Errors:
    """All containers of a pod are processes of the host, or none is."""
    of_pod = _host_process(spec.get("securityContext"))
    lists = ("initContainers", "containers", "ephemeralContainers")
    containers = list(chain.from_iterable(indexed(spec, key, path) for key in lists))
    errors: Errors = []
    count = 0
    for where, container in containers:
        own = _host_process(container.get("securityContext"))
        if of_pod is not None and own is not None and own != of_pod:
            text = f"pod hostProcess value must be identical if both are specified, was {str(of_pod).lower()}"
            errors.append(invalid_value(f"{where}.securityContext.windowsOptions.hostProcess", own, text))
        count += bool(of_pod if own is None else own)
    if not count:
        return errors
    if count != len(containers):
        text = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.append(invalid_value(path, "", text))
    if not spec.get("hostNetwork"):
        text = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(invalid_value(f"{path}.hostNetwork", False, text))
    return errors


def _host_process(context: Tree | None) -> Any:
    return ((context or {}).get("windowsOptions") or {}).get("hostProcess")
