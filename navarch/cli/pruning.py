"""`--prune`: which objects an apply no longer says anything about.

An object is a candidate if apply once made it (its annotation says so), the selector matches, its kind is on the list,
and this run has not come across it. `apply` deletes the candidates, `diff` shows them as gone.

Source: kubectl `cmd/apply/prune.go` and `util/prune`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from navarch.cli.errors import CliError
from navarch.cli.flags import Options
from navarch.cli.manifest import Manifest
from navarch.cli.resources import Resource
from navarch.cli.selection import Found, items_of, list_all
from navarch.cli.session import Session
from navarch.cli.writes import has_last_applied
from navarch.schema.types import Tree

_NAMESPACED = (
    ("v1", "ConfigMap"),
    ("v1", "Endpoints"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
)
_CLUSTER_WIDE = (("v1", "Namespace"), ("v1", "PersistentVolume"))
_NO_SCOPE = (
    "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. "
    "If you did not mean to prune all resources, specify a label selector"
)
_SOON_NOT = (
    "Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace "
    "flag in a future release. To preserve the current behaviour, list the resources you want to target explicitly in "
    "the --prune-allowlist flag."
)


def validate(options: Options) -> None:
    """Raises: CliError if the flags do not say what may be pruned."""
    if not options.prune:
        return
    if options.force:
        raise CliError("--force cannot be used with --prune")
    if not options.all and not options.selector:
        raise CliError(_NO_SCOPE)
    if options.server_side:
        raise CliError("--prune is in alpha and doesn't currently work on objects created by server-side apply")


class Pruner:
    """Notes what a run comes across; what is left over is to go. Raises: CliError for an unknown kind."""

    def __init__(self, session: Session, options: Options) -> None:
        self._session = session
        self._selector: str = options.selector
        self._allowed = [_parsed(session, text) for text in options.prune_allowlist] or _usual(session)
        self._seen: set[str] = set()
        self._namespaces: set[str] = set()

    def begin(self, items: Iterator[Manifest | CliError]) -> Iterator[Manifest | CliError]:
        """The items as they are."""
        return items

    def saw(self, namespace: str, tree: Tree | None) -> None:
        """The run works on this object; `tree` as the server has it, None if it has none."""
        if namespace:
            self._namespaces.add(namespace)
        uid = ((tree or {}).get("metadata") or {}).get("uid")
        if uid:
            self._seen.add(uid)

    def candidates(self) -> Iterator[Found]:
        """Raises: CliError."""
        query = [("labelSelector", self._selector)] if self._selector else []
        for resource, namespace in self._places():
            for found in items_of(resource, list_all(self._session, resource, namespace, query)):
                if has_last_applied(found.tree) and found.tree["metadata"].get("uid") not in self._seen:
                    yield found

    def end(self) -> None:
        """Nothing is written down for the next time: the annotations of the objects say enough."""

    def _places(self) -> Iterator[tuple[Resource, str]]:
        for namespace in sorted(self._namespaces):
            yield from ((resource, namespace) for resource in self._allowed if resource.namespaced)
        yield from ((resource, "") for resource in self._allowed if not resource.namespaced)


def _usual(session: Session) -> list[Resource]:
    if session.namespace_given:
        session.complain(f"W {_SOON_NOT}")
    return list(_known(session, (*_NAMESPACED, *_CLUSTER_WIDE)))


def _known(session: Session, kinds: Iterable[tuple[str, str]]) -> Iterator[Resource]:
    for api_version, kind in kinds:
        resource = session.resources.of_kind(kind, api_version)
        if resource is None:
            raise CliError(
                f"error retrieving RESTMappings to prune: invalid resource {api_version}, Kind={kind}: "
                f'no matches for kind "{kind}" in version "{api_version}"'
            )
        yield resource


def _parsed(session: Session, text: str) -> Resource:
    """The kind that one `--prune-allowlist` names."""
    words = text.split("/")
    if len(words) != 3:
        raise CliError(f"invalid GroupVersionKind format: {text}, please follow <group/version/kind>")
    group, version, kind = words
    api_version = version if group in ("core", "") else f"{group}/{version}"
    resource = session.resources.of_kind(kind, api_version)
    if resource is None:
        raise CliError(f'no matches for kind "{kind}" in version "{api_version}"')
    return resource
