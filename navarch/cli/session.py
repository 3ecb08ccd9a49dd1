"""One run of a command: its streams, its configuration, its connection. Everything is made when first needed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from navarch.cli import config
from navarch.cli.errors import CliError
from navarch.cli.flags import Options
from navarch.cli.preferences import NONE
from navarch.cli.resources import Resources
from navarch.cli.rest import Client, Endpoint

if TYPE_CHECKING:
    from navarch.cli.request_log import RequestLog
    from navarch.schema.types import Tree

CHANGE_CAUSE = "kubernetes.io/change-cause"
_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')


class Session:
    """What commands get beside their options."""

    def __init__(
        self,
        options: Options,
        env: Mapping[str, str] = os.environ,
        *,
        stdin: TextIO | None = None,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.options = options
        self.env = env
        self.stdin = stdin or sys.stdin
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.warnings: list[str] = []
        #: The command line, if it is to be noted on what it changes (`--record`).
        self.cause = ""
        self.preferences = NONE
        #: How many objects of a list to ask for at once; 0: all.
        self.chunk_size = 500
        #: Whether somebody reads the standard input, which can be read once.
        self.input_taken = False

    @cached_property
    def config(self) -> config.Kubeconfig:
        return config.load(self.options, self.env)

    @cached_property
    def _endpoint(self) -> tuple[Endpoint, str]:
        return config.endpoint(self.config, self.options, self.env, self.preferences)

    @property
    def namespace(self) -> str:
        """Of the flag, the context, or `default`."""
        return self._endpoint[1]

    @property
    def namespace_given(self) -> bool:
        """Whether the command line names the namespace: then manifests may not name another."""
        return bool(self.options.namespace)

    @cached_property
    def client(self) -> Client:
        client = Client(self._endpoint[0], self.warn_header, self._request_log())
        if self.options.match_server_version:
            from navarch.cli.verbs.version import refuse_other

            refuse_other(client)
        return client

    def another_client(self) -> Client:
        """A second connection, for what streams while requests go on."""
        return Client(self._endpoint[0], self.warn_header, self._request_log())

    def _request_log(self) -> RequestLog | None:
        if self.options.v < 5:
            return None
        from navarch.cli.request_log import RequestLog

        return RequestLog(self.complain, self.options.v)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "client" in self.__dict__:
            self.client.close()

    @cached_property
    def resources(self) -> Resources:
        client = self.client
        name = re.sub(r"[^A-Za-z0-9.-]", "_", f"{client.host}_{client.port}{client.prefix}")
        file = os.path.join(self.cache_dir, "navarch", f"{name}.json")
        return Resources(client, file, self.warn)

    @property
    def cache_dir(self) -> str:
        given: str = self.options.cache_dir or self.env.get("KUBECACHEDIR", "")
        return given or os.path.join(self.env.get("HOME") or os.path.expanduser("~"), ".kube", "cache")

    def recorded(self, tree: Tree) -> Tree:
        """The object, or a patch of it, with the command line in the annotation of `--record`."""
        if not self.cause:
            return tree
        metadata = tree.get("metadata") or {}
        annotations = {**(metadata.get("annotations") or {}), CHANGE_CAUSE: self.cause}
        return {**tree, "metadata": {**metadata, "annotations": annotations}}

    # --- speaking

    def read_input(self) -> str:
        """All of the standard input. Raises: CliError if a program has it that gives credentials."""
        return self.read_input_bytes().decode()

    def read_input_bytes(self) -> bytes:
        if self.input_taken:
            raise CliError("standard input is used by the program that gives credentials, or by another argument")
        self.input_taken = True
        buffer = getattr(self.stdin, "buffer", None)
        data: bytes = buffer.read() if buffer is not None else self.stdin.read().encode()
        return data

    def say(self, text: str) -> None:
        """A line for standard output."""
        self.out.write(text + "\n")

    def write(self, text: str) -> None:
        self.out.write(text)

    def write_bytes(self, data: bytes) -> None:
        """Bytes of others (logs, raw answers) for standard output, as they are."""
        buffer = getattr(self.out, "buffer", None)
        if buffer is None:
            self.out.write(data.decode(errors="replace"))
            return
        self.out.flush()
        buffer.write(data)
        buffer.flush()

    def complain(self, text: str) -> None:
        """A line for standard error."""
        self.out.flush()
        self.err.write(text + "\n")
        self.err.flush()

    def warn(self, text: str) -> None:
        """A warning, once."""
        if text not in self.warnings:
            self.warnings.append(text)
            self.complain(f"Warning: {text}")

    def warn_header(self, value: str) -> None:
        """The warnings of a response's header."""
        for match in _WARNING.finditer(value):
            self.warn(re.sub(r"\\(.)", r"\1", match[1]))
