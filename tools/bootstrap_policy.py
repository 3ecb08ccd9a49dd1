"""Write navarch/server/authz/bootstrap_policy.json from recorded lists of a real cluster's RBAC objects.

    python -m tools.bootstrap_policy DIRECTORY

DIRECTORY holds `<plural>.rbac.authorization.k8s.io.json` as the list requests answered them. Kept are
names, rules, subjects and role references; what the server stamps, and the label and annotation
that every one of these objects has, are left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "navarch/server/authz/bootstrap_policy.json"
KINDS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
}
COMMON_LABEL = "kubernetes.io/bootstrapping"


def facts(item: dict[str, Any]) -> dict[str, Any]:
    """What is particular to one object."""
    metadata = item["metadata"]
    out: dict[str, Any] = {"name": metadata["name"]}
    if "namespace" in metadata:
        out["namespace"] = metadata["namespace"]
    if labels := {k: v for k, v in metadata.get("labels", {}).items() if k != COMMON_LABEL}:
        out["labels"] = labels
    if "aggregationRule" in item:
        out["aggregationRule"] = item["aggregationRule"]
    elif "rules" in item:
        out["rules"] = item["rules"]
    if "roleRef" in item:
        out["role"] = [item["roleRef"]["kind"], item["roleRef"]["name"]]
        out["subjects"] = [
            [s["kind"], s["name"], s["namespace"]] if "namespace" in s else [s["kind"], s["name"]]
            for s in item.get("subjects", ())
        ]
    return out


def main(directory: Path) -> None:
    lines = []
    for kind, plural in KINDS.items():
        items = json.loads((directory / f"{plural}.rbac.authorization.k8s.io.json").read_text())["response"]["body"]
        rows = [json.dumps(facts(item), separators=(",", ":")) for item in items["items"]]
        lines.append(f'"{kind}":[\n' + ",\n".join(rows) + "\n]")
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
