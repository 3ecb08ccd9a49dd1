"""The plug-ins in their order. Adding one is a file and a line here."""

from __future__ import annotations

from navarch.server.admission import namespace_lifecycle, priority, service_account, tolerations
from navarch.server.admission.contract import Plugin

PLUGINS: tuple[Plugin, ...] = (
    namespace_lifecycle.PLUGIN,
    service_account.PLUGIN,
    tolerations.TAINT_NODES_BY_CONDITION,
    priority.PLUGIN,
    tolerations.DEFAULT_TOLERATION_SECONDS,
)
