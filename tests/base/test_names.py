import gzip
import json
import re
from collections.abc import Callable

import pytest

from navarch.base import names
from tests.recordings import DIRECTORY as CORPUS


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        (names.dns1123_label_errors, ["a", "my-name", "1"], ["", "A", "-a", "a.b", "a" * 64]),
        (names.dns1123_subdomain_errors, ["a.b", "a-1.b"], ["", "a..b", "A", "a" * 254]),
        (names.dns1035_label_errors, ["a1"], ["1a", ""]),
        (names.qualified_name_errors, ["a", "x.io/Y_z"], ["", "/a", "a/", "a/b/c", "_a"]),
        (names.label_value_errors, ["", "a_B"], ["-", "a b", "x" * 64]),
        (names.port_name_errors, ["http", "a-1"], ["", "1", "a--b", "a-", "sixteen-letters-x"]),
        (names.path_segment_errors, ["a:b", "..."], [".", "..", "a/b", "a%"]),
        (names.env_var_name_errors, ["A", "a b", "1"], ["", "a=b", "\u00e9"]),
        (names.config_map_key_errors, ["a.b", ".x"], ["", ".", "..", "..x", "a b"]),
        (names.ip_errors, ["1.2.3.4", "::1", "010.0.0.1"], ["", "1.2.3", "fe80::1%eth0", "1.2.3.4.5"]),
        (names.cidr_errors, ["10.0.0.1/8", "::/0"], ["10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/+8"]),
        (names.percent_errors, ["5%"], ["5", "-5%", ""]),
        (names.wildcard_subdomain_errors, ["*.a.b"], ["*", "*.", "a.*", "a"]),
    ],
)
def test_rules(rule: Callable[[str], list[str]], right: list[str], wrong: list[str]) -> None:
    assert [v for v in right if rule(v)] == []
    assert [v for v in wrong if not rule(v)] == []


def test_messages_as_recorded() -> None:
    """Messages of label values, names and keys appear letter by letter in what the real server said."""
    path = CORPUS / "invalid.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no corpus at {CORPUS}")
    said = set()
    for line in gzip.decompress(path.read_bytes()).splitlines():
        body = json.loads(line)["response"]["body"]
        for cause in ((body.get("details") or {}).get("causes") or ()) if isinstance(body, dict) else ():
            if match := re.search(r'^Invalid value: "(?:\\.|[^"\\])*": (.*)', cause.get("message", "")):
                said.add(match[1])
    for rule, value in [
        (names.dns1123_label_errors, "Bad_Value!"),
        (names.dns1123_subdomain_errors, "Bad_Value!"),
        (names.dns1035_label_errors, "1a"),
        (names.label_value_errors, "Bad!"),
        (names.qualified_name_errors, "Bad Key!"),
        (names.qualified_name_errors, "a/b/c"),
        (names.port_name_errors, "Bad_Value!x"),
        (names.config_map_key_errors, "a b"),
        (names.percent_errors, "x"),
        (names.ip_errors, "x"),
        (names.cidr_errors, "x"),
    ]:
        assert set(rule(value)) <= said, rule(value)
