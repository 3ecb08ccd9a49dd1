"""What an admission plug-in is, and what it gets to see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from navarch.base.errors import StatusError, forbidden
from navarch.schema.types import Tree
from navarch.server.authz.attributes import Attributes as Question
from navarch.server.authz.attributes import Decision
from navarch.server.served import Served
from navarch.wire.kept import KeptConnections
from navarch.wire.messages import User

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


@dataclass(slots=True)
class Attributes:
    """One request as plug-ins see it. `obj` is the new object, None on DELETE; `old` is what stands
    in the store, None on CREATE."""

    operation: str
    served: Served
    namespace: str
    name: str
    subresource: str
    obj: Tree | None
    old: Tree | None
    user: User
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    #: What the audit log says of the request beside itself; None where nobody keeps one.
    annotations: dict[str, str] | None = None
    #: What mutating webhooks and policies left, by webhook or policy; whether one changed the object, and
    #: whether this is the second run that follows from it.
    seen: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    changed: bool = False
    reinvoked: bool = False
    #: The version that was asked for, where plug-ins are shown another.
    requested: Served | None = None
    #: What `obj` and `old` are, where a subresource takes another kind than its resource's: a Scale.
    apart: Served | None = None

    @property
    def form(self) -> Served:
        """What `obj` and `old` are."""
        return self.apart or self.served

    @property
    def bucket(self) -> str:
        return self.served.bucket

    def annotate(self, key: str, value: str) -> None:
        """Add to the audit log's entry of the request; the first value of a key stays."""
        if self.annotations is not None:
            self.annotations.setdefault(key, value)

    @property
    def tree(self) -> Tree:
        """The object that a plug-in of CREATE or UPDATE looks at."""
        assert self.obj is not None
        return self.obj

    def forbidden(self, why: str) -> StatusError:
        """The 403 of a plug-in that refuses the request."""
        return forbidden(self.served.plural, self.name, why, self.served.group)


class World(Protocol):
    """The cluster, read-only, as it stands in the index. Trees must not be changed."""

    @property
    def now(self) -> float: ...

    @property
    def connections(self) -> KeptConnections:
        """To webhooks."""

    def get(self, bucket: str, namespace: str, name: str) -> Tree | None: ...

    def list(self, bucket: str, namespace: str = "") -> Iterable[Tree]:
        """The objects of a bucket, or of a namespace in it, to be gone through once."""

    def versions(self, bucket: str) -> Sequence[Served]:
        """The forms in which the objects of a bucket are served."""

    def bucket_of(self, api_version: str, kind: str) -> tuple[str, bool]:
        """Where objects of a kind are, and whether that is by namespace. Raises: LookupError."""

    def uuid(self) -> str: ...

    def suffix(self, length: int) -> str:
        """Random characters for generated names."""

    def allowed(self, user: User, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> bool:
        """Whether authorisation lets the user do something else than the request itself."""

    def decide(self, question: Question) -> Decision:
        """What authorisation says to any question."""

    def check_grant(self, kind: str, new: Tree, old: Tree | None, user: User) -> None:
        """Raises: StatusError 403 when a role or binding would grant more than the user has."""

    async def change(
        self, bucket: str, namespace: str, name: str, subresource: str, change: Callable[[Tree], Tree]
    ) -> None:
        """Change an object on the server's own account. Raises: StatusError."""


Check = Callable[[Attributes, World], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Plugin:
    """One admission plug-in. Empty `buckets` means all; `subresources` names those beside the object
    itself ("") that it sees, `*` all."""

    name: str
    operations: tuple[str, ...]
    buckets: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ("",)
    admit: Check | None = None
    validate: Check | None = None

    def handles(self, bucket: str, operation: str, subresource: str) -> bool:
        return (
            operation in self.operations
            and (not self.buckets or bucket in self.buckets)
            and (subresource in self.subresources or "*" in self.subresources)
        )


class Chain:
    """The plug-ins of a server, selected once per (bucket, operation, subresource)."""

    def __init__(self, plugins: Sequence[Plugin], world: World) -> None:
        self._plugins = tuple(plugins)
        self._world = world
        self._selected: dict[tuple[str, str, str], tuple[list[Check], list[Check]]] = {}

    async def admit(self, attributes: Attributes) -> None:
        """Run the mutating half in order, and once more when a webhook or policy changed something.

        Raises: StatusError of the first that refuses.
        """
        await self._run(self._select(attributes)[0], attributes)
        if attributes.changed:
            attributes.reinvoked = True
            await self._run(self._select(attributes)[0], attributes)

    async def validate(self, attributes: Attributes) -> None:
        """Run the validating half in order. Raises: StatusError of the first that refuses."""
        await self._run(self._select(attributes)[1], attributes)

    async def _run(self, checks: Sequence[Check], attributes: Attributes) -> None:
        for check in checks:
            waiting = check(attributes, self._world)
            if waiting is not None:
                await waiting

    def _select(self, attributes: Attributes) -> tuple[list[Check], list[Check]]:
        key = (attributes.bucket, attributes.operation, attributes.subresource)
        found = self._selected.get(key)
        if found is None:
            chosen = [p for p in self._plugins if p.handles(*key)]
            found = self._selected[key] = (
                [p.admit for p in chosen if p.admit is not None],
                [p.validate for p in chosen if p.validate is not None],
            )
        return found
