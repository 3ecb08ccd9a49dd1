"""Objects as YAML, as Go's encoder writes it. Called by `respond.py` for who asks for `application/yaml`."""

from __future__ import annotations

from typing import Any

import yaml

#: Words that Go's YAML reads as booleans and PyYAML as text.
_GO_BOOLEANS = frozenset({"y", "Y", "n", "N"})


class _GoDumper(yaml.CSafeDumper):
    """Quotes as Go does: double quotes around text that would read as something else."""

    def text(self, value: str) -> yaml.ScalarNode:
        style = None
        if "\n" in value:
            style = "|"
        elif value in _GO_BOOLEANS or _implicit_tag(self, value) != _TEXT_TAG:
            style = '"'
        return self.represent_scalar(_TEXT_TAG, value, style=style)


def _implicit_tag(dumper: Any, value: str) -> Any:
    """The tag of the value if it stood there without quotes."""
    return dumper.resolve(yaml.ScalarNode, value, (True, False))


_TEXT_TAG = "tag:yaml.org,2002:str"
_GoDumper.add_representer(str, _GoDumper.text)


def to_yaml(tree: Any) -> bytes:
    text: str = yaml.dump(tree, Dumper=_GoDumper, default_flow_style=False, allow_unicode=True, width=1 << 30)
    return text.encode()
