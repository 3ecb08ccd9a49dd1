"""Static tokens: a file of `token,user,uid,"group1,group2"` lines."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping

from navarch.base.errors import UsageError
from navarch.wire.messages import User


def parse_token_file(lines: Iterable[str]) -> dict[str, User]:
    """Token -> user. Raises: UsageError with the line number of a line that has too few columns."""
    users: dict[str, User] = {}
    for number, row in enumerate(csv.reader(lines, skipinitialspace=True), 1):
        if not row or row[0].startswith("#"):
            continue
        if len(row) < 3 or not row[0]:
            raise UsageError(f"token file, line {number}: expected token,user,uid and optionally groups")
        groups = tuple(g.strip() for g in row[3].split(",") if g.strip()) if len(row) > 3 else ()
        users[row[0]] = User(row[1], row[2], groups)
    return users


class StaticTokens:
    """An authenticator of tokens that never change."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = dict(users)

    def __call__(self, token: str) -> User | None:
        return self._users.get(token)
