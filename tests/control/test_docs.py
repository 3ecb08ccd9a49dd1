"""The list of controllers in the documents is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

from navarch.control.catalog import controllers
from navarch.control.certificate_signing import Authority
from navarch.control.config import Config
from tests.control.test_certificates import CA, CA_KEY

PAGE = Path(__file__).parents[2] / "docs" / "controllers.md"


def test_every_controller_is_documented_under_its_identity() -> None:
    rows = [line.split("|")[2] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert documented == {c.name for c in controllers(Config(sign=Authority(CA, CA_KEY).sign, ingress=True))}
