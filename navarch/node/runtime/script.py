"""How containers of the fake runtime behave, by image, by pod or by the pod's annotation.

Without a script an image is pulled at once, its container starts at once, stays up and is healthy.

Worked example:
    scripts = Scripts()
    scripts.image("flaky:1", Script(exit_after_s=5, exit_code=1))
    scripts.image("worker", run=my_async_function)          # its process is a Python callable
    scripts.pod("default/web-0", Script(ready_after_s=30))
or, on the pod: `navarch.dev/fake: '{"exit_after_s": 2}'`; or, as its image: `py:package.module:function`.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

ANNOTATION = "navarch.dev/fake"
PYTHON_IMAGE = "py:"


@dataclass(frozen=True, slots=True)
class Script:
    """Times are seconds of virtual time; those ending in `after_s` count from the container's start.
    None: never. `pull_error` and `start_error` are the runtime's texts."""

    pull_s: float = 0.0
    pull_error: str = ""
    start_s: float = 0.0
    start_error: str = ""
    stop_s: float = 0.0
    exit_after_s: float | None = None
    exit_code: int = 0
    #: How many instances exit as said; later ones stay up. None: all of them.
    exit_times: int | None = None
    oom: bool = False
    ready_after_s: float = 0.0
    started_after_s: float = 0.0
    unready_after_s: float | None = None
    dead_after_s: float | None = None
    log: tuple[str, ...] = ()
    termination_message: str = ""
    #: Processor, memory and disk (its writable layer) in use while it runs, as quantities.
    cpu: str = "0"
    memory: str = "0"
    disk: str = "0"
    http_status: int = 200
    http_body: str = "ok"
    #: Output and exit code of commands, by the command joined with blanks.
    exec: Mapping[str, tuple[str, int]] = field(default_factory=dict)


DEFAULT = Script()


class Process:
    """What a Python callable that runs as a container sees of its container."""

    def __init__(
        self, pod: str, namespace: str, container: str, args: tuple[str, ...], env: dict[str, str], ips: tuple[str, ...]
    ) -> None:
        self.pod, self.namespace, self.container = pod, namespace, container
        self.args, self.env, self.ips = args, env, ips
        self.write: Callable[[str], None] = lambda line: None

    def print(self, *words: object) -> None:
        """One line on the container's standard output."""
        self.write(" ".join(str(w) for w in words))


#: A container's process: returns its exit code (None: 0), raises to fail, is cancelled to stop.
Main = Callable[[Process], int | Awaitable[int | None] | None]


class Scripts:
    """The behaviours of one simulation, shared by the fake runtimes of all its nodes."""

    def __init__(self) -> None:
        self._images: dict[str, Script] = {}
        self._pods: dict[str, Script] = {}
        self._mains: dict[str, Main] = {}
        #: Whether any script ever said that something is used.
        self.consuming = False

    def image(self, image: str, script: Script = DEFAULT, *, run: Main | None = None) -> None:
        """Set how containers of an image behave."""
        self._images[_short(image)] = self._noted(script)
        if run is not None:
            self._mains[_short(image)] = run

    def pod(self, key: str, script: Script) -> None:
        """Set how the containers of one pod (`namespace/name`) behave, above their images' scripts."""
        self._pods[key] = self._noted(script)

    def _noted(self, script: Script) -> Script:
        self.consuming = self.consuming or (script.cpu, script.memory, script.disk) != ("0", "0", "0")
        return script

    def for_image(self, image: str) -> Script:
        return self._images.get(_short(image), DEFAULT)

    def find(self, image: str, namespace: str, name: str, annotations: Mapping[str, str]) -> Script:
        """The script of a container: its pod's, else its image's; the annotation overrides single fields."""
        script = self._pods.get(f"{namespace}/{name}") or self.for_image(image)
        text = annotations.get(ANNOTATION)
        if text is None:
            return script
        overrides: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        if "log" in overrides:
            overrides["log"] = tuple(overrides["log"])
        return self._noted(replace(script, **overrides))

    def main(self, image: str) -> Main | None:
        """The callable that runs as this image's process, None if it has none."""
        found = self._mains.get(_short(image))
        if found is None and image.startswith(PYTHON_IMAGE):
            module, _, name = image[len(PYTHON_IMAGE) :].partition(":")
            loaded: Main = getattr(importlib.import_module(module), name)
            return loaded
        return found


def _short(image: str) -> str:
    """Under which name an image's script is kept: as people write it, without the tag that is implied."""
    return image.removesuffix(":latest")
