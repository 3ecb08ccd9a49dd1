"""What may be asked of a log, and what is said to the rest."""

from __future__ import annotations

import pytest

from navarch.base.errors import StatusError
from navarch.server.subresources.log_options import check_log_options


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ({"tailLines": "-1"}, 422, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ({"limitBytes": "0"}, 422, "limitBytes: Invalid value: 0: must be greater than 0"),
        ({"sinceSeconds": "0"}, 422, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        (
            {"sinceSeconds": "0", "sinceTime": "2026-01-01T00:00:00Z"},
            422,
            "[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
        ({"stream": "Both"}, 422, 'stream: Unsupported value: "Both": supported values: "All", "Stderr", "Stdout"'),
        ({"stream": "Stdout", "tailLines": "3"}, 422, "`tailLines` and specific `stream` are mutually exclusive"),
        ({"tailLines": "many"}, 400, 'strconv.ParseInt: parsing "many": invalid syntax'),
        ({"sinceTime": "noon"}, 400, 'parsing time "noon" as'),
    ],
)
def test_wishes_that_cannot_be_fulfilled(query: dict[str, str], code: int, text: str) -> None:
    with pytest.raises(StatusError) as error:
        check_log_options("web", query)
    assert error.value.code == code and text in error.value.message


def test_all_else_is_granted() -> None:
    check_log_options("web", {})
    check_log_options("web", {"tailLines": "0", "sinceTime": "2026-01-01T00:00:00Z", "stream": "All", "follow": "true"})
    check_log_options("web", {"stream": "Stderr", "limitBytes": "1", "tailLines": ""})
