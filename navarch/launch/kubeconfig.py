"""The user's kubeconfig: one cluster, one user and one context per profile, all else left as it is.

Works as minikube does: the entries carry the profile's name, a start makes its context the current one,
a delete takes the entries away and clears `current-context` only if it was this profile's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from navarch.base.errors import LaunchError
from navarch.base.files import replace_file
from navarch.base.yaml import YamlError, load, plain

Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one profile's API server."""

    name: str
    server: str
    certificate_authority: Path
    client_certificate: Path
    client_key: Path
    namespace: str = "default"


def kubeconfig_path(environment: Mapping[str, str], home: Path) -> Path:
    """The file that writers change: the first one of KUBECONFIG, else ~/.kube/config."""
    listed = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    return Path(listed[0]) if listed else home / ".kube" / "config"


def with_access(config: Config, access: Access, make_current: bool) -> Config:
    """`config` with the profile's entries put in place of any that have its name."""
    cluster = {"certificate-authority": str(access.certificate_authority), "server": access.server}
    user = {"client-certificate": str(access.client_certificate), "client-key": str(access.client_key)}
    context = {"cluster": access.name, "namespace": access.namespace, "user": access.name}
    out: Config = {"apiVersion": "v1", "kind": "Config", **config}
    for listing, entry in (
        ("clusters", {"cluster": cluster}),
        ("contexts", {"context": context}),
        ("users", {"user": user}),
    ):
        out[listing] = _put(out.get(listing), access.name, entry)
    out.setdefault("preferences", {})
    if make_current:
        out["current-context"] = access.name
    else:
        out.setdefault("current-context", "")
    return out


def without_access(config: Config, name: str) -> Config:
    """`config` without the profile's entries."""
    out = dict(config)
    for listing in ("clusters", "contexts", "users"):
        if listing in out:
            out[listing] = [entry for entry in out[listing] or () if entry.get("name") != name]
    if out.get("current-context") == name:
        out["current-context"] = ""
    return out


def _put(entries: list[Config] | None, name: str, entry: Config) -> list[Config]:
    """Replaces in place, so that the user's order stays; a context's chosen namespace stays too."""
    new = {**entry, "name": name}
    known = list(entries or ())
    for at, old in enumerate(known):
        if old.get("name") == name:
            known[at] = new
            return known
    return [*known, new]


def update(path: Path, change: Callable[[Config], Config]) -> bool:
    """Change the file at `path` as a whole or not at all; False when there was nothing to change.

    Raises: LaunchError when what is there is no kubeconfig: it is then left alone.
    """
    before = read(path)
    after = change(before)
    if after == before:
        return False
    target = path.resolve()  # a link stays a link
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(target, _dump(after).encode(), mode=0o600)
    return True


def read(path: Path) -> Config:
    """The file's content, empty where there is none. Raises: LaunchError."""
    try:
        config = load(path.read_bytes())
    except FileNotFoundError:
        return {}
    except YamlError as error:
        raise _unreadable(path, str(error)) from error
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise _unreadable(path, "it is not a mapping")
    return config


def _unreadable(path: Path, why: str) -> LaunchError:
    return LaunchError(
        "HOST_KUBECONFIG", f"{path} cannot be read: {why}", f"repair it, or move it away: mv {path} {path}.old"
    )


class _Dumper(yaml.SafeDumper):
    """Quotes every text that kubectl would not read as text."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = None if plain(value) == value else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _dump(config: Config) -> str:
    return yaml.dump(config, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=1000)
