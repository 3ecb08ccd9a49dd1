"""Which TCP ports of this machine are free."""

from __future__ import annotations

import socket

from navarch.base.errors import LaunchError


def is_free(host: str, port: int) -> bool:
    """Whether this process could listen there now. An address that is not up yet counts by its port alone."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(wanted: int, host: str = "127.0.0.1") -> int:
    """`wanted`, or with 0 one that is free. Raises: LaunchError when it is taken."""
    if not wanted:
        with socket.socket() as probe:
            probe.bind((host, 0))
            return int(probe.getsockname()[1])
    if not is_free(host, wanted):
        raise port_taken(host, wanted)
    return wanted


def port_taken(host: str, port: int) -> LaunchError:
    return LaunchError(
        "HOST_PORT_TAKEN",
        f"{host}:{port} is in use by another program",
        f"see which with: ss -ltnp 'sport = :{port}' — or choose another: --apiserver-port=PORT",
        50,
    )
