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
    """A command's name, the heading it is listed under, and its module below this package."""

    name: str
    group: str
    summary: str
    module: str


VERBS: tuple[Verb, ...] = (
    Verb("create", _BEGINNER, "Create objects from files or from flags", "create"),
    Verb("get", _INTERMEDIATE, "Show objects", "get"),
    Verb("delete", _INTERMEDIATE, "Delete objects", "delete"),
    Verb("describe", _DEBUG, "Show objects in detail, with their events", "describe"),
    Verb("apply", _ADVANCED, "Make objects be as files say", "apply"),
)


def load(name: str) -> Command | None:
    """The command of that name, with its module imported."""
    for verb in VERBS:
        if verb.name == name:
            command: Command = import_module(f"navarch.cli.verbs.{verb.module}").COMMAND
            return command
    return None
