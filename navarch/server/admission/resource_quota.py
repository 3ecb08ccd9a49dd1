"""ResourceQuota: what a write would use is checked against the namespace's quotas, and charged to them.

The check is repeated on the quota's newest state in the very write that charges it, so that no two
requests use the same rest. A write that fails afterwards leaves its charge to the next recount.

Source: plugin/pkg/admission/resourcequota, apiserver `admission/plugin/resourcequota`.
"""

from __future__ import annotations

from collections.abc import Mapping

from navarch.api.usage import Usage, counts, unstated, usage_of
from navarch.base import quantity
from navarch.base.quantity import ZERO, Quantity
from navarch.schema.types import Tree
from navarch.server.admission.contract import CREATE, UPDATE, Attributes, Plugin, World

_BUCKET = "resourcequotas"

#: Kinds of which an update may use more.
_GROWING = ("services", "persistentvolumeclaims")


async def validate(attributes: Attributes, world: World) -> None:
    """Raises: StatusError 403 naming the first quota that is exceeded."""
    if not attributes.namespace or (attributes.operation == UPDATE and attributes.bucket not in _GROWING):
        return
    quotas = [q for q in world.list(_BUCKET, attributes.namespace) if counts(q, attributes.bucket, attributes.tree)]
    if not quotas:
        return
    added = _added(attributes)
    concerned = [q for q in quotas if added.keys() & _hard(q).keys() or _unstated(attributes, q)]
    for quota in concerned:
        _charged(attributes, quota, added)
    if attributes.dry_run:
        return
    for quota in concerned:

        def charge(current: Tree) -> Tree:
            used = _charged(attributes, current, added)
            return {**current, "status": {**(current.get("status") or {}), "used": used}}

        await world.change(_BUCKET, attributes.namespace, quota["metadata"]["name"], "status", charge)


def _added(attributes: Attributes) -> Usage:
    """What the write uses beyond what stands there."""
    usage = usage_of(attributes.bucket, attributes.tree)
    if attributes.old is None:
        return usage
    before = usage_of(attributes.bucket, attributes.old)
    grown = {name: amount.sub(before.get(name, ZERO)) for name, amount in usage.items()}
    return {name: amount for name, amount in grown.items() if amount.nano > 0}


def _hard(quota: Tree) -> Mapping[str, str]:
    hard: Mapping[str, str] = (quota.get("status") or {}).get("hard") or {}
    return hard


def _unstated(attributes: Attributes, quota: Tree) -> str:
    return unstated(_hard(quota), attributes.tree) if attributes.bucket == "pods" else ""


def _charged(attributes: Attributes, quota: Tree, added: Usage) -> dict[str, str]:
    """`status.used` of the quota with the write in it. Raises: StatusError 403."""
    name = quota["metadata"]["name"]
    if missing := _unstated(attributes, quota):
        raise attributes.forbidden(f"failed quota: {name}: must specify {missing}")
    hard = _hard(quota)
    used: dict[str, str] = dict((quota.get("status") or {}).get("used") or {})
    wanted = {resource: amount for resource, amount in sorted(added.items()) if resource in hard}
    unknown = [resource for resource in wanted if resource not in used]
    if unknown:
        raise attributes.forbidden(f"status unknown for quota: {name}, resources: {','.join(unknown)}")
    total = {resource: quantity.parse(used[resource]).add(amount) for resource, amount in wanted.items()}
    over = [resource for resource in wanted if total[resource].nano > quantity.parse(hard[resource]).nano]
    if over:
        asked = _shown({resource: wanted[resource] for resource in over})
        before = _shown({resource: quantity.parse(used[resource]) for resource in over})
        limit = _shown({resource: quantity.parse(hard[resource]) for resource in over})
        why = f"exceeded quota: {name}, requested: {asked}, used: {before}, limited: {limit}"
        raise attributes.forbidden(why)
    return used | {resource: str(amount) for resource, amount in total.items()}


def _shown(amounts: Mapping[str, Quantity]) -> str:
    return ",".join(f"{name}={amount}" for name, amount in amounts.items())


PLUGIN = Plugin("ResourceQuota", (CREATE, UPDATE), validate=validate)
