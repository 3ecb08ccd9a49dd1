"""Wide objects: enough is looked at to answer, and no more."""

from __future__ import annotations

from typing import Any

from navarch.api.validation.rules import Errors
from navarch.api.validation.wide import first_errors
from navarch.base.field import MAX_SHOWN, required

Tree = dict[str, Any]


class Judge:
    """Every element that is None, or empty, is a mistake."""

    def __init__(self) -> None:
        self.looked = 0

    def __call__(self, *trees: Tree) -> Errors:
        found = []
        for tree in trees:
            for index, value in enumerate(tree["l"].values() if isinstance(tree["l"], dict) else tree["l"]):
                self.looked += 1
                if not value:
                    found.append(required(f"l[{index}]"))
        return found


def test_of_a_million_mistakes_the_first_are_enough() -> None:
    for wide in ([{}] * 1_000_000, dict.fromkeys(map(str, range(1_000_000)))):
        judge = Judge()
        errors = first_errors(judge, {"l": wide})
        assert len(errors) > MAX_SHOWN
        assert judge.looked == 50_000
        assert errors[0].path == "l[0]"


def test_mistakes_far_behind_are_found() -> None:
    judge = Judge()
    tree = {"l": [1] * 180_000 + [None]}
    assert [error.path for error in first_errors(judge, tree)] == ["l[180000]"]
    assert judge.looked < 3 * 180_000


def test_objects_that_are_not_wide_are_judged_as_they_are() -> None:
    seen: list[Tree] = []

    def judge(*trees: Tree) -> Errors:
        seen.extend(trees)
        return []

    new, old = {"l": [{}] * 50_000}, {"l": []}
    assert first_errors(judge, new, old) == []
    assert seen[0] is new and seen[1] is old
