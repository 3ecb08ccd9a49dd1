"""Node labels as columns of small integers, made when a plug-in first asks for a key.

Callers: `columns.py` keeps them in step with the nodes; plug-ins read them.

Worked example:
    slot 0 zone=a, slot 1 zone=b, slot 2 none, slot 3 zone=a
    LabelColumn.ids == [0, 1, -1, 0], .values == ["a", "b"]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

ABSENT = -1


class LabelColumn:
    """The value of one label on each node."""

    __slots__ = ("_known", "ids", "key", "values")

    def __init__(self, key: str, capacity: int) -> None:
        self.key = key
        self.values: list[str] = []
        self.ids: Ints = np.full(capacity, ABSENT, np.int64)
        self._known: dict[str, int] = {}

    def set(self, slot: int, labels: Mapping[str, str]) -> None:
        value = labels.get(self.key)
        if value is None:
            self.ids[slot] = ABSENT
            return
        found = self._known.get(value)
        if found is None:
            found = self._known[value] = len(self.values)
            self.values.append(value)
        self.ids[slot] = found

    def equal(self, values: tuple[str, ...], n: int) -> Bools:
        """Where the label has one of `values`."""
        wanted = [self._known[v] for v in values if v in self._known]
        if not wanted:
            return np.zeros(n, np.bool_)
        ids = self.ids[:n]
        where: Bools = ids == wanted[0] if len(wanted) == 1 else np.isin(ids, wanted)
        return where

    def where(self, test: Callable[[str | None], bool], n: int) -> Bools:
        """Where `test` holds of the label's value, which is None where the label is absent."""
        table = np.array([*(test(v) for v in self.values), test(None)], np.bool_)
        where: Bools = table[self.ids[:n]]
        return where

    def grow(self, capacity: int) -> None:
        self.ids = grown(self.ids, capacity, ABSENT)


def grown(array: npt.NDArray[Any], capacity: int, fill: object = 0) -> npt.NDArray[Any]:
    """The same array with room for `capacity` slots."""
    wider = np.full((capacity, *array.shape[1:]), fill, array.dtype)
    wider[: len(array)] = array
    return wider
