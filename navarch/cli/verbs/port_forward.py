"""`kubectl port-forward`."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from functools import partial

from navarch.cli.command import Command
from navarch.cli.errors import CliError, UsageError
from navarch.cli.flags import Flag, Options, Words
from navarch.cli.forwarding import Tunnel, dial, listen
from navarch.cli.pods import find_pods
from navarch.cli.ports import Forward, forwards
from navarch.cli.selection import lookup, parse_names
from navarch.cli.session import Session
from navarch.schema.types import Tree


def run(session: Session, options: Options, words: Words) -> int:
    if len(words.args) < 2:
        raise UsageError("TYPE/NAME and list of ports are required for port-forward")
    word, texts = words.args[0], words.args[1:]
    pod = find_pods(session, word)[0]
    wanted = forwards(list(texts), pod, _service(session, word))
    phase = (pod.get("status") or {}).get("phase")
    if phase != "Running":
        raise CliError(f"unable to forward port because pod is not running. Current status={phase}")
    path = session.resources.find("pods").path(pod["metadata"]["namespace"], pod["metadata"]["name"], "portforward")
    speech = threading.Lock()

    def fail(text: str) -> None:
        with speech:
            session.complain(f"error: {text}")

    def began(port: int) -> None:
        with speech:
            session.say(f"Handling connection for {port}")
            session.out.flush()

    tunnel = dial(session.client, path, fail)
    try:
        _serve(tunnel, _listen(session, options.address, wanted), began)
    finally:
        tunnel.close()
    raise CliError("lost connection to pod")


def _service(session: Session, word: str) -> Tree | None:
    """The service that the word names; its ports are not its pods'."""
    if "/" not in word:
        return None
    ((resource, name),) = parse_names(session, [word]).pairs
    return lookup(session, resource, session.namespace, name).tree if resource.kind == "Service" else None


def _listen(session: Session, addresses: list[str], wanted: list[Forward]) -> list[tuple[socket.socket, int]]:
    """Raises: CliError if not one of the ports is to be had."""
    listeners = [each for forward in wanted for each in _listeners(session, addresses, forward)]
    if not listeners:
        shown = " ".join(f"{{{forward.local} {forward.remote}}}" for forward in wanted)
        raise CliError(f"unable to listen on any of the requested ports: [{shown}]")
    return listeners


def _listeners(session: Session, addresses: list[str], forward: Forward) -> list[tuple[socket.socket, int]]:
    found = []
    for address in addresses:
        try:
            opened = listen(address, forward.local)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            session.complain(f"Unable to listen on port {forward.local}: {address}: {why}")
            continue
        for listener in opened:
            host, port = listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            session.say(f"Forwarding from {shown}:{port} -> {forward.remote}")
            found.append((listener, forward.remote))
    session.out.flush()
    return found


def _serve(tunnel: Tunnel, listeners: list[tuple[socket.socket, int]], began: Callable[[int], None]) -> None:
    """A thread for each listener, until the tunnel is gone or the person at the keyboard has enough."""
    for listener, remote in listeners:
        local = listener.getsockname()[1]
        threading.Thread(target=tunnel.serve, args=(listener, remote, partial(began, local)), daemon=True).start()
    try:
        tunnel.run()
    finally:
        for listener, _ in listeners:
            listener.close()


COMMAND = Command(
    name="port-forward",
    summary="Reach ports of a pod from here",
    about="Listen on local ports and carry each connection to a port of a pod, until interrupted.",
    usage="TYPE/NAME [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    examples=(
        ("The same port here and there", "port-forward web-0 8080"),
        ("A service's port", "port-forward service/web 8080:80"),
        ("Any free port here", "port-forward deployment/web :80"),
    ),
    flags=(
        Flag("address", kind="list", default=["localhost"], help="Addresses to listen on"),
        Flag("pod-running-timeout", kind="duration", default=60.0, help="How long to wait for a pod"),
    ),
    run=run,
)
