"""Every operating error of Navarch, as one tree.

    NavarchError
    ├── StatusError            what the API answers: reason, HTTP code, message, details
    ├── StoreError             see store/contract.py for its branches
    ├── LaunchError            what a person at the launcher sees: id, exit code, advice
    └── UsageError             a command line or library call that cannot be carried out

Operating errors are raised with these types and carry what a client needs. Programmer errors are
asserts. `StatusError` becomes a `kind: Status` body in exactly one place, `server/respond.py`.

Source: the apimachinery Status conventions (reason, code, details.causes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


class NavarchError(Exception):
    """The root of all operating errors."""


class UsageError(NavarchError):
    """A call that cannot be carried out as asked; the text says what to do instead."""


@dataclass(eq=False)
class LaunchError(NavarchError):
    """What a person at the launcher sees: a stable id, what happened, what to do, the exit code.

    Source: minikube's reasons (`id`, exit code by family, message, advice).
    """

    id: str
    message: str
    advice: str = ""
    exit_code: int = 1

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of `details.causes`: machine-readable reason, human message, JSON path."""

    reason: str
    message: str
    field: str = ""


@dataclass(slots=True)
class Details:
    """`Status.details`. `kind` holds the resource plural or the kind, as Kubernetes does per error."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: tuple[Cause, ...] = ()
    retry_after_s: int = 0

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key in ("name", "group", "kind", "uid"):
            if value := getattr(self, key):
                out[key] = value
        if self.causes:
            out["causes"] = [
                {k: v for k, v in (("reason", c.reason), ("message", c.message), ("field", c.field)) if v}
                for c in self.causes
            ]
        if self.retry_after_s:
            out["retryAfterSeconds"] = self.retry_after_s
        return out


@dataclass(eq=False)
class StatusError(NavarchError):
    """An error that the API answers as a Status object.

    `details` None means that the body has no `details` key at all; an empty Details gives `{}`,
    a difference that clients can see.
    """

    code: int
    reason: str
    message: str
    details: Details | None = None
    continue_token: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=())

    def __str__(self) -> str:
        return self.message

    def to_dict(self) -> dict[str, Any]:
        """The Status object, keys in the order in which Kubernetes prints them."""
        metadata: dict[str, Any] = {}
        if self.continue_token:
            metadata["continue"] = self.continue_token
        out: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            out["reason"] = self.reason
        if self.details is not None:
            out["details"] = self.details.to_dict()
        out["code"] = self.code
        return out


def resource_text(plural: str, group: str) -> str:
    """`pods` or `deployments.apps`: how messages name a resource."""
    return f"{plural}.{group}" if group else plural


def not_found(plural: str, name: str, group: str = "") -> StatusError:
    text = f'{resource_text(plural, group)} "{name}" not found'
    return StatusError(404, "NotFound", text, Details(name, group, plural))


def no_such_resource() -> StatusError:
    """An unknown path below a served API group."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", Details())


def already_exists(plural: str, name: str, group: str = "") -> StatusError:
    text = f'{resource_text(plural, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", text, Details(name, group, plural))


def conflict(plural: str, name: str, why: str, group: str = "") -> StatusError:
    text = f'Operation cannot be fulfilled on {resource_text(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", text, Details(name, group, plural))


#: Why an optimistic write lost, in Kubernetes' words.
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized(message: str = "Unauthorized") -> StatusError:
    return StatusError(401, "Unauthorized", message)


def forbidden(plural: str, name: str, why: str, group: str = "", causes: Sequence[Cause] = ()) -> StatusError:
    subject = resource_text(plural, group)
    text = f'{subject} "{name}" is forbidden: {why}' if name else f"{subject} is forbidden: {why}"
    return StatusError(403, "Forbidden", text, Details(name, group, plural, causes=tuple(causes)))


def method_not_allowed(verb: str, plural: str, group: str = "") -> StatusError:
    text = f'{verb} is not supported on resources of kind "{resource_text(plural, group)}"'
    return StatusError(405, "MethodNotAllowed", text, Details(group=group, kind=plural))


def expired(message: str, continue_token: str = "") -> StatusError:
    return StatusError(410, "Expired", message, continue_token=continue_token)


def unsupported_media_type(accepted: Iterable[str] | None = None) -> StatusError:
    text = "415: Unsupported Media Type"
    if accepted is not None:
        text = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
    return StatusError(415, "UnsupportedMediaType", text)


def too_many_requests(message: str, retry_after_s: int = 1, causes: Sequence[Cause] = ()) -> StatusError:
    details = Details(causes=tuple(causes), retry_after_s=retry_after_s)
    return StatusError(429, "TooManyRequests", message, details)


def internal_error(message: str) -> StatusError:
    details = Details(causes=(Cause("", message),))
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details)


def service_unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)


def timeout(message: str, retry_after_s: int = 1, causes: Sequence[Cause] = ()) -> StatusError:
    return StatusError(504, "Timeout", message, Details(causes=tuple(causes), retry_after_s=retry_after_s))
