"""Why a recorded answer is missed: a coarse category per miss, for the report.

The first rule that applies names the category, so that rules go from the particular to the general.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

#: (category, applies to (record, what was wrong))
Rule = tuple[str, Callable[[dict[str, Any], list[str]], bool]]


def reason(record: dict[str, Any], wrong: list[str]) -> str:
    """The category of a miss."""
    return next(category for category, applies in _RULES if applies(record, wrong))


def _path(pattern: str) -> Callable[[dict[str, Any], list[str]], bool]:
    return lambda record, _: re.search(pattern, record["request"]["path"]) is not None


def _id(pattern: str) -> Callable[[dict[str, Any], list[str]], bool]:
    return lambda record, _: re.search(pattern, record.get("id", "")) is not None


def _sequence(*names: str) -> Callable[[dict[str, Any], list[str]], bool]:
    return lambda record, _: record.get("seq") in names


def _wrong(pattern: str) -> Callable[[dict[str, Any], list[str]], bool]:
    return lambda _, wrong: any(re.search(pattern, text) for text in wrong)


def _all_wrong(pattern: str) -> Callable[[dict[str, Any], list[str]], bool]:
    return lambda _, wrong: all(re.search(pattern, text) for text in wrong)


_RULES: tuple[Rule, ...] = (
    ("granted or refused by the recorded build only", _sequence("forbidden")),
    ("signed with another kind of key", _path(r"/\.well-known/")),
    ("rests of a record that is not in this part", _id(r"/proto-delete404$")),
    ("differences show a volume source of the recorded build", _wrong(r"@@ @@")),
    ("estimated costs and type information of CEL rules", _id(r"/crd-rich(-|/)")),
    ("the order of steps: here an address is no object before its Service is one", _id(r"svc-min/proto-noname")),
    ("parts of the recorded program", _path(r"^/(healthz|livez|readyz|flagz|statusz|debug/.*)?(\?.*)?$")),
    ("parts of Navarch's own", _all_wrong(r"^not expected$")),
    ("written by controllers", _path(r"/(clusterroles|leases|servicecidrs)$")),
    ("a controller of the recorded server came in between", _path(r"/(apiservices|flowschemas)/")),
    ("custom resources", _path(r"/apis/ex\.example\.com/")),
    ("schema of CustomResourceDefinitions", _path(r"/customresourcedefinitions")),
    ("admission policies", _path(r"/(validating|mutating)admissionpolic")),
    ("admission of pods", _sequence("podsecurity", "quota", "limitrange", "vap-live")),
    ("warnings only", _all_wrong(r"^Warning: ")),
    ("invalid objects are taken", _wrong(r"^status: 4\d\d expected, 20\d found")),
    ("valid objects are refused", _wrong(r"^status: 20\d expected, 422 found")),
    ("another error", _wrong(r"^status: ")),
    ("error texts", _wrong(r"^\.message")),
    ("causes", _wrong(r"^\.details")),
    ("managed fields", _all_wrong(r"managedFields")),
    ("table cells", _wrong(r"\.cells\[")),
    ("values", lambda _record, _wrong: True),
)
