"""The name suffix that stands for a config map's or secret's content (`--append-hash`, kustomize).

Source: kubectl `util/hash`: the first ten hexadecimal digits of a SHA-256, with vowels-free letters.
"""

from __future__ import annotations

from hashlib import sha256

from navarch.cli.output.json import compact
from navarch.schema.types import Tree

_LETTERS = str.maketrans("013ae", "ghkmt")


def content_hash(kind: str, name: str, content: Tree) -> str:
    """`content`: the fields that count, without kind and name for a ConfigMap."""
    encoded = compact({**content, "kind": kind, "name": name})
    return sha256(encoded.encode()).hexdigest()[:10].translate(_LETTERS)
