"""Log files: one per component, in the form of container logs, so that `kubectl logs` can read them.

2026-11-20T10:15:46.593850841Z stderr F level=info logger=navarch.control.runner msg=…
"""

from __future__ import annotations

import datetime
import logging
import logging.handlers
from collections.abc import Mapping
from pathlib import Path

MAX_BYTES = 8 << 20

#: Which loggers a component of the control plane has.
CONTROL_PLANE = {
    "kube-apiserver": ("navarch.server", "navarch.wire", "navarch.app"),
    "etcd": ("navarch.store",),
    "kube-controller-manager": ("navarch.control",),
    "kube-scheduler": ("navarch.scheduler",),
}
NODE = {
    "kubelet": ("navarch.node", "navarch.app"),
    "kube-proxy": ("navarch.proxy",),
    "coredns": ("navarch.dns",),
}


class ContainerLogFormatter(logging.Formatter):
    """Every line with its time and stream, as container runtimes write them."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}000Z"
        text = f"level={record.levelname.lower()} logger={record.name} {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return "\n".join(f"{stamp} stderr F {line}" for line in text.splitlines())


def log_file(directory: Path, component: str) -> Path:
    return directory / f"{component}.log"


def open_logs(directory: Path, components: Mapping[str, tuple[str, ...]]) -> None:
    """Send each component's log to its own file, and warnings of all else to the first one's."""
    directory.mkdir(parents=True, exist_ok=True)
    for position, (component, names) in enumerate(components.items()):
        handler = logging.handlers.RotatingFileHandler(
            log_file(directory, component), maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8"
        )
        handler.setFormatter(ContainerLogFormatter())
        for name in names:
            logger = logging.getLogger(name)
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
        if position == 0:
            logging.getLogger().addHandler(handler)
