"""Long-running programs of the machine itself, outside all nodes: the control plane's process.

They are supervised as the services inside nodes are, and outlive the launcher.
"""

from __future__ import annotations

import signal

from navarch.base.files import replace_file
from navarch.launch.drivers import inside, process
from navarch.launch.drivers.contract import NodeSpec, Service


def start_service(spec: NodeSpec, service: Service) -> None:
    """Start (or restart, when it runs) a service whose files are in the directory of `spec`."""
    stop_service(spec, service.name)
    spec.logs.mkdir(parents=True, exist_ok=True)
    replace_file(spec.directory / "supervise", inside.SUPERVISE.encode())
    log = spec.logs / f"{service.name}.log"
    supervised = ["sh", str(spec.directory / "supervise"), str(log), *service.command]
    started = process.start_daemon(supervised, service.environment, log, mark=str(log))
    process.save(spec.directory / f"{service.name}.pid", started)


def stop_service(spec: NodeSpec, name: str, grace_s: float = 5.0) -> None:
    pid_file = spec.directory / f"{name}.pid"
    if loop := process.load(pid_file):
        services = process.children([loop.pid])
        # The loop first, or it would start the service again.
        loop.kill(signal.SIGKILL)
        for service in services:
            service.kill(signal.SIGTERM)
        process.wait_for(lambda: not any(service.alive for service in services), grace_s)
        for service in services:
            service.kill(signal.SIGKILL)
    pid_file.unlink(missing_ok=True)


def service_running(spec: NodeSpec, name: str) -> bool:
    return process.load(spec.directory / f"{name}.pid") is not None
