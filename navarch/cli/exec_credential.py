"""Credentials from a program that the kubeconfig names.

Source: client.authentication.k8s.io/v1 ExecCredential; client-go `plugin/pkg/client/auth/exec`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

import orjson

from navarch.cli.errors import CliError, ConfigError
from navarch.schema.types import Tree


class Credential(NamedTuple):
    token: str
    certificate: bytes
    key: bytes


def run_plugin(config: Tree, env: Mapping[str, str], server: str, user: str) -> Credential:
    """Run it and read what it prints. Raises: CliError."""
    interactive = _interactive(config, user)
    info: Tree = {
        "kind": "ExecCredential",
        "apiVersion": config.get("apiVersion", "client.authentication.k8s.io/v1"),
        "spec": {"interactive": interactive},
    }
    if config.get("provideClusterInfo"):
        info["spec"]["cluster"] = {"server": server}
    extra = {entry["name"]: entry["value"] for entry in config.get("env") or []}
    environment = {**os.environ, **env, **extra, "KUBERNETES_EXEC_INFO": orjson.dumps(info).decode()}
    command = [config["command"], *(config.get("args") or [])]
    try:
        stdin = None if interactive else subprocess.DEVNULL
        done = subprocess.run(command, env=environment, stdin=stdin, stdout=subprocess.PIPE, check=False)
    except OSError as error:
        hint = config.get("installHint") or ""
        text = f"getting credentials: exec: executable {command[0]} not found"
        raise CliError(f"Unable to connect to the server: {text}\n\n{hint}".rstrip(), prefix=False) from error
    if done.returncode:
        text = f"getting credentials: exec: executable {command[0]} failed with exit code {done.returncode}"
        raise CliError(f"Unable to connect to the server: {text}", prefix=False)
    try:
        status = orjson.loads(done.stdout)["status"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        text = f"getting credentials: decoding stdout: couldn't get version/kind; json parse error: {error}"
        raise CliError(f"Unable to connect to the server: {text}", prefix=False) from error
    return Credential(
        status.get("token", ""),
        status.get("clientCertificateData", "").encode(),
        status.get("clientKeyData", "").encode(),
    )


def _interactive(config: Tree, user: str) -> bool:
    """Whether the program may ask its user something. Raises: CliError if it has to and cannot."""
    mode = config.get("interactiveMode") or ""
    if not mode and str(config.get("apiVersion", "")).endswith("/v1"):
        raise ConfigError(f"interactiveMode must be specified for {user} to use exec authentication plugin")
    terminal = sys.stdin.isatty()
    if mode == "Always" and not terminal:
        text = "exec plugin cannot support interactive mode: standard input is not a terminal"
        raise CliError(f"Unable to connect to the server: getting credentials: {text}", prefix=False)
    return mode != "Never" and terminal
