"""The commands below `kubectl create`, in the order of its help page."""

from __future__ import annotations

from navarch.cli.command import Command
from navarch.cli.verbs.create_of.config import CONFIGMAP, NAMESPACE, SECRET, SERVICEACCOUNT
from navarch.cli.verbs.create_of.policy import PDB, PRIORITYCLASS, QUOTA
from navarch.cli.verbs.create_of.rbac import CLUSTERROLE, CLUSTERROLEBINDING, ROLE, ROLEBINDING
from navarch.cli.verbs.create_of.services import INGRESS, SERVICE
from navarch.cli.verbs.create_of.token import TOKEN
from navarch.cli.verbs.create_of.workloads import CRONJOB, DEPLOYMENT, JOB

COMMANDS: tuple[Command, ...] = (
    CLUSTERROLE,
    CLUSTERROLEBINDING,
    CONFIGMAP,
    CRONJOB,
    DEPLOYMENT,
    INGRESS,
    JOB,
    NAMESPACE,
    PDB,
    PRIORITYCLASS,
    QUOTA,
    ROLE,
    ROLEBINDING,
    SECRET,
    SERVICE,
    SERVICEACCOUNT,
    TOKEN,
)
