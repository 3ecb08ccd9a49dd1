"""The commands, in the order of the help page. A command's module is imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from navarch.cli.command import Command

_BEGINNER = "Basic Commands (Beginner)"
_INTERMEDIATE = "Basic Commands (Intermediate)"
_DEPLOY = "Deploy Commands"
_CLUSTER = "Cluster Management Commands"
_DEBUG = "Troubleshooting and Debugging Commands"
_ADVANCED = "Advanced Commands"
_SETTINGS = "Settings Commands"
_OTHER = "Other Commands"


class Verb(NamedTuple):
    """A command's name, the heading it is listed under, and its module below this package (`module:ATTRIBUTE`)."""

    name: str
    group: str
    summary: str
    module: str


VERBS: tuple[Verb, ...] = (
    Verb("create", _BEGINNER, "Create objects from files or from flags", "create"),
    Verb("expose", _BEGINNER, "Make a service for a workload", "expose"),
    Verb("run", _BEGINNER, "Run an image in a pod", "run"),
    Verb("set", _BEGINNER, "Change images, variables and the like of workloads", "set"),
    Verb("explain", _INTERMEDIATE, "Show what the fields of a type mean", "explain"),
    Verb("get", _INTERMEDIATE, "Show objects", "get"),
    Verb("edit", _INTERMEDIATE, "Edit objects in an editor", "edit"),
    Verb("delete", _INTERMEDIATE, "Delete objects", "delete"),
    Verb("rollout", _DEPLOY, "Follow, undo and restart rollouts", "rollout"),
    Verb("scale", _DEPLOY, "Set how many pods a workload has", "scale:SCALE"),
    Verb("autoscale", _DEPLOY, "Let the number of pods follow their load", "scale:AUTOSCALE"),
    Verb("certificate", _CLUSTER, "Decide on certificate signing requests", "certificate"),
    Verb("cluster-info", _CLUSTER, "Show where the cluster's services are", "cluster_info"),
    Verb("top", _CLUSTER, "Show what nodes and pods use", "top"),
    Verb("cordon", _CLUSTER, "Mark node as unschedulable", "node:CORDON"),
    Verb("uncordon", _CLUSTER, "Mark node as schedulable", "node:UNCORDON"),
    Verb("drain", _CLUSTER, "Empty a node", "drain"),
    Verb("taint", _CLUSTER, "Set taints of nodes", "taint"),
    Verb("describe", _DEBUG, "Show objects in detail, with their events", "describe"),
    Verb("logs", _DEBUG, "Show what containers wrote", "logs"),
    Verb("attach", _DEBUG, "Join a running container's terminal", "attach"),
    Verb("exec", _DEBUG, "Run a command in a container", "exec"),
    Verb("port-forward", _DEBUG, "Reach ports of a pod from here", "port_forward"),
    Verb("proxy", _DEBUG, "Serve the API on a local port", "proxy"),
    Verb("cp", _DEBUG, "Copy files to and from containers", "cp"),
    Verb("debug", _DEBUG, "Look into a pod or a node with tools of another image", "debug"),
    Verb("auth", _DEBUG, "Ask what one may do, and who one is", "auth"),
    Verb("events", _DEBUG, "Show what happened", "events"),
    Verb("diff", _ADVANCED, "Show what an apply would change", "diff"),
    Verb("apply", _ADVANCED, "Make objects be as files say", "apply"),
    Verb("patch", _ADVANCED, "Change fields of an object", "patch:PATCH"),
    Verb("replace", _ADVANCED, "Replace objects by those of files", "patch:REPLACE"),
    Verb("wait", _ADVANCED, "Wait for a condition of objects", "wait"),
    Verb("kustomize", _ADVANCED, "Print the objects of a kustomization", "kustomize"),
    Verb("label", _SETTINGS, "Set labels of objects", "label:LABEL"),
    Verb("annotate", _SETTINGS, "Set annotations of objects", "label:ANNOTATE"),
    Verb("completion", _SETTINGS, "Print a script that completes commands in the shell", "completion"),
    Verb("api-resources", _OTHER, "List the types that the server has", "api_resources:RESOURCES"),
    Verb("api-versions", _OTHER, "List the API versions that the server has", "api_resources:VERSIONS"),
    Verb("config", _OTHER, "Modify kubeconfig files", "config"),
    Verb("kuberc", _OTHER, "Show and change your preferences for kubectl", "kuberc"),
    Verb("plugin", _OTHER, "List the programs that add commands", "plugin"),
    Verb("version", _OTHER, "Show the versions of client and server", "version"),
    Verb("__complete", "", "Print what a word may become", "completion:COMPLETE"),
    Verb("alpha", "", "Commands that are being tried out", "alpha"),
    Verb("options", "", "List the flags that all commands have", "options"),
)


def load(name: str) -> Command | None:
    """The command of that name, with its module imported."""
    for verb in VERBS:
        if verb.name == name:
            module, _, attribute = verb.module.partition(":")
            command: Command = getattr(import_module(f"navarch.cli.verbs.{module}"), attribute or "COMMAND")
            return command
    return None
