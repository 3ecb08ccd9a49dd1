"""Puts transactions into the kernel: through libnftables, or the `nft` command where the library is missing.

The library is called in this process, which therefore must live in the node's network namespace. A commit
takes well under a millisecond for one service's change; the first one of a large cluster about a second.

Source: libnftables(3).
"""

from __future__ import annotations

import ctypes
import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from navarch.base.errors import NavarchError
from navarch.proxy import nft
from navarch.proxy.conntrack import forget_stale
from navarch.proxy.nft import Network, Transaction
from navarch.proxy.tables import ApplyError

log = logging.getLogger(__name__)

LIBRARIES = ("libnftables.so.1", "libnftables.so")
NFT_TIMEOUT_S = 60

#: What must hold in the node's network namespace, and what breaks where it does not.
SYSCTLS = (
    ("net/ipv4/ip_forward", "1", "packets for pods are not forwarded"),
    ("net/ipv4/conf/all/route_localnet", "1", "node ports do not answer on 127.0.0.1"),
    ("net/bridge/bridge-nf-call-iptables", "1", "pods cannot reach services of pods on the same node"),
)


class Applier(Protocol):
    """Where transactions go."""

    async def apply(self, transaction: Transaction) -> None:
        """Commit all of it or nothing. Raises: ApplyError."""

    async def intact(self) -> bool:
        """Whether the tables are still there: somebody may have flushed them."""

    async def close(self, *, remove: bool) -> None:
        """Let go; with `remove`, take the tables away too."""


class NoNftables(NavarchError):
    """Neither libnftables nor the nft command is installed."""


class NftApplier:
    """The kernel's tables. Raises: NoNftables when made where there is no way to reach them."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._run = open_nft()
        for problem in prepare_sysctls():
            log.warning("%s", problem)

    async def apply(self, transaction: Transaction) -> None:
        self._run(nft.text(transaction, self._network))
        await forget_stale(transaction)

    async def intact(self) -> bool:
        try:
            for family in self._network.families:
                self._run(f"list chain {family} {nft.TABLE} services\n")
        except ApplyError:
            return False
        return True

    async def close(self, *, remove: bool) -> None:
        if remove:
            self._run(nft.removal(self._network))


def open_nft() -> Callable[[str], str]:
    """A function that runs nft's language as one transaction and returns what that prints. It raises ApplyError
    if it is refused."""
    for name in LIBRARIES:
        try:
            return _library(ctypes.CDLL(name))
        except OSError:
            continue
    if command := shutil.which("nft"):
        return lambda text: _run_command(command, text)
    raise NoNftables("services need nftables: install the package nftables (libnftables1 is enough)")


def _library(library: ctypes.CDLL) -> Callable[[str], str]:
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_new.argtypes = [ctypes.c_uint32]
    for function in (library.nft_ctx_buffer_error, library.nft_ctx_buffer_output):
        function.argtypes = [ctypes.c_void_p]
    library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    for function in (library.nft_ctx_get_error_buffer, library.nft_ctx_get_output_buffer):
        function.argtypes = [ctypes.c_void_p]
        function.restype = ctypes.c_char_p
    context = library.nft_ctx_new(0)
    library.nft_ctx_buffer_error(context)
    library.nft_ctx_buffer_output(context)

    def run(text: str) -> str:
        failed = library.nft_run_cmd_from_buffer(context, text.encode())
        # Reading a buffer empties it: both are read each time, or they would grow.
        printed = library.nft_ctx_get_output_buffer(context)
        error = library.nft_ctx_get_error_buffer(context)
        if failed:
            raise ApplyError((error or b"").decode(errors="replace")[:500].strip())
        return (printed or b"").decode()

    return run


def _run_command(command: str, text: str) -> str:
    done = subprocess.run([command, "-f", "-"], input=text, text=True, capture_output=True, timeout=NFT_TIMEOUT_S)
    if done.returncode:
        raise ApplyError(done.stderr[:500].strip())
    return done.stdout


def prepare_sysctls(root: Path = Path("/proc/sys")) -> list[str]:
    """Set what services need; returns what could not be set and what that breaks."""
    problems = []
    for name, wanted, broken in SYSCTLS:
        path = root / name
        try:
            if path.read_text().strip() != wanted:
                path.write_text(wanted)
        except OSError as error:
            problems.append(f"cannot set {name.replace('/', '.')}={wanted}: {error.strerror}: {broken}")
    return problems
