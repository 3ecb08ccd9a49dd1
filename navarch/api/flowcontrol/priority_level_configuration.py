"""PriorityLevelConfiguration: how many requests of a level run at once and how they queue."""

from __future__ import annotations

from typing import Any

from navarch.api.cells import NONE, age, at, name
from navarch.api.columns import AGE, NAME
from navarch.api.defaulting import fill, struct
from navarch.api.kind import Column, Kind, status_of
from navarch.api.strategy import keep_all_but_status_strictly, keep_status, reset_status
from navarch.api.validation.priority_levels import priority_level_errors
from navarch.schema.types import Tree

COLUMNS = (
    NAME,
    Column(
        "Type",
        "`type` indicates whether this priority level is subject to limitation on request execution."
        '  A value of `"Exempt"` means that requests of this priority level are not subject to a '
        "limit (and thus are never queued) and do not detract from the capacity made available to "
        'other priority levels.  A value of `"Limited"` means that (a) requests of this priority '
        "level _are_ subject to limits and (b) some of the server's limited capacity is made "
        "available exclusively to this priority level. Required.",
    ),
    Column(
        "NominalConcurrencyShares",
        "`nominalConcurrencyShares` (NCS) contributes to the computation of the "
        "NominalConcurrencyLimit (NominalCL) of this level. This is the number of execution seats "
        "available at this priority level. This is used both for requests dispatched from this "
        "priority level as well as requests dispatched from other priority levels borrowing seats "
        "from this level. The server's concurrency limit (ServerCL) is divided among the Limited "
        "priority levels in proportion to their NCS values:\n\nNominalCL(i)  = ceil( ServerCL * NCS(i) "
        "/ sum_ncs ) sum_ncs = sum[priority level k] NCS(k)\n\nBigger numbers mean a larger nominal "
        "concurrency limit, at the expense of every other priority level.\n\nIf not specified, this "
        "field defaults to a value of 30.\n\nSetting this field to zero supports the construction of a "
        '"jail" for this priority level that is used to hold some request(s)',
    ),
    Column(
        "Queues",
        "`queues` is the number of queues for this priority level. The queues exist independently at "
        "each apiserver. The value must be positive.  Setting it to 1 effectively precludes "
        "shufflesharding and thus makes the distinguisher method of associated flow schemas "
        "irrelevant.  This field has a default value of 64.",
    ),
    Column(
        "HandSize",
        "`handSize` is a small positive number that configures the shuffle sharding of requests into "
        "queues.  When enqueuing a request at this priority level the request's flow identifier (a "
        "string pair) is hashed and the hash value is used to shuffle the list of queues and deal a "
        "hand of the size specified here.  The request is put into one of the shortest queues in that"
        " hand. `handSize` must be no larger than `queues`, and should be significantly smaller (so "
        "that a few heavy flows do not saturate most of the queues).  See the user-facing "
        "documentation for more extensive guidance on setting this field.  This field has a default "
        "value of 8.",
    ),
    Column(
        "QueueLengthLimit",
        "`queueLengthLimit` is the maximum number of requests allowed to be waiting in a given queue "
        "of this priority level at a time; excess requests are rejected.  This value must be "
        "positive.  If not specified, it will be defaulted to 50.",
    ),
    AGE,
)


_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}


def _default(tree: Tree) -> None:
    spec = struct(tree, "spec")
    if isinstance(exempt := spec.get("exempt"), dict):
        fill(exempt, "nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    if isinstance(limited := spec.get("limited"), dict):
        fill(limited, "nominalConcurrencyShares", 30)
        limited.setdefault("lendablePercent", 0)
        queuing = struct(limited, "limitResponse").get("queuing")
        if isinstance(queuing, dict):
            for key, value in _QUEUING.items():
                if not queuing.get(key):
                    queuing[key] = value


def _cells(tree: Tree, now: float) -> list[Any]:
    spec = tree.get("spec") or {}
    level = spec.get("limited") or {}
    shares = level.get("nominalConcurrencyShares")
    queuing = at(level, "limitResponse", "queuing")
    queues = [queuing.get(key, 0) if queuing else NONE for key in ("queues", "handSize", "queueLengthLimit")]
    return [name(tree), spec.get("type", ""), NONE if shares is None else shares, *queues, age(tree, now)]


KIND = Kind(
    group="flowcontrol.apiserver.k8s.io",
    version="v1",
    kind="PriorityLevelConfiguration",
    plural="prioritylevelconfigurations",
    singular="prioritylevelconfiguration",
    namespaced=False,
    type_name="io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration",
    subresources=(status_of("PriorityLevelConfiguration"),),
    storage_version_hash="Kir5PVfvNeI=",
    columns=COLUMNS,
    prepare_create=reset_status({}),
    prepare_update=keep_status,
    prepare_status=keep_all_but_status_strictly,
    has_generation=True,
    default=_default,
    cells=_cells,
    validate=priority_level_errors,
)
