"""Images for containers: whether to pull, pulling once for all who wait, and the back-off of failures.

Called by the pod's worker before it creates a container. What goes wrong is raised as `ImageWaiting`,
which is what the container's status shows until the next try.

Source: the kubelet's `images/image_manager.go` (texts, back-off 10 s doubling to 300 s).
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from navarch.api.views.core import Secret
from navarch.base.times import format_duration
from navarch.node.labels import AnyContainer
from navarch.node.memory import Backoff, Waiting
from navarch.node.runtime.contract import ImagePullError, ImageRef, RegistryAuth, Runtime, SandboxConfig
from navarch.seams.contract import Clock

BACKOFF_FIRST_S, BACKOFF_CAP_S = 10.0, 300.0

#: (type, reason, message)
Note = Callable[[str, str, str], None]

_NAME = re.compile(
    r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)


class ImageWaiting(Exception):
    """The image is not there yet. `retry_s`: when to ask again."""

    def __init__(self, waiting: Waiting, retry_s: float) -> None:
        super().__init__(waiting.message)
        self.waiting = waiting
        self.retry_s = retry_s


@dataclass(slots=True)
class _Failure:
    backoff: Backoff
    text: str


class Images:
    """The images of one node."""

    def __init__(self, runtime: Runtime, clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock
        self._pulling: dict[str, asyncio.Lock] = {}
        self._failures: dict[tuple[str, str], _Failure] = {}

    async def ensure(
        self, uid: str, container: AnyContainer, secrets: Sequence[Secret], sandbox: SandboxConfig, note: Note
    ) -> ImageRef:
        """The image of a container, pulled if its policy asks for that. Raises: ImageWaiting."""
        name = container.image
        if not _NAME.fullmatch(name) and not name.startswith("py:"):
            text = f'Failed to apply default image tag "{name}": couldn\'t parse image name "{name}": '
            text += "invalid reference format"
            note("Warning", "InspectFailed", text)
            note("Warning", "Failed", "Error: InvalidImageName")
            raise ImageWaiting(Waiting("InvalidImageName", text), BACKOFF_CAP_S)
        wanted = with_default_tag(name)
        policy = container.imagePullPolicy or ("Always" if wanted.endswith(":latest") else "IfNotPresent")
        present = await self._runtime.image_status(wanted)
        if present is not None and policy != "Always":
            note(
                "Normal",
                "Pulled",
                f'Container image "{name}" already present on machine and can be accessed by the pod',
            )
            return present
        if policy == "Never":
            text = f'Container image "{name}" is not present with pull policy of Never'
            note("Warning", "ErrImageNeverPull", text)
            note("Warning", "Failed", "Error: ErrImageNeverPull")
            raise ImageWaiting(Waiting("ErrImageNeverPull", text), BACKOFF_FIRST_S)
        self._check_backoff((uid, name), note)
        return await self._pull(uid, name, wanted, policy, secrets, sandbox, note)

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for key in [k for k in self._failures if k[0] == uid]:
            del self._failures[key]

    def _check_backoff(self, key: tuple[str, str], note: Note) -> None:
        failure = self._failures.get(key)
        if failure is None:
            return
        left = failure.backoff.raised_at + failure.backoff.delay_s - self._clock.now()
        if left > 0:
            text = f'Back-off pulling image "{key[1]}"'
            note("Normal", "BackOff", text)
            note("Warning", "Failed", "Error: ImagePullBackOff")
            raise ImageWaiting(Waiting("ImagePullBackOff", f"{text}: {failure.text}"), left)

    async def _pull(
        self,
        uid: str,
        name: str,
        wanted: str,
        policy: str,
        secrets: Sequence[Secret],
        sandbox: SandboxConfig,
        note: Note,
    ) -> ImageRef:
        note("Normal", "Pulling", f'Pulling image "{name}"')
        asked = self._clock.now()
        async with self._pulling.setdefault(wanted, asyncio.Lock()):
            began = self._clock.now()
            present = await self._runtime.image_status(wanted) if policy != "Always" and began > asked else None
            if present is None:
                try:
                    await self._try(wanted, secrets, sandbox)
                except ImagePullError as error:
                    raise self._failed(uid, name, error, note) from error
                present = await self._runtime.image_status(wanted)
        self._pulling.pop(wanted, None)
        self._failures.pop((uid, name), None)
        assert present is not None, "the runtime pulled an image and does not have it"
        now = self._clock.now()
        took, waited = format_duration(round(now - began, 3)), format_duration(round(now - asked, 3))
        note(
            "Normal",
            "Pulled",
            f'Successfully pulled image "{name}" in {took} ({waited} including waiting). '
            f"Image size: {present.size_bytes} bytes.",
        )
        return present

    async def _try(self, wanted: str, secrets: Sequence[Secret], sandbox: SandboxConfig) -> None:
        """Pull with each credential that fits in turn, or without any."""
        last: ImagePullError | None = None
        found: list[RegistryAuth | None] = [*credentials(wanted, secrets)]
        for auth in found or [None]:
            try:
                await self._runtime.pull_image(wanted, auth, sandbox)
                return
            except ImagePullError as error:
                last = error
        assert last is not None
        raise last

    def _failed(self, uid: str, name: str, error: ImagePullError, note: Note) -> ImageWaiting:
        before = self._failures.get((uid, name))
        delay = min(before.backoff.delay_s * 2, BACKOFF_CAP_S) if before else BACKOFF_FIRST_S
        self._failures[uid, name] = _Failure(Backoff(delay, self._clock.now()), f"{error.reason}: {error}")
        note("Warning", "Failed", f'Failed to pull image "{name}": {error}')
        note("Warning", "Failed", f"Error: {error.reason}")
        # Soon enough to show the back-off itself, which is what people look for.
        return ImageWaiting(Waiting(error.reason, str(error)), delay / 4)


def with_default_tag(name: str) -> str:
    """`nginx` -> `nginx:latest`; names with a tag or digest as they are."""
    last = name.rsplit("/", 1)[-1]
    return name if ":" in last or "@" in last else f"{name}:latest"


def credentials(image: str, secrets: Sequence[Secret]) -> list[RegistryAuth]:
    """The credentials in pull secrets for the image's registry, best match first."""
    out: list[tuple[int, RegistryAuth]] = []
    first, _, rest = image.partition("/")
    registry = first if rest and ("." in first or ":" in first or first == "localhost") else "docker.io"
    full = image if registry == first else f"docker.io/{image}"
    for secret in secrets:
        for server, entry in _registries(secret).items():
            place = server.removeprefix("https://").removeprefix("http://").rstrip("/")
            place = "docker.io" if place in ("index.docker.io/v1", "index.docker.io", "docker.io") else place
            if full == place or full.startswith((f"{place}/", f"{place}:")):
                out.append((len(place), _auth(server, entry)))
    return [auth for _, auth in sorted(out, key=lambda found: -found[0])]


def _registries(secret: Secret) -> dict[str, dict[str, str]]:
    """The `auths` of a docker configuration; none if it cannot be read."""
    try:
        if ".dockerconfigjson" in secret.data:
            loaded = json.loads(base64.b64decode(secret.data[".dockerconfigjson"]))
            return dict(loaded.get("auths", {}))
        if ".dockercfg" in secret.data:
            return dict(json.loads(base64.b64decode(secret.data[".dockercfg"])))
    except (ValueError, AttributeError):
        pass
    return {}


def _auth(server: str, entry: dict[str, str]) -> RegistryAuth:
    username, password = entry.get("username", ""), entry.get("password", "")
    if not username and "auth" in entry:
        username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    return RegistryAuth(username, password, entry.get("identitytoken", ""), server)
