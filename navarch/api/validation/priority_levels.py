"""PriorityLevelConfiguration.

Source: kubernetes `pkg/apis/flowcontrol/validation`; KEP-1040 for the dealing of hands.
"""

from __future__ import annotations

import math
from typing import Final

from navarch.api.validation.rules import Errors
from navarch.base.field import forbidden_field, invalid_value, not_supported, required
from navarch.schema.types import Tree

#: The dealer has so many bits of a hash to deal a hand from.
_MAX_HASH_BITS: Final = 60
_MAX_PERCENT: Final = 100
_POSITIVE: Final = "must be positive"


def priority_level_errors(tree: Tree) -> Errors:
    spec, name = tree.get("spec") or {}, tree["metadata"].get("name", "")
    kind, limited, exempt = spec.get("type", ""), spec.get("limited"), spec.get("exempt")
    errors: Errors = []
    if (name == "exempt") != (kind == "Exempt") and kind:
        text = "must be 'Exempt' if and only if `name` is 'exempt'"
        errors.append(invalid_value("spec.type", kind, text))
    if kind == "Exempt":
        if limited is not None:
            errors.append(forbidden_field("spec.limited", "must be nil if the type is not Limited"))
        return errors + (_shares_errors(exempt, "spec.exempt") if exempt is not None else [])
    if kind != "Limited":
        return [*errors, not_supported("spec.type", kind, ("Exempt", "Limited"))]
    if exempt is not None:
        errors.append(forbidden_field("spec.exempt", "must be nil if the type is Limited"))
    if limited is None:
        return [*errors, required("spec.limited", "must not be empty when type is Limited")]
    return errors + _limited_errors(limited, "spec.limited")


def _shares_errors(level: Tree, path: str) -> Errors:
    errors: Errors = []
    shares, lendable = level.get("nominalConcurrencyShares"), level.get("lendablePercent")
    if shares is not None and shares < 0:
        text = "must be a non-negative integer"
        errors.append(invalid_value(f"{path}.nominalConcurrencyShares", shares, text))
    if lendable is not None and not 0 <= lendable <= _MAX_PERCENT:
        text = "must be between 0 and 100, inclusive"
        errors.append(invalid_value(f"{path}.lendablePercent", lendable, text))
    return errors


def _limited_errors(limited: Tree, path: str) -> Errors:
    errors = _response_errors(limited.get("limitResponse") or {}, f"{path}.limitResponse")
    errors += _shares_errors(limited, path)
    borrowing = limited.get("borrowingLimitPercent")
    if borrowing is not None and borrowing < 0:
        text = "if specified, must be a non-negative integer"
        errors.append(invalid_value(f"{path}.borrowingLimitPercent", borrowing, text))
    return errors


def _response_errors(response: Tree, path: str) -> Errors:
    kind, queuing, where = response.get("type", ""), response.get("queuing"), f"{path}.queuing"
    if kind == "Reject":
        text = "must be nil if limited.limitResponse.type is not Limited"
        return [forbidden_field(where, text)] if queuing is not None else []
    if kind != "Queue":
        return [not_supported(f"{path}.type", kind, ("Queue", "Reject"))]
    if queuing is None:
        return [required(where, "must not be empty if limited.limitResponse.type is Limited")]
    return _queuing_errors(queuing, where)


def _queuing_errors(queuing: Tree, path: str) -> Errors:
    queues, hand = queuing.get("queues", 0), queuing.get("handSize", 0)
    limit = queuing.get("queueLengthLimit", 0)
    errors: Errors = []
    if limit <= 0:
        errors.append(invalid_value(f"{path}.queueLengthLimit", limit, _POSITIVE))
    if queues <= 0:
        errors.append(invalid_value(f"{path}.queues", queues, _POSITIVE))
    where = f"{path}.handSize"
    if hand <= 0:
        errors.append(invalid_value(where, hand, _POSITIVE))
    elif hand > queues:
        errors.append(invalid_value(where, hand, f"should not be greater than queues ({queues})"))
    elif _entropy_bits(queues, hand) > _MAX_HASH_BITS:
        text = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than 60"
        errors.append(invalid_value(where, hand, text))
    return errors


def _entropy_bits(deck: int, hand: int) -> int:
    """Bits that tell all hands apart, dealt one card after the other."""
    return math.ceil(sum(math.log2(deck - dealt) for dealt in range(hand)))
