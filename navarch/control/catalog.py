"""All controllers, in the order in which they start. Adding one is adding a file and a line here."""

from __future__ import annotations

from navarch.control import (
    admissionpolicystatus,
    autoscaler,
    bootstrap_tokens,
    certificates,
    clusterrole,
    cronjob,
    daemonset,
    deployment,
    disruption,
    endpoints,
    endpointslice,
    endpointslicemirroring,
    garbage,
    hostpath_provisioner,
    ingress,
    job,
    loadbalancer,
    namespace,
    nodeipam,
    nodelifecycle,
    podgc,
    replicaset,
    replicationcontroller,
    resourcequota,
    rootca,
    serviceaccount,
    servicecidrs,
    statefulset,
    tainteviction,
    ttl,
    ttlafterfinished,
    volume_binder,
    volume_protection,
)
from navarch.control.config import Config
from navarch.control.world import Controller


def controllers(config: Config) -> tuple[Controller, ...]:
    """Every controller of a cluster, told what it needs to know."""
    return (*single_minded(config), *collectors(config))


def collectors(config: Config) -> tuple[Controller, ...]:
    """Those that look at all resources, custom ones included."""
    return (
        garbage.controller(config.bare),
        namespace.controller(config.bare),
        resourcequota.controller(config.bare),
    )


def single_minded(config: Config) -> tuple[Controller, ...]:
    """All others: the resources that they watch never change."""
    return (
        serviceaccount.CONTROLLER,
        rootca.controller(config.root_ca),
        deployment.CONTROLLER,
        replicaset.CONTROLLER,
        replicationcontroller.CONTROLLER,
        daemonset.CONTROLLER,
        statefulset.CONTROLLER,
        job.CONTROLLER,
        cronjob.CONTROLLER,
        ttlafterfinished.CONTROLLER,
        endpointslice.CONTROLLER,
        endpoints.CONTROLLER,
        endpointslicemirroring.CONTROLLER,
        servicecidrs.CONTROLLER,
        loadbalancer.controller(config.load_balancer_cidr),
        *((nodeipam.controller(config.node_networks),) if config.cluster_cidrs else ()),
        nodelifecycle.controller(config.node_grace_s),
        tainteviction.CONTROLLER,
        podgc.controller(config.terminated_pods_kept),
        clusterrole.CONTROLLER,
        autoscaler.controller(),
        *certificates.controllers(config.sign),
        bootstrap_tokens.SIGNER,
        bootstrap_tokens.CLEANER,
        disruption.CONTROLLER,
        admissionpolicystatus.CONTROLLER,
        ttl.CONTROLLER,
        volume_binder.CONTROLLER,
        hostpath_provisioner.CONTROLLER,
        volume_protection.CLAIMS_CONTROLLER,
        volume_protection.VOLUMES_CONTROLLER,
        volume_protection.CLASSES_CONTROLLER,
        *((ingress.CONTROLLER,) if config.ingress else ()),
    )
