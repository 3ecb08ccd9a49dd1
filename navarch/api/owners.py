"""Owners that a request names twice are kept once, and its writer is told.

Called by the server's write path on what a client sent, before anything else looks at the object.

Source: apiserver `dedupOwnerReferencesAndAddWarning`.
"""

from __future__ import annotations

from typing import Any

from navarch.schema.types import Tree


def without_repeats(metadata: Tree) -> str:
    """Drop references that repeat an earlier one; the text of a warning, empty if there was none."""
    owners: list[Any] = metadata.get("ownerReferences") or []
    if len(owners) < 2:
        return ""
    kept: list[Any] = []
    repeated: list[str] = []
    for owner in owners:
        if owner in kept:
            repeated.append(owner.get("uid", ""))
        else:
            kept.append(owner)
    if not repeated:
        return ""
    metadata["ownerReferences"] = kept
    return (
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
        f"reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
        f"{', '.join(repeated)}"
    )
