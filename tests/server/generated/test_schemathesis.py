"""What schemathesis makes of the served OpenAPI: no failure, no answer outside of the schema.

A run asks each operation once; `make schemathesis N=20` asks each of them N times what its schema allows
and N times what it does not.
"""

from __future__ import annotations

import os

import pytest

from navarch.api.catalog import KINDS
from tests.server.custom.test_definitions import crd, version
from tests.server.generated.harness import Suite

TIMES = int(os.environ.get("NAVARCH_EXAMPLES", "0"))
SEED = int(os.environ.get("NAVARCH_EXAMPLES_SEED", "1"))
DOCUMENTS = sorted({f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}" for kind in KINDS})


@pytest.mark.parametrize("path", DOCUMENTS)
def test_no_answer_is_outside_of_the_schema(path: str) -> None:
    asked(Suite(path))


def test_nor_is_any_of_custom_resources() -> None:
    asked(Suite("apis/ex.example.com/v1", crd(version(subresources={"status": {}}))))


def asked(suite: Suite) -> None:
    try:
        for number, operation in enumerate(suite.operations()):
            if TIMES:
                suite.run(operation, TIMES, TIMES, SEED)
            elif "/watch/" not in operation.path:
                suite.run(operation, number % 2, 1 - number % 2, SEED)
        assert suite.asked >= len(list(suite.operations())) // 2
    finally:
        suite.close()
